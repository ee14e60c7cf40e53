/** Pivot on a real QEMU: the guest's disk becomes a new image, or stays what it was. */
import { stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findDisk } from '../../src/hypervisor/index.js';
import type {
  PivotDestination,
  PivotOptions,
  QemuHypervisor,
  SourceDisk,
} from '../../src/hypervisor/index.js';
import { assertNothingLeft } from './support/qemu-leftovers.js';
import type { TestQemu } from './support/qemu-process.js';
import {
  MiB,
  makeQcow2,
  makeRaw,
  makeTestDirectory,
  rawDisk,
  run,
  startQemu,
} from './support/qemu-process.js';

const size = 16 * MiB;
let directory: string;
let qemu: TestQemu;
let hypervisor: QemuHypervisor;
let warnings: string[];

beforeEach(async () => {
  directory = await makeTestDirectory();
  await makeRaw(join(directory, 'old.raw'), size);
  warnings = [];
});

afterEach(async () => {
  await hypervisor.close();
  await assertNothingLeft(qemu.side);
  await qemu.stop();
});

async function start(args: readonly string[] = rawDisk(join(directory, 'old.raw'))): Promise<void> {
  qemu = await startQemu(directory, args);
  const log = (level: string, message: string): unknown =>
    level === 'warn' && warnings.push(message);
  hypervisor = await qemu.connect({ logger: { log } });
}

async function source(name = 'disk0'): Promise<SourceDisk> {
  const disk = findDisk(await hypervisor.disks(), name);
  return hypervisor.openSource(disk, { run: 'r1', granularity: 65536 });
}

function options(more: Partial<PivotOptions> = {}): PivotOptions {
  const path = join(directory, 'new.img');
  return { run: 'r1', path, format: 'raw', overwrite: false, ...more };
}

async function copy(from: SourceDisk, to: PivotDestination): Promise<void> {
  await run('nbdcopy', ['--flush', from.uri, to.uri]);
}

async function currentNode(): Promise<string | undefined> {
  const [block] = await qemu.side.execute('query-block', {});
  return block?.inserted?.['node-name'];
}

const missing = (path: string): Promise<boolean> =>
  stat(path).then(
    () => false,
    () => true,
  );

describe('a pivot', () => {
  test.each(['raw', 'qcow2'] as const)('to a new %s image', async (format) => {
    await start();
    await qemu.io('vd0', 'write -P 7 1M 1M');
    const from = await source();
    await from.startTracking();
    const to = await hypervisor.openPivot(from, options({ format }));
    expect(to.readsAsZeroes).toBe(true);
    await copy(from, to);
    expect(await to.switchOver()).toBe('disk0.r1');
    await to.release('keep');
    await from.release();
    await assertNothingLeft(qemu.side);
    expect(await currentNode()).toBe('disk0.r1');
    await qemu.io('vd0', 'write -P 9 4M 64k');
    await qemu.io('vd0', 'flush');
    const at = options().path;
    const read = ['-U', '-f', format, '-c', 'read -P 7 1M 1M', '-c', 'read -P 9 4M 64k', at];
    expect((await run('qemu-io', ['-r', ...read])).stdout).not.toMatch(/failed/);
    const old = ['-r', '-U', '-f', 'raw', '-c', 'read -P 0 4M 64k', join(directory, 'old.raw')];
    expect((await run('qemu-io', old)).stdout).not.toMatch(/failed/);
  });

  test('twice, and the second name tells its run', async () => {
    await start();
    const from = await source();
    const to = await hypervisor.openPivot(from, options());
    await copy(from, to);
    await to.switchOver();
    await to.release('keep');
    await from.release();
    const disk = findDisk(await hypervisor.disks(), 'disk0.r1');
    const again = await hypervisor.openSource(disk, { run: 'second', granularity: 65536 });
    const path = join(directory, 'third.img');
    const third = await hypervisor.openPivot(again, options({ run: 'second', path }));
    expect(await third.switchOver()).toBe('disk0.r1.second');
    await third.release('keep');
    await again.release();
  });

  test('of a -drive without a node name, which takes the old node away', async () => {
    await start(['-drive', `file=${join(directory, 'old.raw')},if=virtio,format=raw`]);
    const from = await source('virtio0');
    await from.startTracking();
    const to = await hypervisor.openPivot(from, options());
    expect(await to.switchOver()).toBe('virtio0.r1');
    await to.release('keep');
    await from.release();
    expect(warnings).toEqual([]);
  });

  test('of a disk in an I/O thread', async () => {
    await start([
      ...['-object', 'iothread,id=io1'],
      ...rawDisk(join(directory, 'old.raw')).map((arg) =>
        arg.startsWith('virtio-blk') ? `${arg},iothread=io1` : arg,
      ),
    ]);
    await qemu.io('vd0', 'write -P 7 0 1M');
    const from = await source();
    await from.startTracking();
    const to = await hypervisor.openPivot(from, options({ format: 'qcow2' }));
    await qemu.io('vd0', 'write -P 8 2M 64k');
    await copy(from, to);
    expect(await to.switchOver()).toBe('disk0.r1');
    await qemu.io('vd0', 'write -P 9 3M 64k');
    await to.release('keep');
    await from.release();
  });

  test("takes over the source's cache and zero detection", async () => {
    const file = { driver: 'file', filename: join(directory, 'old.raw'), cache: { direct: true } };
    const tuned = { file, cache: { direct: true }, discard: 'unmap', 'detect-zeroes': 'unmap' };
    await start(rawDisk(join(directory, 'old.raw'), tuned));
    const to = await hypervisor.openPivot(await source(), options({ aio: 'native' }));
    const nodes = await qemu.side.execute('query-named-block-nodes', { flat: true });
    const node = nodes.find((other) => other['node-name'] === 'disk0.r1');
    expect(node).toMatchObject({ cache: { direct: true }, detect_zeroes: 'unmap' });
    await to.release('discard');
  });

  test('needs the guest paused', async () => {
    await start();
    const from = await source();
    await from.startTracking();
    const to = await hypervisor.openPivot(from, options());
    await hypervisor.resume();
    await expect(to.switchOver()).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringMatching(/needs the guest paused; it is running\.$/) as string,
    });
    await hypervisor.pause();
    await from.flip(() => undefined);
    expect(await to.switchOver()).toBe('disk0.r1');
  });

  test('is done once', async () => {
    await start();
    const to = await hypervisor.openPivot(await source(), options());
    await to.switchOver();
    await expect(to.switchOver()).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringMatching(/needs an open destination; it is switched\.$/) as string,
    });
  });
});

