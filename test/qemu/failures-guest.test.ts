/** What a guest does of itself while its disk is moved: it reboots, powers off, or its QEMU dies. */
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { MigrationEvent } from '../../src/engine/index.js';
import { checkFileSystem } from './support/lab.js';
import {
  allGates,
  copySparse,
  eventsOf,
  exists,
  gateAt,
  MigrationLab,
  type Asked,
} from './support/migration.js';
import { assertNothingLeft } from './support/qemu-leftovers.js';
import { run } from './support/qemu-process.js';

const busy = { workload: 'zipf-rewrite', rate: 40 } as const;

/** Has something happen at a moment of a migration, and waits for it where that is possible. */
type Moment = (act: () => Promise<void>) => Partial<Asked>;

function before(line: number): Moment {
  return (act) => ({ gate: gateAt(line, act) });
}

function amid(type: MigrationEvent['type']): Moment {
  return (act) => {
    let done = false;
    return {
      onEvent: (event) => {
        if (!done && event.type === type) void act();
        done ||= event.type === type;
      },
    };
  };
}

describe('a guest that reboots', () => {
  test('by itself in a round, and by a reset later: the migration completes', async () => {
    await using lab = await MigrationLab.boot(busy);
    const path = lab.newPath();
    const watched = await lab.migrate({
      destination: { type: 'file', path, format: 'raw', overwrite: false },
      gate: allGates(
        gateAt(9, async () => {
          const reset = lab.monitor.expect('RESET', () => true);
          lab.order('reboot -f');
          await reset.data;
        }),
        gateAt(14, () => lab.reset()),
      ),
    });
    expect(watched.error).toBeUndefined();
    expect(watched.summary).toMatchObject({ outcome: 'completed', switchedOver: true });
    const warnings = eventsOf(watched, 'warning').map(({ message }) => message);
    expect(warnings.length).toBeGreaterThanOrEqual(2);
    expect(new Set(warnings)).toEqual(
      new Set(['The guest was reset; its disk goes on being moved.']),
    );
    await assertNothingLeft(lab.monitor);
    await lab.expectOnSource(watched.summary.disk);
    await untilReady(lab, 2);
    await lab.lab.verify();
    await lab.expectCleanFileSystem(path);
  });

  test('with its probe: the migration goes on, with the probe or without', async () => {
    await using lab = await MigrationLab.boot(busy);
    const watched = await lab.migrate({
      policy: 'cache',
      pivot: false,
      gate: gateAt(9, () => lab.reset()),
    });
    expect(watched.error).toBeUndefined();
    expect(watched.summary).toMatchObject({ outcome: 'completed', verified: true });
    await untilReady(lab, 2);
    await lab.expectUnharmed();
  });
});

/**
 * QEMU says SHUTDOWN and ends. When a command of ours is on its way at that moment, the write fails
 * first, and what QEMU said before is not to be read any more: then its end is all that is known.
 */
const POWERED_OFF =
  /^(guest: The guest powered off while its disk was being moved\.|connection-lost: )/;

describe('a guest that powers off', () => {
  test.each([
    ['in the middle of a batch', amid('sent')],
    ['before the pause', before(15)],
  ])('%s: the source is whole, and the new image is gone', async (_, moment) => {
    await using lab = await MigrationLab.boot(busy);
    const path = lab.newPath();
    const watched = await lab.migrate({
      ...moment(() => {
        lab.order('poweroff -f');
        return lab.ended();
      }),
      destination: { type: 'file', path, format: 'raw', overwrite: false },
    });
    expect(`${watched.error?.kind ?? 'none'}: ${watched.error?.message ?? ''}`).toMatch(
      POWERED_OFF,
    );
    expect(watched.summary).toMatchObject({ outcome: 'failed' });
    expect(watched.summary.guest).not.toBe('running');
    await expectWhole(lab);
    expect(await exists(path)).toBe(false);
  });

  test('and whose QEMU stays: the migration completes', async () => {
    await using lab = await MigrationLab.boot({ ...busy, extra: ['-no-shutdown'] });
    const path = lab.newPath();
    const watched = await lab.migrate({
      pivot: false,
      destination: { type: 'file', path, format: 'raw', overwrite: false },
      gate: gateAt(8, async () => {
        const shutdown = lab.monitor.expect('SHUTDOWN', () => true);
        lab.order('poweroff -f');
        await shutdown.data;
      }),
    });
    expect(watched.error).toBeUndefined();
    expect(watched.summary).toMatchObject({ outcome: 'completed', downtimeMs: 0 });
    expect(await lab.monitor.execute('query-status', {})).toMatchObject({ status: 'shutdown' });
    await assertNothingLeft(lab.monitor);
    await run('cmp', [lab.guest.disks[0]!.image, path]);
  });
});

describe('a QEMU that dies', () => {
  test.each([
    ['in the middle of a batch', amid('sent')],
    ['while the guest is paused', before(16)],
    ['before the switchover', before(17)],
  ])('%s: the source is whole, and the new image is gone', async (_, moment) => {
    await using lab = await MigrationLab.boot(busy);
    const path = lab.newPath();
    const watched = await lab.migrate({
      ...moment(() => {
        process.kill(lab.guest.pid, 'SIGKILL');
        return lab.ended();
      }),
      destination: { type: 'file', path, format: 'raw', overwrite: false },
    });
    expect(watched.error?.kind).toBe('connection-lost');
    expect(watched.error?.message).toMatch(/^The connection to unix:.* was lost/);
    expect(watched.summary).toMatchObject({ outcome: 'failed', guest: 'unknown' });
    await expectWhole(lab);
    expect(await exists(path)).toBe(false);
  });
});

/** The disk as a crash leaves it: its journal replayed on a copy, its file system has no error. */
async function expectWhole(lab: MigrationLab): Promise<void> {
  const copy = lab.newPath('copy');
  await copySparse(lab.guest.disks[0]!.image, copy);
  await run('e2fsck', ['-E', 'journal_only', '-fy', copy]).catch(() => undefined);
  await checkFileSystem(copy, 'ext4');
}

/** Waits until the guest was busy so many times. */
async function untilReady(lab: MigrationLab, times: number): Promise<void> {
  for (;;) {
    const said = await readFile(lab.guest.console, 'latin1');
    if (said.split('lab: READY').length > times) return;
    expect(said).not.toContain('lab: FAILED');
    await delay(100);
  }
}
