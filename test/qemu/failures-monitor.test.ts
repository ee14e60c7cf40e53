/** The monitor of a busy guest's QEMU: lost, taken, or used by somebody else meanwhile. */
import { createConnection } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.js';
import { silentLogger } from '../../src/base/logger.js';
import type { GatePoint } from '../../src/engine/index.js';
import { openQmp } from '../../src/hypervisor/index.js';
import { allGates, eachGateAt, eventsOf, gateAt, MigrationLab } from './support/migration.js';
import { assertNothingLeft, leftovers } from './support/qemu-leftovers.js';
import { QmpRelay } from './support/qmp-relay.js';

let lab: MigrationLab;

beforeAll(async () => {
  lab = await MigrationLab.boot({ workload: 'zipf-rewrite', rate: 40 });
  await lab.writeBackQuickly();
});
afterAll(() => lab[Symbol.asyncDispose]());

describe('the connection to the monitor is lost', () => {
  const moments: readonly (readonly [string, (point: GatePoint) => boolean])[] = [
    ['before tracking starts', ({ line }) => line === 2],
    ['in the bulk round', ({ line, batch }) => line === 8 && batch === 1],
    ['before a flip', ({ line }) => line === 9],
    ['in the last rounds', ({ line }) => line === 12],
    ['before the pause', ({ line }) => line === 15],
    ['while the guest is paused', ({ line }) => line === 16],
    ['before the switchover', ({ line }) => line === 17],
  ];

  describe.each([true, false])('with pivot: %s', (pivot) => {
    test.each(moments.filter(([name]) => pivot || name !== 'before the switchover'))(
      '%s',
      async (_, when) => {
        await using relay = await QmpRelay.listen(lab.newPath('qmp'), lab.guest.qmp);
        const path = lab.newPath();
        const watched = await lab.migrate({
          pivot,
          host: relay.host,
          destination: { type: 'file', path, format: 'raw', overwrite: false },
          gate: gateAt(when, () => relay.cut()),
        });
        expect(watched.error?.kind).toBe('connection-lost');
        expect(watched.error?.message).toMatch(/^The connection to unix:.* was lost/);
        expect(watched.summary).toMatchObject({ outcome: 'failed', guest: 'running' });
        await lab.expectUnharmed(path);
      },
    );
  });

  test('after the switchover: the guest runs on with its new disk', async () => {
    await using own = await MigrationLab.boot({ workload: 'zipf-rewrite', rate: 40 });
    await using relay = await QmpRelay.listen(own.newPath('qmp'), own.guest.qmp);
    const path = own.newPath();
    const watched = await own.migrate({
      host: relay.host,
      destination: { type: 'file', path, format: 'raw', overwrite: false },
      gate: gateAt(18, () => relay.cut()),
    });
    expect(watched.error?.kind).toBe('connection-lost');
    expect(watched.summary).toMatchObject({ switchedOver: true, guest: 'running' });
    await own.expectOnSource(watched.summary.disk);
    await assertNothingLeft(own.monitor);
    await own.lab.verify();
    await own.expectCleanFileSystem(path);
  });

  test('for good: what is left is told, and the guest runs', async () => {
    const relay = await QmpRelay.listen(lab.newPath('qmp'), lab.guest.qmp);
    const watched = await lab.migrate({
      host: relay.host,
      gate: gateAt(8, () => relay[Symbol.asyncDispose]()),
    });
    expect(watched.error?.kind).toBe('connection-lost');
    expect(watched.summary).toMatchObject({ outcome: 'failed', guest: 'unknown' });
    expect(watched.logged.join('\n')).toMatch(/not removed: .*the export of disk0/);
    await lab.expectOnSource();
    expect(await leftovers(lab.monitor)).not.toEqual([]);
    await lab.removeLeftovers();
    await lab.expectUnharmed();
  });
});

test('another client holds the monitor', async () => {
  const socket = createConnection(lab.guest.qmp.replace('unix:', ''));
  const quiet = { clock: systemClock, logger: silentLogger };
  const other = await openQmp(socket, { name: 'another client', ...quiet });
  try {
    const watched = await lab.migrate();
    expect(watched.error?.kind).toBe('monitor-busy');
    expect(watched.error?.message).toMatch(/^unix:.* did not greet within 3 s: another client/);
    await lab.expectUnharmed();
  } finally {
    other.close();
  }
});

describe('somebody else, at another monitor', () => {
  test('has an NBD server running: it is left alone', async () => {
    const path = lab.newPath('nbd');
    const addr = { type: 'unix', data: { path } } as const;
    await lab.monitor.execute('nbd-server-start', { addr });
    const watched = await lab.migrate();
    expect(watched.error?.kind).toBe('hypervisor');
    expect(watched.error?.message).toMatch(
      /^An NBD server that is not ours is in the way on unix:/,
    );
    await lab.expectOnSource();
    expect(await leftovers(lab.monitor)).toEqual([]);
    await lab.monitor.execute('nbd-server-stop', {});
    await lab.expectUnharmed();
  });

  test('stops the NBD server', async () => {
    const path = lab.newPath();
    const watched = await lab.migrate({
      destination: { type: 'file', path, format: 'raw', overwrite: false },
      gate: gateAt(8, () => lab.monitor.execute('nbd-server-stop', {})),
    });
    expect(watched.error?.message).toMatch(
      /^(The destination file:.* failed: |nbd\+unix:|READ of )/,
    );
    expect(watched.summary).toMatchObject({ outcome: 'failed', guest: 'running' });
    await lab.expectUnharmed(path);
  });

  test('resumes the guest while it is paused', async () => {
    const path = lab.newPath();
    const watched = await lab.migrate({
      destination: { type: 'file', path, format: 'raw', overwrite: false },
      gate: allGates(
        eachGateAt(15, () => lab.writeNow()),
        gateAt(16, () => lab.monitor.execute('cont', {})),
      ),
    });
    expect(watched.error?.kind).toBe('guest');
    expect(watched.error?.message).toMatch(/^The guest was resumed by somebody else/);
    expect(eventsOf(watched, 'resumed')[0]).toMatchObject({ byProgram: false });
    expect(watched.summary).toMatchObject({ switchedOver: false, guest: 'running' });
    await lab.expectUnharmed(path);
  });

  test('stops the guest in a round, and resumes it: the migration completes', async () => {
    const watched = await lab.migrate({
      pivot: false,
      gate: gateAt(9, async () => {
        await lab.monitor.execute('stop', {});
        await lab.monitor.execute('cont', {});
      }),
    });
    expect(watched.error).toBeUndefined();
    expect(watched.summary).toMatchObject({ outcome: 'completed', verified: true });
    await lab.expectUnharmed();
  });

  test('stopped the guest before: it stays paused', async () => {
    await lab.monitor.execute('stop', {});
    try {
      const watched = await lab.migrate({ pivot: false });
      expect(watched.error).toBeUndefined();
      expect(watched.summary).toMatchObject({ outcome: 'completed', guest: 'paused' });
      expect(watched.summary.downtimeMs).toBe(0);
      expect(await lab.monitor.execute('query-status', {})).toMatchObject({ status: 'paused' });
    } finally {
      await lab.monitor.execute('cont', {});
    }
    await lab.expectUnharmed();
  });
});
