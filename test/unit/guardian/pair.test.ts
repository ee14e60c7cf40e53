/** Two guardians of one pause: one may go, none may act, and the guest is resumed once. */
import { describe, expect, test } from 'vitest';
import { LeaseError } from '../../../src/base/errors.js';
import { Guardian } from '../../../src/engine/guardian/guardian.js';
import { PairedLease, type SingleLease } from '../../../src/engine/guardian/pair.js';
import type { JournalRecord } from '../../../src/engine/runs/index.js';
import { FakeWorld, PAUSED } from './fake-world.js';

class FakeLease implements SingleLease {
  gone = false;
  readonly calls: string[] = [];
  #dies = false;
  #error: LeaseError | undefined;
  #onLost: (error: Error) => void = () => undefined;

  constructor(
    private readonly name: string,
    private readonly log: string[],
  ) {}

  prepare() {
    return this.#call('prepare');
  }

  take(_: AbortSignal, onLost: (error: Error) => void) {
    this.#onLost = onLost;
    return this.#call('take');
  }

  confirm() {
    return this.#call('confirm');
  }

  release() {
    this.log.push(`${this.name} release`);
    return Promise.resolve();
  }

  abandon() {
    this.log.push(`${this.name} abandon`);
    return Promise.resolve();
  }

  /** Its guardian is gone, or acts. */
  lose(gone: boolean): void {
    this.gone = gone;
    this.#error = new LeaseError(`${this.name} is lost.`);
    this.#onLost(this.#error);
  }

  /** Its guardian is killed when it is asked next, and the one after it lives. */
  dieOnce(): void {
    this.gone = true;
    this.#dies = true;
  }

  /** Nobody is told; it fails when it is asked next. */
  failSilently(): void {
    this.#error = new LeaseError(`${this.name} does not answer.`);
  }

  #call(what: string): Promise<void> {
    this.log.push(`${this.name} ${what}`);
    if (this.#dies) {
      this.#dies = false;
      return Promise.reject(new LeaseError(`${this.name} is gone.`));
    }
    return this.#error ? Promise.reject(this.#error) : Promise.resolve();
  }
}

const { signal } = new AbortController();

function setUp() {
  const log: string[] = [];
  const first = new FakeLease('first', log);
  const second = new FakeLease('second', log);
  const warned: string[] = [];
  const pair = new PairedLease([first, second], { log: (_, message) => warned.push(message) });
  const lost: string[] = [];
  const take = () => pair.take(signal, (error) => lost.push(error.message));
  return { pair, first, second, warned, lost, take, log };
}

describe('a lease with two guardians', () => {
  test('is ready when both are, one after the other', async () => {
    const { pair, log } = setUp();
    await pair.prepare(signal);
    expect(log).toEqual(['first prepare', 'second prepare']);
    await pair.release();
    await pair.abandon();
    expect(log.slice(2)).toEqual([
      ...['first release', 'second release', 'first abandon', 'second abandon'],
    ]);
  });

  test('starts one again that was killed while it started', async () => {
    const { pair, first, log } = setUp();
    first.dieOnce();
    await pair.prepare(signal);
    expect(log).toEqual(['first prepare', 'first prepare', 'second prepare']);
  });

  test('is not taken where one can’t be started', async () => {
    const { second, take, log } = setUp();
    second.failSilently();
    await expect(take()).rejects.toMatchObject({ kind: 'lease' });
    expect(log).toEqual(['first prepare', 'second prepare']);
  });

  test('is held while one of them is gone, and lost when the other is', async () => {
    const { pair, first, second, warned, lost, take } = setUp();
    await take();
    first.lose(true);
    expect(warned).toEqual(['One of two guardians is gone; the other watches on. first is lost.']);
    await pair.confirm(signal);
    expect(lost).toEqual([]);
    second.lose(true);
    expect(lost).toEqual(['second is lost.']);
    await expect(pair.confirm(signal)).rejects.toThrow('first is lost.');
  });

  test('is lost, once, when one of them acts', async () => {
    const { pair, first, second, lost, take } = setUp();
    await take();
    first.lose(false);
    second.lose(false);
    expect(lost).toEqual(['first is lost.']);
    await expect(pair.confirm(signal)).rejects.toThrow('first is lost.');
  });

  test('is not confirmed where one that lives does not answer', async () => {
    const { pair, second, take } = setUp();
    await take();
    second.failSilently();
    await expect(pair.confirm(signal)).rejects.toThrow('second does not answer.');
  });
});

/** Worlds of two guardians with one guest and one journal. */
class SharedJournal extends FakeWorld {
  override async readJournal(): Promise<readonly JournalRecord[]> {
    const acts = this.acts.map((act) => ({ at: '', monotonicMs: 0, ...act }));
    return [...(await super.readJournal()), ...acts];
  }
}

const options = { leaseMs: 5000, scope: 'disk' } as const;

describe('a guardian that comes late', () => {
  test.each([true, false])(
    'leaves a guest that the first resumed (engine alive: %s)',
    async (alive) => {
      const world = new SharedJournal().withSecond();
      world.milestones = PAUSED;
      const guardians = [1, 2].map(() => new Guardian(world, options));
      for (const guardian of guardians) guardian.receive({ type: 'take', number: 1 });
      if (!alive) {
        world.engineDies();
        for (const guardian of guardians) guardian.inputEnded();
      }
      // The monitor serves one client at a time.
      let busy = false;
      const reach = world.reachBySecond!;
      world.reachBySecond = async () => {
        while (busy) await world.clock.sleep(50);
        busy = true;
        const guest = await reach();
        const close = async () => {
          busy = false;
          await guest.close();
        };
        return { ...guest, close };
      };
      await Promise.all(guardians.map(({ done }) => done));
      expect(world.resumed).toHaveLength(1);
      expect(world.killed).toBe(0);
      expect(world.acts.map(({ act }) => act).sort()).toEqual(['left', 'lost', 'lost', 'resumed']);
      expect(world.open).toBe(0);
    },
  );

  test('leaves a run that another process has taken over', async () => {
    const world = new SharedJournal();
    world.engineReplaced = true;
    const guardian = new Guardian(world, options);
    guardian.receive({ type: 'take', number: 1 });
    await guardian.done;
    expect(world.killed).toBe(0);
    expect(world.resumed).toEqual([]);
    expect(world.acts.at(-1)).toEqual({
      type: 'guardian',
      act: 'left',
      message: 'Another process goes on with the run.',
    });
  });

  test('does not end an engine that stands still once the guest was resumed', async () => {
    const world = new SharedJournal();
    world.acts.push({ type: 'guardian', act: 'resumed', message: 'The guest runs again.' });
    const guardian = new Guardian(world, options);
    guardian.receive({ type: 'take', number: 1 });
    await guardian.done;
    expect(world.killed).toBe(0);
    expect(world.resumed).toEqual([]);
  });
});
