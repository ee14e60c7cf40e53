import { describe, expect, test } from 'vitest';
import { ConnectionLostError } from '../../../src/base/errors.js';
import { Guardian } from '../../../src/engine/guardian/guardian.js';
import { FakeWorld, PAUSED } from './fake-world.js';

const leaseMs = 5000;

function guard(world: FakeWorld, scope: 'disk' | 'guest' = 'disk'): Guardian {
  const guardian = new Guardian(world, { leaseMs, scope });
  guardian.receive({ type: 'take', number: 1 });
  return guardian;
}

const actsOf = (world: FakeWorld) => world.acts.map(({ act }) => act);

/** An engine that dies, as the kernel tells it. */
function die(world: FakeWorld, guardian: Guardian): void {
  world.engineDies();
  guardian.inputEnded();
}

describe('a guardian', () => {
  test('answers each renewal, and does nothing when the lease is given back', async () => {
    const world = new FakeWorld();
    const guardian = guard(world);
    for (let number = 2; number <= 5; number++) {
      await world.clock.sleep(leaseMs - 100);
      guardian.receive({ type: 'renew', number });
    }
    guardian.receive({ type: 'release' });
    guardian.inputEnded();
    await guardian.done;
    expect(world.told).toEqual([1, 2, 3, 4, 5].map((number) => ({ type: 'held', number })));
    expect(world.resumed).toEqual([]);
    expect(actsOf(world)).toEqual([]);
    expect(world.clock.waiting).toBe(0);
  });

  test('ends with an engine that never took a lease', async () => {
    const world = new FakeWorld();
    const guardian = new Guardian(world, { leaseMs, scope: 'disk' });
    guardian.inputEnded();
    await guardian.done;
    expect(world.resumed).toEqual([]);
  });

  test('resumes the guest at once when the engine dies', async () => {
    const world = new FakeWorld();
    const guardian = guard(world);
    await world.clock.sleep(100);
    die(world, guardian);
    await guardian.done;
    expect(world.resumed).toEqual([105]);
    expect(world.killed).toBe(0);
    expect(world.acts).toEqual([
      {
        type: 'guardian',
        act: 'lost',
        message: 'The engine process ended without giving the lease back.',
      },
      { type: 'guardian', act: 'resumed', message: 'The guest was paused, and runs again.' },
    ]);
    expect(world.open).toBe(0);
  });

  test('waits for the dead engine’s connection to close', async () => {
    const world = new FakeWorld();
    const guardian = guard(world);
    world.engineAlive = false;
    guardian.inputEnded();
    void world.clock.sleep(7000).then(() => (world.engineHoldsMonitor = false));
    await guardian.done;
    expect(world.resumed).toHaveLength(1);
    expect(world.killed).toBe(0);
  });

  test('that has a second monitor resumes the guest of an engine that stands still, and lets it live', async () => {
    const world = new FakeWorld().withSecond();
    const guardian = guard(world);
    await guardian.done;
    expect(world.resumed).toEqual([leaseMs + 50 + 5]);
    expect(world.killed).toBe(0);
    expect(world.told.at(-1)).toEqual({
      type: 'lost',
      message: 'The engine process did not renew the lease for 5 s.',
    });
  });

  test('ends an engine that stands still and holds the only monitor', async () => {
    const world = new FakeWorld();
    await guard(world).done;
    expect(world.killed).toBe(1);
    expect(world.resumed).toEqual([leaseMs + 50 + 5]);
    expect(actsOf(world)).toEqual(['lost', 'fenced', 'resumed']);
  });

  test('ends no process that it can not be sure of', async () => {
    const world = new FakeWorld();
    world.engineKnown = false;
    const guardian = guard(world);
    void world.clock.sleep(60_000).then(() => world.engineDies());
    await guardian.done;
    expect(world.killed).toBe(0);
    expect(world.resumed).toHaveLength(1);
  });

  test('ends an engine that let go of it but holds the monitor still', async () => {
    const world = new FakeWorld();
    const guardian = guard(world);
    guardian.inputEnded();
    await guardian.done;
    expect(world.killed).toBe(1);
    expect(world.resumed).toHaveLength(1);
  });

  test('leaves an engine alone that let go of it and of the monitor', async () => {
    const world = new FakeWorld();
    world.engineHoldsMonitor = false;
    const guardian = guard(world);
    guardian.inputEnded();
    await guardian.done;
    expect(world.killed).toBe(0);
    expect(world.resumed).toHaveLength(1);
  });

  test('whose second monitor does not serve takes the engine’s', async () => {
    const world = new FakeWorld();
    world.reachBySecond = () => Promise.reject(new ConnectionLostError('gone'));
    await guard(world).done;
    expect(actsOf(world)).toEqual(['lost', 'fenced', 'resumed']);
  });

  test('that was itself stopped reads what came in meanwhile before it calls the lease lost', async () => {
    const world = new FakeWorld();
    const guardian = guard(world);
    // The timer of the lease fires first, the input is read right after.
    await world.clock.sleep(leaseMs + 1);
    guardian.receive({ type: 'renew', number: 2 });
    expect(world.told.at(-1)).toEqual({ type: 'held', number: 2 });
    await world.clock.sleep(leaseMs - 10);
    guardian.receive({ type: 'release' });
    await guardian.done;
    expect(world.resumed).toEqual([]);
  });

  test('says to an engine that comes back that its lease is lost, for good', async () => {
    const world = new FakeWorld().withSecond();
    const guardian = guard(world);
    world.atReach = () => guardian.receive({ type: 'renew', number: 2 });
    await guardian.done;
    expect(world.told.map(({ type }) => type)).toEqual(['held', 'lost', 'lost']);
    guardian.receive({ type: 'renew', number: 3 });
    expect(world.told).toHaveLength(3);
  });

  test('stops trying when the engine resumed the guest itself', async () => {
    const world = new FakeWorld().withSecond();
    world.reachBySecond = () => Promise.reject(new ConnectionLostError('hangs'));
    world.engineKnown = false;
    const guardian = guard(world);
    void world.clock.sleep(20_000).then(() => guardian.receive({ type: 'release' }));
    await guardian.done;
    expect(world.resumed).toEqual([]);
    expect(actsOf(world)).toEqual(['lost']);
  });
});

