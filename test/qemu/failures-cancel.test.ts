/** Somebody cancels the migration of a busy guest, before statements and in the middle of some. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PROGRAM, type MigrationEvent } from '../../src/engine/index.js';
import { wholeMatrix } from '../support/whole-matrix.js';
import { eachGateAt, gateAt, MigrationLab, type Asked, type Watched } from './support/migration.js';
import { assertNothingLeft } from './support/qemu-leftovers.js';
import { QmpRelay } from './support/qmp-relay.js';

let lab: MigrationLab;

beforeAll(async () => {
  lab = await MigrationLab.boot({ workload: 'zipf-rewrite', rate: 40 });
  await lab.writeBackQuickly();
});
afterAll(() => lab[Symbol.asyncDispose]());

/** With pivot and by the guest's page cache, so that every statement has everything to do. */
async function migrateAndCancel(when: (cancel: () => void) => Partial<Asked>): Promise<{
  readonly watched: Watched;
  readonly path: string;
}> {
  const path = lab.newPath();
  const stop = new AbortController();
  const watched = await lab.migrate({
    policy: 'cache',
    destination: { type: 'file', path, format: 'raw', overwrite: false },
    signal: stop.signal,
    ...when(() => stop.abort()),
  });
  return { watched, path };
}

function expectCancelled({ error, summary }: Watched): void {
  expect(error).toMatchObject({ kind: 'cancelled', message: 'The migration was cancelled.' });
  expect(summary).toMatchObject({ outcome: 'cancelled', switchedOver: false, disk: 'disk0' });
}

const beforeSwitchover = PROGRAM.map((_, index) => index + 1).filter((line) => line <= 17);
/** CI has the time for some of those in the rounds; test/unit/experiment cancels at any event. */
const gates = wholeMatrix ? beforeSwitchover : [1, 2, 3, 7, 10, 13, 15, 16, 17];
const beginnings = wholeMatrix ? [1, 2, 3, 6, 9, 11, 12, 14, 15, 16, 17] : [2, 3, 9, 12, 15, 17];

describe('a cancel before the switchover leaves the guest on its source', () => {
  test.each(gates)('before statement %i', async (line) => {
    const { watched, path } = await migrateAndCancel((cancel) => ({ gate: gateAt(line, cancel) }));
    expectCancelled(watched);
    expect(watched.summary.guest).toBe(line === 1 ? 'unknown' : 'running');
    expect(watched.summary.downtimeMs > 0).toBe(line > 15);
    await lab.expectUnharmed(path);
  });

  test.each(beginnings)('as statement %i begins', async (line) => {
    const { watched, path } = await migrateAndCancel((cancel) => ({
      verify: 'full',
      gate: eachGateAt(15, () => lab.writeNow()),
      onEvent: once((event) => event.type === 'statement' && event.line === line, cancel),
    }));
    expectCancelled(watched);
    await lab.expectUnharmed(path);
  });

  test.each(['sent', 'paused'] as const)('at the first event of type %s', async (type) => {
    const { watched, path } = await migrateAndCancel((cancel) => ({
      onEvent: once((event) => event.type === type, cancel),
    }));
    expectCancelled(watched);
    await lab.expectUnharmed(path);
  });

  test('when the guest was paused by somebody else: it stays paused', async () => {
    await lab.monitor.execute('stop', {});
    try {
      const { watched } = await migrateAndCancel((cancel) => ({
        policy: 'plain',
        gate: gateAt(16, cancel),
      }));
      expectCancelled(watched);
      expect(watched.summary.guest).toBe('paused');
      expect(await lab.monitor.execute('query-status', {})).toMatchObject({ status: 'paused' });
    } finally {
      await lab.monitor.execute('cont', {});
    }
    await lab.expectUnharmed();
  });
});

describe('a cancel too late leaves the guest on its new disk', () => {
  test.each(['blockdev-mirror', 'job-complete'])('during %s', async (command) => {
    let cancel = (): void => undefined;
    await using relay = await QmpRelay.listen(lab.newPath('qmp'), lab.guest.qmp, {
      onRequest: ({ execute }) => {
        if (execute === command) cancel();
        return undefined;
      },
    });
    await expectTooLate((abort) => {
      cancel = abort;
      return { host: relay.host };
    });
  });

  test('before statement 18', async () => {
    await expectTooLate((cancel) => ({ gate: gateAt(18, cancel) }));
  });

  async function expectTooLate(when: (cancel: () => void) => Partial<Asked>): Promise<void> {
    const disk = (await lab.diskNode())!;
    const { watched, path } = await migrateAndCancel((cancel) => ({ disk, ...when(cancel) }));
    expect(watched.summary).toMatchObject({ switchedOver: true, guest: 'running' });
    expect(watched.error).toMatchObject({
      kind: 'cancelled',
      message: 'The migration was cancelled after its switchover.',
    });
    expect(watched.summary.disk).not.toBe(disk);
    await lab.expectOnSource(watched.summary.disk);
    await assertNothingLeft(lab.monitor);
    await lab.lab.verify();
    await lab.expectCleanFileSystem(path);
  }
});

/** Does something at the first event for which `when` holds. */
function once(
  when: (event: MigrationEvent) => boolean,
  act: () => void,
): (event: MigrationEvent) => void {
  let done = false;
  return (event) => {
    if (done || !when(event)) return;
    done = true;
    act();
  };
}
