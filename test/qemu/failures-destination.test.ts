/** The destination dies, fails or is full while a busy guest's disk is moved to it. */
import { rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Gate } from '../../src/engine/index.js';
import {
  allGates,
  eachGateAt,
  gateAt,
  MigrationLab,
  type Asked,
  type Watched,
} from './support/migration.js';
import { MiB } from './support/qemu-process.js';
import { startNbdkit, startQemuNbd, startSmallFolder } from './support/servers.js';

const size = 128 * MiB;
let lab: MigrationLab;

beforeAll(async () => {
  lab = await MigrationLab.boot({ size, workload: 'zipf-rewrite', rate: 40 });
  await lab.writeBackQuickly();
});
afterAll(() => lab[Symbol.asyncDispose]());

/** A moment of a migration at which something may fail, and what brings it there. */
interface Moment {
  readonly name: string;
  readonly gate: (act: () => Promise<unknown>) => Gate;
  readonly asked?: Partial<Asked>;
  readonly wasPaused: boolean;
}

const moments: readonly Moment[] = [
  {
    name: 'in the bulk round',
    gate: (act) =>
      gateAt(({ line, round, batch }) => line === 8 && round === 0 && batch === 1, act),
    wasPaused: false,
  },
  {
    name: 'in a later round',
    gate: (act) => gateAt(({ line, round }) => line === 8 && round > 0, act),
    asked: { downtimeLimitMs: 55 },
    wasPaused: false,
  },
  {
    name: 'between the pause and the end',
    gate: (act) =>
      allGates(
        eachGateAt(15, () => lab.writeNow()),
        gateAt(16, act),
      ),
    wasPaused: true,
  },
];

function expectDestinationFailure(watched: Watched, name: string, wasPaused: boolean): void {
  expect(watched.error?.kind).toBe('destination');
  expect(watched.error?.message.startsWith(`The destination ${name} failed: `)).toBe(true);
  expect(watched.summary).toMatchObject({ outcome: 'failed', guest: 'running', disk: 'disk0' });
  expect(watched.summary.downtimeMs > 0).toBe(wasPaused);
}

describe('the process that serves the new image is killed', () => {
  test.each(moments)('$name', async ({ gate, asked, wasPaused }) => {
    const path = lab.newPath();
    const watched = await lab.migrate({
      ...asked,
      pivot: false,
      destination: { type: 'file', path, format: 'raw', overwrite: false },
      gate: gate(async () => process.kill(await lab.childCalled('qemu-storage-daemon'), 'SIGKILL')),
    });
    expectDestinationFailure(watched, `file:${path}`, wasPaused);
    expect(watched.logged).toContain('qemu-storage-daemon was ended by SIGKILL.');
    await lab.expectUnharmed(path);
  });
});

describe('an NBD server that somebody else started', () => {
  test.each(moments)('is killed $name', async ({ gate, asked, wasPaused }) => {
    const image = lab.newPath();
    await writeFile(image, '');
    await truncate(image, size);
    await using server = await startQemuNbd(image, lab.newPath('nbd'));
    const watched = await lab.migrate({
      ...asked,
      pivot: false,
      destination: { type: 'nbd', uri: server.uri },
      gate: gate(() => server.kill()),
    });
    expectDestinationFailure(watched, server.uri, wasPaused);
    await lab.expectUnharmed();
  });

  test.each(moments)('returns errors $name', async ({ gate, asked, wasPaused }) => {
    const switchFile = lab.newPath('errors');
    await using server = await startNbdkit(
      lab.newPath('nbd'),
      ...['--filter=error', 'memory', String(size)],
      ...['error=EIO', 'error-rate=1', `error-file=${switchFile}`],
    );
    const watched = await lab.migrate({
      ...asked,
      pivot: false,
      destination: { type: 'nbd', uri: server.uri },
      gate: gate(() => writeFile(switchFile, '')),
    });
    expectDestinationFailure(watched, server.uri, wasPaused);
    expect(watched.error?.cause).toMatchObject({ kind: 'nbd-command', errno: 5 });
    await lab.expectUnharmed();
  });

  test('says that it is full', async () => {
    await using server = await startNbdkit(
      lab.newPath('nbd'),
      ...['--filter=error', 'memory', String(size), 'error-pwrite=ENOSPC', 'error-pwrite-rate=1'],
    );
    const destination = { type: 'nbd', uri: server.uri } as const;
    const watched = await lab.migrate({ pivot: false, destination });
    expectDestinationFailure(watched, server.uri, false);
    expect(watched.error?.cause).toMatchObject({ kind: 'nbd-command', errno: 28 });
    await lab.expectUnharmed();
  });
});

describe('the file system of the new image gets full', () => {
  test.each([true, false])('with pivot: %s', async (pivot) => {
    await using small = await startSmallFolder(24 * MiB);
    const path = join(small.folder, 'image');
    const watched = await lab.migrate({
      pivot,
      destination: { type: 'file', path, format: 'raw', overwrite: false },
    });
    expectDestinationFailure(watched, `file:${path}`, false);
    expect(watched.error?.cause).toMatchObject({ kind: 'nbd-command', errno: 28 });
    await lab.expectUnharmed(path);
  });
});

describe('the new image inside the same QEMU', () => {
  test('is taken away between the pause and the switchover', async () => {
    const path = lab.newPath();
    const watched = await lab.migrate({
      destination: { type: 'file', path, format: 'raw', overwrite: false },
      gate: gateAt(17, async () => {
        const exports = await lab.monitor.execute('query-block-exports', {});
        const image = exports.find(({ id }) => id.includes('-image-'))!;
        await lab.removeExport(image.id);
        await lab.monitor.execute('blockdev-del', { 'node-name': image['node-name'] });
      }),
    });
    expect(watched.error).toMatchObject({ kind: 'hypervisor' });
    expect(watched.error?.message).toMatch(/^Swapping disk0 for file:.* failed: .*old disk/);
    expect(watched.summary).toMatchObject({ switchedOver: false, guest: 'running' });
    await lab.expectUnharmed(path);
  });

  test('loses its export while the guest is paused', async () => {
    const path = lab.newPath();
    const watched = await lab.migrate({
      destination: { type: 'file', path, format: 'raw', overwrite: false },
      gate: gateAt(16, async () => {
        const exports = await lab.monitor.execute('query-block-exports', {});
        await lab.removeExport(exports.find(({ id }) => id.includes('-image-'))!.id);
      }),
    });
    expectDestinationFailure(watched, `file:${path}`, true);
    await lab.expectUnharmed(path);
  });

  test('is kept where it was there before', async () => {
    const path = lab.newPath();
    await writeFile(path, '');
    await truncate(path, size);
    const stop = new AbortController();
    const watched = await lab.migrate({
      destination: { type: 'file', path, format: 'raw', overwrite: false },
      signal: stop.signal,
      gate: gateAt(12, async () => {
        stop.abort();
        return Promise.resolve();
      }),
    });
    expect(watched.error).toMatchObject({ kind: 'cancelled' });
    await lab.expectUnharmed();
    await rm(path);
  });
});
