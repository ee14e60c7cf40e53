/** A real QEMU in which a process was tracking that died: another one goes on with its bitmaps and its new image. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.js';
import { silentLogger } from '../../src/base/logger.js';
import type { FileIdentity, QemuHypervisor, SourceDisk } from '../../src/hypervisor/index.js';
import { describeMadeFile } from '../../src/hypervisor/aftermath/changes.js';
import { connectNbd } from '../../src/nbd/index.js';
import { exists } from './support/migration.js';
import { assertNothingLeft, leftovers } from './support/qemu-leftovers.js';
import type { TestQemu } from './support/qemu-process.js';
import { MiB, makeRaw, makeTestDirectory, rawDisk, startQemu } from './support/qemu-process.js';

const KiB64 = 65536;
const options = { run: 'r1', granularity: KiB64 };
let qemu: TestQemu;
let hypervisor: QemuHypervisor;

beforeEach(async () => {
  const directory = await makeTestDirectory();
  qemu = await startQemu(directory, rawDisk(await makeRaw(join(directory, 'a.raw'), 64 * MiB)));
  hypervisor = await qemu.connect();
});

afterEach(async () => {
  await hypervisor.close();
  await qemu.stop();
});

async function open(after?: number): Promise<SourceDisk> {
  const [disk] = await hypervisor.disks();
  const how = after === undefined ? options : { ...options, after };
  return hypervisor.openSource(disk!, how);
}

/** The process dies, and what it leaves half done is removed: exports and the NBD server. */
async function die(): Promise<void> {
  hypervisor.session.qmp.close();
  for (const id of (await leftovers(qemu.side)).filter((name) => /-(source|image)-/.test(name))) {
    const gone = qemu.side.expect('BLOCK_EXPORT_DELETED', (data) => data.id === id);
    await qemu.side.execute('block-export-del', { id, mode: 'hard' });
    await gone.data;
  }
  await qemu.side.execute('nbd-server-stop', {});
  hypervisor = await qemu.connect();
}

async function flip(source: SourceDisk): Promise<[number, number][]> {
  const seen: [number, number][] = [];
  await source.flip((offset, length) => seen.push([offset, length]));
  return seen;
}

/** Three blocks, each written before a flip, and one after the last. */
async function writeAndFlip(): Promise<void> {
  const source = await open();
  await source.startTracking();
  for (const place of [1, 2, 3]) {
    await qemu.io('vd0', `write ${place}M 64k`);
    expect(await source.flip(() => undefined)).toBe(place);
  }
  await qemu.io('vd0', 'write 4M 64k');
}

describe('tracking', () => {
  test('goes on: the next flip has what was written since the last one that is known', async () => {
    await writeAndFlip();
    await die();
    await qemu.io('vd0', 'write 5M 64k');
    const source = await open(2);
    await source.startTracking();
    await qemu.io('vd0', 'write 6M 64k');
    expect(await flip(source)).toEqual([3, 4, 5, 6].map((place) => [place * MiB, KiB64]));
    expect(await flip(source)).toEqual([]);
    await source.release();
    await assertNothingLeft(qemu.side);
  });

  test('goes on after the last flip, too', async () => {
    await writeAndFlip();
    await die();
    const source = await open(3);
    await source.startTracking();
    expect(await flip(source)).toEqual([[4 * MiB, KiB64]]);
  });

  test('is refused where a flip is not known and its bitmap is gone; the others go then', async () => {
    await writeAndFlip();
    await die();
    const source = await open(1);
    await expect(source.startTracking()).rejects.toMatchObject({
      kind: 'hypervisor',
      message: expect.stringMatching(
        /^The tracking of disk0 by run r1 can't be gone on with: dirty bitmap 2 is not there/,
      ) as string,
    });
    await source.release();
    await assertNothingLeft(qemu.side);
  });
});

describe('a new image', () => {
  let path: string;
  const image = () => ({ run: 'r1', path, format: 'raw', overwrite: false }) as const;

  /** Opens it, and writes the letter A to its first block. */
  async function openAndWrite(): Promise<FileIdentity> {
    path = join(qemu.directory, 'new.raw');
    const pivot = await hypervisor.openPivot(await open(), image());
    const quiet = { clock: systemClock, logger: silentLogger };
    const connection = await connectNbd(pivot.uri, quiet);
    await connection.write(0, [Buffer.alloc(512, 'A')]);
    await connection.close();
    return describeMadeFile(path, await stat(path));
  }

  async function firstByte(uri: string): Promise<string> {
    const connection = await connectNbd(uri, { clock: systemClock, logger: silentLogger });
    const payload = await connection.read(0, 512);
    const [piece] = payload.pieces;
    const byte = piece!.hole ? '' : String.fromCharCode(piece!.data[0]!);
    payload.release();
    await connection.close();
    return byte;
  }

  test('is gone on with as it is, and deleted where it is discarded', async () => {
    const made = await openAndWrite();
    await die();
    const pivot = await hypervisor.openPivot(await open(), { ...image(), reopens: { made } });
    expect(pivot.diskName).toBe('disk0.r1');
    expect(await firstByte(pivot.uri)).toBe('A');
    await pivot.release('discard');
    expect(await exists(path)).toBe(false);
  });

  test('which the run did not make stays', async () => {
    await openAndWrite();
    await die();
    const pivot = await hypervisor.openPivot(await open(), { ...image(), reopens: {} });
    await pivot.release('discard');
    expect(await exists(path)).toBe(true);
  });

  test('that is not open any more is refused', async () => {
    await openAndWrite();
    await die();
    await qemu.side.execute('blockdev-del', { 'node-name': 'disk0.r1' });
    const opening = hypervisor.openPivot(await open(), { ...image(), reopens: {} });
    await expect(opening).rejects.toMatchObject({
      kind: 'destination',
      message: expect.stringMatching(
        /^Run r1 can't go on with .*new\.raw on unix:.*: node disk0\.r1 is not there any more\./,
      ) as string,
    });
    expect(await exists(path)).toBe(true);
  });
});
