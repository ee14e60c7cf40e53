import { describe, expect, test } from 'vitest';
import { silentLogger } from '../../../src/base/logger.js';
import { Guardian } from '../../../src/engine/guardian/guardian.js';
import { GuardianLease, type GuardianLink } from '../../../src/engine/guardian/lease.js';
import type {
  FromGuardian,
  GuardianTask,
  ToGuardian,
} from '../../../src/engine/guardian/messages.js';
import { FakeWorld } from './fake-world.js';

const task: GuardianTask = {
  run: 'r1',
  journal: '/j',
  name: 'vm',
  address: { type: 'unix', path: '/vm' },
  engine: { pid: 1, machine: 'm' },
  leaseMs: 5000,
  scope: 'disk',
};

/** A guardian of the world at the other end of a wire that can be cut, or carry nothing. */
class Wire implements GuardianLink {
  readonly guardian: Guardian;
  readonly sent: ToGuardian['type'][] = [];
  ready: FromGuardian = { type: 'ready', by: 'shared' };
  carries = true;
  #onMessage: (message: FromGuardian) => void = () => undefined;
  #onClosed: (why: string, gone: boolean) => void = () => undefined;

  constructor(readonly world: FakeWorld) {
    this.guardian = new Guardian(world, task);
    world.tell = (message) => {
      world.told.push(message);
      this.#answer(message);
    };
  }

  send(message: ToGuardian): void {
    this.sent.push(message.type);
    if (!this.carries) return;
    if (message.type === 'begin') this.#answer(this.ready);
    else void Promise.resolve().then(() => this.guardian.receive(message));
  }

  onMessage(listener: (message: FromGuardian) => void): void {
    this.#onMessage = listener;
  }

  onClosed(listener: (why: string, gone: boolean) => void): void {
    this.#onClosed = listener;
  }

  close(): void {
    void Promise.resolve().then(() => this.guardian.inputEnded());
  }

  /** The guardian's process ends. */
  cut(): void {
    this.#onClosed('ended', true);
  }

  #answer(message: FromGuardian): void {
    void Promise.resolve().then(() => this.carries && this.#onMessage(message));
  }
}

function setUp() {
  const world = new FakeWorld();
  const wires: Wire[] = [];
  const lost: Error[] = [];
  let prepareWire: (wire: Wire) => void = () => undefined;
  const lease = new GuardianLease({
    clock: world.clock,
    logger: silentLogger,
    task,
    start: () => {
      const wire = new Wire(world);
      prepareWire(wire);
      wires.push(wire);
      return Promise.resolve(wire);
    },
  });
  const { signal } = new AbortController();
  return {
    world,
    wires,
    lost,
    lease,
    signal,
    take: () => lease.take(signal, (error) => lost.push(error)),
    onWire: (prepare: (wire: Wire) => void) => (prepareWire = prepare),
  };
}

describe('a lease', () => {
  test('renews itself for as long as it is held, and ends its guardian when it is given back', async () => {
    const { world, wires, lease, signal, take, lost } = setUp();
    await lease.prepare(signal);
    await lease.prepare(signal);
    await take();
    await world.clock.sleep(3_600_000);
    await lease.confirm(signal);
    await lease.release();
    await lease.release();
    await wires[0]!.guardian.done;
    expect(wires).toHaveLength(1);
    expect(wires[0]!.sent.length).toBeGreaterThan(3000);
    expect(world.resumed).toEqual([]);
    expect(lost).toEqual([]);
    expect(world.clock.waiting).toBe(0);
    await expect(lease.confirm(signal)).rejects.toMatchObject({
      kind: 'lease',
      message: "The lease on the guest's pause is ended.",
    });
  });

  test('that is abandoned leaves the guest to the guardian', async () => {
    const { world, wires, lease, take } = setUp();
    await take();
    world.engineDies();
    await lease.abandon();
    await wires[0]!.guardian.done;
    expect(world.resumed).toHaveLength(1);
  });

  test('whose guardian ends is lost at once', async () => {
    const { wires, lease, signal, take, lost } = setUp();
    await take();
    wires[0]!.cut();
    expect(lost).toMatchObject([
      {
        kind: 'lease',
        message: "The lease on the guest's pause was lost: The guardian ended.",
      },
    ]);
    await expect(lease.confirm(signal)).rejects.toBe(lost[0]);
    await lease.release();
    expect(lost).toHaveLength(1);
  });

  test('whose guardian does not answer is lost after its time', async () => {
    const { world, wires, lease, signal, take, lost } = setUp();
    await take();
    wires[0]!.carries = false;
    await expect(lease.confirm(signal)).rejects.toMatchObject({
      kind: 'lease',
      message: "The lease on the guest's pause was lost: The guardian did not answer for 5 s.",
    });
    expect(lost).toHaveLength(1);
    await world.clock.sleep(60_000);
    expect(lost).toHaveLength(1);
  });

  test('that the guardian calls lost is lost: who waits for a confirmation hears of it', async () => {
    const { world, wires, lease, signal, take, lost } = setUp();
    world.withSecond();
    await take();
    const [wire] = wires;
    wire!.carries = false;
    await world.clock.sleep(4000);
    const confirming = lease.confirm(signal);
    confirming.catch(() => undefined);
    await world.clock.sleep(2000);
    wire!.carries = true;
    await wire!.guardian.done;
    await expect(confirming).rejects.toMatchObject({ kind: 'lease' });
    expect(lost).toHaveLength(1);
    expect(world.resumed).toHaveLength(1);
  });

  test('can be waited for no longer than somebody wants to know', async () => {
    const { wires, lease, take, lost } = setUp();
    await take();
    wires[0]!.carries = false;
    const cancel = new AbortController();
    const confirming = lease.confirm(cancel.signal);
    cancel.abort();
    await expect(confirming).rejects.toMatchObject({ kind: 'cancelled' });
    expect(lost).toEqual([]);
    await lease.release();
  });
});

describe('a guardian that can not be had', () => {
  test('because it is not to be started', async () => {
    const { world, signal } = setUp();
    const lease = new GuardianLease({
      clock: world.clock,
      logger: silentLogger,
      task,
      start: () => Promise.reject(new Error('spawn ENOENT')),
    });
    await expect(lease.prepare(signal)).rejects.toMatchObject({
      kind: 'lease',
      message: 'No guardian could be started, so the guest of vm is not paused: spawn ENOENT',
      hint: expect.stringMatching(/^Use --no-guardian to go without one/) as string,
    });
  });

  test('because it refuses', async () => {
    const { lease, take, onWire } = setUp();
    onWire((wire) => (wire.ready = { type: 'refused', message: 'The journal is not there.' }));
    await expect(take()).rejects.toMatchObject({
      kind: 'lease',
      message: expect.stringContaining('The journal is not there.') as string,
    });
    await lease.release();
  });

  test('because it says nothing', async () => {
    const { take, onWire } = setUp();
    onWire((wire) => (wire.carries = false));
    await expect(take()).rejects.toMatchObject({
      message: expect.stringContaining('The guardian did not answer for 15 s.') as string,
    });
  });

  test('because it ended between its start and the pause: another one is started', async () => {
    const { wires, lease, signal, take, lost } = setUp();
    await lease.prepare(signal);
    wires[0]!.cut();
    await take();
    expect(wires).toHaveLength(2);
    expect(lost).toEqual([]);
    await lease.release();
  });
});
