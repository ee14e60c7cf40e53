/** Dirty bitmaps of a real QEMU: every write is in exactly one flip, whatever fails. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { GuestDisk, QemuHypervisor, SourceDisk } from '../../src/hypervisor/index.js';
import { assertNothingLeft, leftovers } from './support/qemu-leftovers.js';
import type { TestQemu } from './support/qemu-process.js';
import {
  MiB,
  makeRaw,
  makeTestDirectory,
  rawDisk,
  run,
  startQemu,
} from './support/qemu-process.js';

const KiB64 = 65536;
let qemu: TestQemu;
let hypervisor: QemuHypervisor;
let disk: GuestDisk;

beforeEach(async () => {
  const directory = await makeTestDirectory();
  qemu = await startQemu(
    directory,
    rawDisk(await makeRaw(join(directory, 'a.raw'), 64 * MiB), { discard: 'unmap' }),
  );
  hypervisor = await qemu.connect();
  disk = (await hypervisor.disks())[0]!;
});

afterEach(async () => {
  await hypervisor.close();
  await qemu.stop();
});

function open(granularity = KiB64): Promise<SourceDisk> {
  return hypervisor.openSource(disk, { run: 'r1', granularity });
}

async function flip(source: SourceDisk): Promise<[number, number][]> {
  const seen: [number, number][] = [];
  await source.flip((offset, length) => seen.push([offset, length]));
  return seen;
}

describe('flips', () => {
  test('each has what was written since the one before, whole blocks, ascending, joined', async () => {
    const source = await open();
    await source.startTracking();
    await qemu.io('vd0', 'write 1M 128k');
    await qemu.io('vd0', 'write 4k 512');
    await qemu.io('vd0', 'write 65024 1k');
    expect(await flip(source)).toEqual([
      [0, 2 * KiB64],
      [MiB, 2 * KiB64],
    ]);
    expect(await flip(source)).toEqual([]);
    await qemu.io('vd0', 'write 64512k 512');
    await qemu.io('vd0', 'write 1M 512');
    expect(await flip(source)).toEqual([
      [MiB, KiB64],
      [63 * MiB, KiB64],
    ]);
  });

  test('what was written before tracking began is in none', async () => {
    const source = await open();
    await qemu.io('vd0', 'write 0 64k');
    await source.startTracking();
    expect(await flip(source)).toEqual([]);
  });

  test('discards and zeroes are writes too', async () => {
    const source = await open();
    await source.startTracking();
    await qemu.io('vd0', 'write -z 2M 64k');
    await qemu.io('vd0', 'discard 4M 64k');
    expect(await flip(source)).toEqual([
      [2 * MiB, KiB64],
      [4 * MiB, KiB64],
    ]);
  });

  test('another granularity holds', async () => {
    const source = await open(MiB);
    await source.startTracking();
    await qemu.io('vd0', 'write 5M 512');
    expect(await flip(source)).toEqual([[5 * MiB, MiB]]);
  });

  test('many in a row leave the bitmap that records and the one read last, and none after the release', async () => {
    const source = await open();
    await source.startTracking();
    for (let round = 0; round < 30; round++) {
      await qemu.io('vd0', `write ${round}M 64k`);
      expect(await flip(source)).toEqual([[round * MiB, KiB64]]);
    }
    const dirty = (await leftovers(qemu.side)).filter((name) => name.includes('dirty'));
    expect(dirty).toHaveLength(2);
    await source.release();
    await source.release();
    await assertNothingLeft(qemu.side);
  });

  test('those asked for at the same time share no write and lose none', async () => {
    const source = await open();
    await source.startTracking();
    await qemu.io('vd0', 'write 3M 64k');
    const both = await Promise.all([flip(source), flip(source)]);
    expect(both.flat()).toEqual([[3 * MiB, KiB64]]);
  });
});

describe('a flip that fails', () => {
  test('in its visitor: the next one has it all again', async () => {
    const source = await open();
    await source.startTracking();
    await qemu.io('vd0', 'write 0 64k');
    await qemu.io('vd0', 'write 8M 64k');
    const failing = source.flip(() => {
      throw new Error('the visitor failed');
    });
    await expect(failing).rejects.toThrow('the visitor failed');
    await qemu.io('vd0', 'write 9M 64k');
    expect(await flip(source)).toEqual([
      [0, KiB64],
      [8 * MiB, KiB64],
      [9 * MiB, KiB64],
    ]);
    expect(await flip(source)).toEqual([]);
    await source.release();
    await assertNothingLeft(qemu.side);
  });

  test('several times in a row: nothing is lost', async () => {
    const source = await open();
    await source.startTracking();
    for (let round = 0; round < 4; round++) {
      await qemu.io('vd0', `write ${round * 2}M 64k`);
      const failing = source.flip(() => {
        throw new Error('again');
      });
      await expect(failing).rejects.toThrow('again');
    }
    expect(await flip(source)).toEqual([0, 2, 4, 6].map((at) => [at * MiB, KiB64]));
    await source.release();
    await assertNothingLeft(qemu.side);
  });

  test('by being cancelled: the next one has it all', async () => {
    const source = await open();
    await source.startTracking();
    await qemu.io('vd0', 'write 0 64k');
    const cancel = new AbortController();
    const visited: number[] = [];
    const cancelled = source.flip((offset) => visited.push(offset), cancel.signal);
    cancel.abort();
    await expect(cancelled).rejects.toMatchObject({
      kind: 'cancelled',
      message: 'Reading what was written to disk0 was cancelled.',
    });
    expect(await flip(source)).toEqual([[0, KiB64]]);
    expect(visited).toEqual([]);
  });

  test('by QEMU refusing the export: the next one has it all', async () => {
    const source = await open();
    await source.startTracking();
    await qemu.io('vd0', 'write 0 64k');
    await qemu.side.execute('block-export-add', {
      type: 'nbd',
      id: 'migrascope-r1-flip-1',
      name: 'in-the-way',
      'node-name': 'disk0',
    });
    await expect(flip(source)).rejects.toMatchObject({
      kind: 'hypervisor',
      message: expect.stringMatching(
        /^The disk disk0 of unix:\S+ could not be read for its dirty blocks: Block export id/,
      ) as string,
    });
    await qemu.side.execute('block-export-del', { id: 'migrascope-r1-flip-1' });
    expect(await flip(source)).toEqual([[0, KiB64]]);
  });

  test('by the NBD server being stopped from outside: it says so, and release cleans up', async () => {
    const source = await open();
    await source.startTracking();
    await qemu.side.execute('nbd-server-stop', {});
    await expect(flip(source)).rejects.toMatchObject({
      kind: 'hypervisor',
      message: expect.stringMatching(/could not be read for its dirty blocks/) as string,
    });
    await source.release();
    await assertNothingLeft(qemu.side);
  });
});

describe('misuse', () => {
  test('a flip without tracking', async () => {
    const source = await open();
    await expect(flip(source)).rejects.toMatchObject({
      kind: 'usage',
      message: 'Tracking of disk0 has not started.',
    });
  });

  test('tracking twice', async () => {
    const source = await open();
    await source.startTracking();
    await expect(source.startTracking()).rejects.toMatchObject({
      kind: 'usage',
      message: 'Tracking of disk0 has started already.',
    });
  });

  test('a flip after the release', async () => {
    const source = await open();
    await source.startTracking();
    await source.release();
    await expect(flip(source)).rejects.toMatchObject({
      kind: 'usage',
      message: 'To read what was written, the source disk0 has to be open; it was released.',
    });
  });
});

describe('the NBD server', () => {
  test('a foreign one is in the way, and stays', async () => {
    const path = join(qemu.directory, 'foreign.sock');
    await qemu.side.execute('nbd-server-start', { addr: { type: 'unix', data: { path } } });
    await qemu.side.execute('block-export-add', {
      type: 'nbd',
      id: 'theirs',
      name: 'theirs',
      'node-name': 'disk0',
    });
    await expect(open()).rejects.toMatchObject({
      kind: 'hypervisor',
      message: expect.stringMatching(
        /^An NBD server that is not ours is in the way on unix:\S+ \(exports: theirs\)\.$/,
      ) as string,
      hint: expect.stringMatching(/nbd-server-stop/) as string,
    });
    expect(await leftovers(qemu.side)).toEqual([]);
    await run('nbdinfo', ['--size', `nbd+unix:///theirs?socket=${path}`]);
    await qemu.side.execute('nbd-server-stop', {});
  });

  test('the source can be read there, with its allocation, while it is tracked', async () => {
    await qemu.io('vd0', 'write -P 7 1M 1M');
    const source = await open();
    await source.startTracking();
    const { stdout } = await run('nbdinfo', ['--map', '--totals', source.uri]);
    expect(stdout).toMatch(/^\s*1048576\s+1\.6%\s+0\s+data/m);
    const { stdout: about } = await run('nbdinfo', [source.uri]);
    expect(about).toContain('is_read_only: true');
  });

  test('two runs share it; it stops after the second', async () => {
    const first = await hypervisor.openSource(disk, { run: 'r1', granularity: KiB64 });
    const second = await hypervisor.openSource(disk, { run: 'r2', granularity: KiB64 });
    await first.release();
    await run('nbdinfo', ['--size', second.uri]);
    await second.release();
    await assertNothingLeft(qemu.side);
  });
});

describe('closing', () => {
  test('removes what runs left', async () => {
    const source = await open();
    await source.startTracking();
    await qemu.io('vd0', 'write 0 64k');
    await expect(
      source.flip(() => {
        throw new Error('left unread');
      }),
    ).rejects.toThrow();
    await hypervisor.close();
    await assertNothingLeft(qemu.side);
    await expect(open()).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringMatching(/^Opening disk0 needs an open connection/) as string,
    });
  });

  test('a source whose opening was cancelled is removed all the same', async () => {
    const cancel = new AbortController();
    const opening = hypervisor.openSource(disk, { run: 'r1', granularity: KiB64 }, cancel.signal);
    setImmediate(() => cancel.abort());
    await expect(opening).rejects.toMatchObject({ kind: 'cancelled' });
    await hypervisor.close();
    await assertNothingLeft(qemu.side);
  });

  test('a killed QEMU settles what waits, and closing does not throw', async () => {
    const source = await open();
    await source.startTracking();
    const events: string[] = [];
    hypervisor.onGuestEvent((event) => events.push(event.type));
    const flipping = source.flip(() => undefined);
    qemu.process.kill('SIGKILL');
    await expect(flipping).rejects.toMatchObject({ kind: 'connection-lost' });
    await expect(flip(source)).rejects.toMatchObject({ kind: 'connection-lost' });
    await source.release();
    await hypervisor.close();
    expect(events).toEqual(['lost']);
  });
});