describe('what the journal says', () => {
  const cases = [
    ['nothing of a pause', [{ type: 'tracking' }], 'The run never began to pause the guest.'],
    [
      'that the guest was given back its run state',
      [...PAUSED, { type: 'resumed' }],
      'The run gave the guest back its run state.',
    ],
    [
      'that a person had paused the guest',
      [{ type: 'pausing', before: { running: false, status: 'paused' } }],
      'The guest was paused already when the run came to it.',
    ],
    [
      'that the guest goes on in another hypervisor',
      [...PAUSED, { type: 'switched', scope: 'guest', disk: 'd' }],
      'The switchover committed: the guest goes on in another hypervisor.',
    ],
  ] as const;

  test.each(cases)('%s: the guest is left alone', async (_, milestones, reason) => {
    const world = new FakeWorld();
    world.milestones = [...milestones];
    const guardian = guard(world);
    die(world, guardian);
    await guardian.done;
    expect(world.resumed).toEqual([]);
    expect(world.killed).toBe(0);
    expect(world.acts.at(-1)).toEqual({ type: 'guardian', act: 'left', message: reason });
  });

  test('that a disk was switched, or is being switched: the guest is resumed with the disk that it has', async () => {
    for (const type of ['switching', 'switched'] as const) {
      const world = new FakeWorld();
      const scope = 'disk';
      world.milestones = [
        ...PAUSED,
        type === 'switching' ? { type, scope, from: 'a', to: 'b' } : { type, scope, disk: 'b' },
      ];
      const guardian = guard(world);
      die(world, guardian);
      await guardian.done;
      expect(world.resumed).toHaveLength(1);
    }
  });

  test.each(['reading', 'hangs'] as const)(
    'can not be read (%s): the lease says enough for a disk',
    async (fails) => {
      const world = new FakeWorld();
      world.journalFails = fails;
      const guardian = guard(world);
      die(world, guardian);
      await guardian.done;
      expect(world.resumed).toHaveLength(1);
      expect(world.resumed[0]).toBeLessThan(leaseMs);
    },
  );

  test('can not be read: a guest that may go on elsewhere is left alone', async () => {
    const world = new FakeWorld();
    world.journalFails = 'reading';
    const guardian = guard(world, 'guest');
    die(world, guardian);
    await guardian.done;
    expect(world.resumed).toEqual([]);
    expect(actsOf(world)).toEqual(['lost', 'left']);
  });

  test('can not be added to: the guest is resumed all the same', async () => {
    const world = new FakeWorld();
    world.journalFails = 'writing';
    const guardian = guard(world);
    die(world, guardian);
    await guardian.done;
    expect(world.resumed).toHaveLength(1);
  });
});