describe('the image afterwards', () => {
  test('is deleted when it was made and discarded', async () => {
    await start();
    const to = await hypervisor.openPivot(await source(), options());
    await to.release('discard');
    await to.release('discard');
    expect(await missing(options().path)).toBe(true);
    expect(warnings).toEqual([]);
  });

  test('stays when it is kept without a switchover', async () => {
    await start();
    const to = await hypervisor.openPivot(await source(), options());
    await to.release('keep');
    expect((await stat(options().path)).size).toBe(size);
  });

  test('stays, and the guest on it, when it is discarded after the switchover', async () => {
    await start();
    const to = await hypervisor.openPivot(await source(), options());
    await to.switchOver();
    await to.release('discard');
    expect(await currentNode()).toBe('disk0.r1');
    await qemu.io('vd0', 'write 0 64k');
    expect((await stat(options().path)).size).toBe(size);
  });

  test('is deleted by closing without a switchover', async () => {
    await start();
    await hypervisor.openPivot(await source(), options());
    await hypervisor.close();
    expect(await missing(options().path)).toBe(true);
    await assertNothingLeft(qemu.side);
    expect(await currentNode()).toBe('disk0');
  });

  test('that was there before is never deleted', async () => {
    await start();
    await makeRaw(options().path, size);
    const to = await hypervisor.openPivot(await source(), options());
    await to.release('discard');
    expect((await stat(options().path)).size).toBe(size);
  });
});

