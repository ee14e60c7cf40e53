/** What a run leaves in a real QEMU, found and removed by another connection; what is not the run's stays. */
import { access } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.js';
import { silentLogger } from '../../src/base/logger.js';
import { connectQemu, thisMachine, type HostChange } from '../../src/hypervisor/index.js';
import { connectNbd } from '../../src/nbd/index.js';
import { leftovers } from './support/qemu-leftovers.js';
import {
  makeRaw,
  makeTestDirectory,
  MiB,
  rawDisk,
  startQemu,
  type TestQemu,
} from './support/qemu-process.js';

const quiet = { clock: systemClock, logger: silentLogger };
let qemu: TestQemu;

beforeAll(async () => {
  const directory = await makeTestDirectory();
  const disk = await makeRaw(join(directory, 'disk.img'), 8 * MiB);
  const other = await makeRaw(join(directory, 'other.img'), 8 * MiB);
  // A disk of the guest whose node is called as a run's would be.
  const node = {
    driver: 'raw',
    'node-name': 'migrascope-r9-disk',
    file: { driver: 'file', filename: other },
  };
  qemu = await startQemu(directory, [
    ...rawDisk(disk),
    ...['-blockdev', JSON.stringify(node)],
    ...['-device', 'virtio-blk-pci,drive=migrascope-r9-disk,id=vd9'],
    ...['-device', 'virtio-serial-pci'],
  ]);
});
afterAll(() => qemu.stop());

/** Everything that a run makes, left by a connection that is gone; with what its journal says. */
async function leave(run: string): Promise<{ changes: readonly HostChange[]; uri: string }> {
  const changes: HostChange[] = [];
  const journal = { record: (change: HostChange) => Promise.resolve(void changes.push(change)) };
  const host = { ...qemu.host, nbdDirectory: qemu.directory };
  const hypervisor = await connectQemu(host, { ...quiet, journal });
  const [disk] = await hypervisor.disks();
  const source = await hypervisor.openSource(disk!, { run, granularity: 65_536 });
  await source.startTracking();
  const path = join(qemu.directory, `${run}.img`);
  await hypervisor.openPivot(source, { run, path, format: 'raw', overwrite: false });
  await hypervisor.addProbePort(run);
  hypervisor.session.qmp.close();
  return { changes, uri: source.uri };
}

test('all of it is found, and removed in an order that works, also where somebody reads it', async () => {
  const { changes, uri } = await leave('r1');
  const reader = await connectNbd(uri, quiet);
  const foreign = { node: 'disk0', name: 'theirs' };
  await qemu.side.execute('block-dirty-bitmap-add', foreign);
  const hypervisor = await qemu.connect();
  try {
    const before = await leftovers(qemu.side);
    const found = await hypervisor.leftovers(changes);
    expect(await leftovers(qemu.side)).toEqual(before);
    expect(found.filter(({ run }) => run !== 'r1')).toEqual([]);
    const told = found.map(({ kind, name }) => `${kind} ${name}`);
    expect(told.slice(0, 2).sort()).toEqual([
      ...['export migrascope-r1-image-1', 'export migrascope-r1-source-1'],
    ]);
    expect(told.slice(2)).toEqual([
      expect.stringMatching(/^nbd-server unix:.*\/migrascope-nbd-.*\/socket$/),
      'bitmap migrascope-r1-dirty-1',
      'node disk0.r1',
      'device migrascope-r1-probe',
      'character-device migrascope-r1-probe',
    ]);
    expect(await hypervisor.removeLeftovers('r2', changes)).toEqual([]);
    const outcomes = await hypervisor.removeLeftovers('r1', changes);
    expect(outcomes).toEqual(found.map((leftover) => ({ leftover })));
    expect(await hypervisor.removeLeftovers('r1', changes)).toEqual([]);
    expect(await hypervisor.leftovers(changes)).toEqual([]);
  } finally {
    reader.destroy();
    await hypervisor.close();
  }
  await qemu.side.execute('block-dirty-bitmap-remove', foreign);
  expect(await leftovers(qemu.side)).toEqual(['migrascope-r9-disk']);

  const folders = await thisMachine(systemClock).removeLeftovers('r1', changes);
  expect(folders.map(({ leftover, failure }) => [leftover.kind, failure])).toEqual([
    ['folder', undefined],
    ['folder', undefined],
  ]);
  for (const { leftover } of folders) {
    expect(dirname(leftover.name)).toBe(qemu.directory);
    await expect(access(leftover.name)).rejects.toThrow('ENOENT');
  }
});

test('without the journal the NBD server and the lasting name are not found, and stay', async () => {
  const { changes } = await leave('r3');
  const hypervisor = await qemu.connect();
  try {
    const outcomes = await hypervisor.removeLeftovers('r3', []);
    expect(outcomes.map(({ leftover }) => leftover.kind)).toEqual([
      ...['export', 'export', 'bitmap', 'device', 'character-device'],
    ]);
    const rest = await hypervisor.leftovers(changes);
    expect(rest.map(({ kind }) => kind)).toEqual(['nbd-server', 'node']);
    await hypervisor.removeLeftovers('r3', changes);
  } finally {
    await hypervisor.close();
  }
});

test('a node that a device of the guest uses is no leftover, whatever its name or the journal says', async () => {
  const hypervisor = await qemu.connect();
  const changes = ['migrascope-r9-disk', 'disk0'].map((name) => ({
    host: qemu.host.name,
    run: 'r9',
    action: 'blockdev-add',
    arguments: { 'node-name': name },
  }));
  try {
    expect(await hypervisor.leftovers(changes)).toEqual([]);
    expect(await hypervisor.removeLeftovers('r9', changes)).toEqual([]);
    const names = (await hypervisor.disks()).map(({ name }) => name);
    expect(names).toEqual(['disk0', 'migrascope-r9-disk']);
  } finally {
    await hypervisor.close();
  }
});

test('an NBD server of somebody else is not asked to stop', async () => {
  const addr = { type: 'unix', data: { path: join(qemu.directory, 'foreign') } } as const;
  await qemu.side.execute('nbd-server-start', { addr });
  const place = { path: join(qemu.directory, 'migrascope-nbd-gone', 'socket') };
  const change = { host: qemu.host.name, run: 'r4', action: 'nbd-server-start' };
  const changes = [{ ...change, arguments: { addr: { type: 'unix', data: place } } }];
  const hypervisor = await qemu.connect();
  try {
    expect(await hypervisor.removeLeftovers('r4', changes)).toEqual([]);
  } finally {
    await hypervisor.close();
  }
  await qemu.side.execute('nbd-server-stop', {});
});