describe('the guest', () => {
  test.each(['io-error', 'shutdown', 'guest-panicked', 'save-vm', 'internal-error'])(
    'in the state %s is left in it',
    async (status) => {
      const world = new FakeWorld();
      world.status = status;
      const guardian = guard(world);
      die(world, guardian);
      await guardian.done;
      expect(world.resumed).toEqual([]);
      expect(world.acts.at(-1)).toMatchObject({
        act: 'left',
        message: expect.stringContaining(`"${status}"`) as string,
      });
    },
  );

  test('that runs is watched for a stop that is still on its way', async () => {
    const world = new FakeWorld();
    world.status = 'running';
    const guardian = guard(world);
    die(world, guardian);
    void world.clock.sleep(1000).then(() => (world.status = 'paused'));
    await guardian.done;
    expect(world.resumed).toHaveLength(1);
  });

  test('that runs on is left alone', async () => {
    const world = new FakeWorld();
    world.status = 'running';
    const guardian = guard(world);
    die(world, guardian);
    await guardian.done;
    expect(world.resumed).toEqual([]);
    expect(world.acts.at(-1)).toEqual({
      type: 'guardian',
      act: 'left',
      message: 'The guest runs.',
    });
  });

  test('that runs is watched as long as an engine lives that may stop it when it goes on', async () => {
    const world = new FakeWorld().withSecond();
    world.status = 'running';
    const guardian = guard(world);
    const looks: number[] = [];
    world.atReach = () => looks.push(world.open);
    void world.clock.sleep(600_000).then(() => {
      world.status = 'paused';
      world.engineDies();
    });
    await guardian.done;
    expect(world.resumed).toHaveLength(1);
    expect(looks.length).toBeGreaterThan(1000);
    expect(new Set(looks), 'the monitor is let go of between two looks').toEqual(new Set([0]));
  });

  test('that can not be reached is tried again until it can', async () => {
    const world = new FakeWorld();
    world.local = false;
    world.qemuGone = true;
    world.atReach = (attempt) => attempt === 20 && (world.qemuGone = false);
    const guardian = guard(world);
    die(world, guardian);
    await guardian.done;
    expect(world.resumed).toHaveLength(1);
  });

  test('whose QEMU on this machine is gone is given up at once, another one after a day', async () => {
    for (const local of [true, false]) {
      const world = new FakeWorld();
      world.local = local;
      world.qemuGone = true;
      const guardian = guard(world);
      die(world, guardian);
      await guardian.done;
      expect(actsOf(world)).toEqual(['lost', local ? 'left' : 'gave-up']);
      expect(world.clock.now() > 24 * 3600 * 1000).toBe(!local);
    }
  });
});