describe('an image that is there', () => {
  async function refused(more: Partial<PivotOptions> = {}): Promise<unknown> {
    const from = await source();
    const error = await hypervisor.openPivot(from, options(more)).then(
      () => expect.unreachable('the image was taken'),
      (reason: unknown) => reason,
    );
    await from.release();
    await assertNothingLeft(qemu.side);
    expect(await currentNode()).toBe('disk0');
    return error;
  }

  function destination(message: RegExp): unknown {
    return expect.objectContaining({
      kind: 'destination',
      message: expect.stringMatching(message) as string,
    });
  }

  test('and empty is taken', async () => {
    await start();
    await makeRaw(options().path, size);
    const to = await hypervisor.openPivot(await source(), options());
    expect(to.readsAsZeroes).toBe(true);
    expect(await to.switchOver()).toBe('disk0.r1');
  });

  test('and empty qcow2 is taken', async () => {
    await start();
    await makeQcow2(options().path, size);
    const to = await hypervisor.openPivot(await source(), options({ format: 'qcow2' }));
    expect(await to.switchOver()).toBe('disk0.r1');
  });

  test('raw and larger shows the guest no more than its disk had', async () => {
    await start();
    await makeRaw(options().path, size + MiB);
    const to = await hypervisor.openPivot(await source(), options());
    expect((await run('nbdinfo', ['--size', to.uri])).stdout.trim()).toBe(String(size));
    expect(await to.switchOver()).toBe('disk0.r1');
  });

  test('with data is refused', async () => {
    await start();
    await writeFile(options().path, Buffer.alloc(size, 5));
    expect(await refused()).toEqual(destination(/^The image .* is there and holds data\.$/));
    expect((await stat(options().path)).size).toBe(size);
  });

  test('with data is taken to be overwritten, and not trusted to read as zeroes', async () => {
    await start();
    await writeFile(options().path, Buffer.alloc(size, 5));
    const to = await hypervisor.openPivot(await source(), options({ overwrite: true }));
    expect(to.readsAsZeroes).toBe(false);
  });

  test('too small is refused', async () => {
    await start();
    await makeRaw(options().path, size - MiB);
    expect(await refused({ overwrite: true })).toEqual(
      destination(/^The image .* is too small: 15728640 bytes, and the disk has 16777216\.$/),
    );
  });

  test('qcow2 and too large is refused', async () => {
    await start();
    await makeQcow2(options().path, size + MiB);
    expect(await refused({ format: 'qcow2' })).toEqual(destination(/^The image .* is too large: /));
  });

  test('of another format is refused', async () => {
    await start();
    await makeRaw(options().path, size);
    expect(await refused({ format: 'qcow2' })).toEqual(
      destination(/^The image .* is there, but has not the format that was asked for/),
    );
  });

  test('in use by another QEMU is refused', async () => {
    await start();
    const image = await makeRaw(options().path, size);
    const otherDirectory = await makeTestDirectory();
    const other = await startQemu(otherDirectory, rawDisk(image));
    try {
      expect(await refused()).toEqual(destination(/^The image .* is in use by somebody else /));
    } finally {
      await other.stop();
    }
  });

  test('and is the source itself is refused, under another name too', async () => {
    await start();
    const path = join(directory, 'old.raw');
    const own = destination(/^The image .* is in use by unix:\S+ itself, as node /);
    expect(await refused({ path, overwrite: true })).toEqual(own);
    const link = join(directory, 'link.raw');
    await symlink(path, link);
    expect(await refused({ path: link, overwrite: true })).toEqual(own);
  });

  test('and is a folder is refused', async () => {
    await start();
    expect(await refused({ path: directory })).toEqual(
      destination(/^The image .* is neither a regular file nor a block device/),
    );
  });

  test('in a folder that is not there is refused', async () => {
    await start();
    expect(await refused({ path: join(directory, 'none', 'new.img') })).toEqual(
      destination(/^The image .* can't be made: its folder does not exist/),
    );
  });

  test('where nothing can be written is refused', async () => {
    await start();
    expect(await refused({ path: '/sys/new.img' })).toEqual(
      destination(/^The image \/sys\/new.img (is read-only or not accessible|is on a read-only)/),
    );
  });

  test('that the cache mode does not fit is refused', async () => {
    await start();
    expect(await refused({ aio: 'native' })).toEqual(destination(/^The image .* needs? /));
    expect(await missing(options().path)).toBe(true);
  });

  test('with a relative path is refused', async () => {
    await start();
    expect(await refused({ path: 'new.img' })).toMatchObject({
      kind: 'usage',
      message: 'The image "new.img" has to be an absolute path.',
    });
  });
});

describe('a pivot that fails', () => {
  test('because the mirror can not start: the guest keeps its disk, and nothing is left', async () => {
    await start();
    const from = await source();
    const to = await hypervisor.openPivot(from, options());
    await qemu.side.execute('block-export-add', {
      type: 'nbd',
      id: 'foreign',
      name: 'foreign',
      'node-name': 'disk0.r1',
      writable: true,
    });
    await expect(to.switchOver()).rejects.toMatchObject({
      kind: 'hypervisor',
      message: expect.stringMatching(
        /^Swapping disk0 for file:\S+ on unix:\S+ failed: .*\(the guest keeps its old disk\)\.$/,
      ) as string,
    });
    await qemu.side.execute('block-export-del', { id: 'foreign', mode: 'hard' });
    expect(await currentNode()).toBe('disk0');
    await qemu.io('vd0', 'write 0 64k');
    await to.release('discard');
    await from.release();
    await assertNothingLeft(qemu.side);
  });

  test('by being cancelled before the mirror: the guest keeps its disk', async () => {
    await start();
    const to = await hypervisor.openPivot(await source(), options());
    const cancel = new AbortController();
    const swapping = to.switchOver(cancel.signal);
    cancel.abort();
    await expect(swapping).rejects.toMatchObject({ kind: 'cancelled' });
    expect(await currentNode()).toBe('disk0');
  });

  test('because the source is not of this hypervisor', async () => {
    await start();
    const from = await source();
    const foreign = { ...from, disk: from.disk } as SourceDisk;
    await expect(hypervisor.openPivot(foreign, options())).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringMatching(/^disk0 is not an open source of unix:/) as string,
    });
  });
});
