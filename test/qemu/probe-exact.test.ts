/**
 * The probe against real kernels: with write-back held off, its report is compared with what QEMU
 * saw the guest write, byte for byte.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  connectProbe,
  type CacheExtent,
  type CacheReport,
  type Probe,
} from '../../src/probe/index.js';
import { makeImage, ProbeGuest, type DirtyRun } from './support/probe-guest.js';

const MIB = 1 << 20;
const size = 400 * MIB;
const disk = { size, serial: 'alpha' };

/** Joins runs that touch. */
function join(runs: readonly DirtyRun[]): DirtyRun[] {
  const joined: { offset: number; length: number }[] = [];
  for (const { offset, length } of [...runs].sort((a, b) => a.offset - b.offset)) {
    const last = joined.at(-1);
    if (last && last.offset + last.length >= offset)
      last.length = Math.max(last.length, offset + length - last.offset);
    else joined.push({ offset, length });
  }
  return joined;
}

function extentsOf(report: CacheReport, file: string): CacheExtent[] {
  const index = report.files.findIndex((item) => item.path === file);
  return report.extents.filter((extent) => extent.file === index && extent.state === 'dirty');
}

/** Runs of the file that are reported as dirty, in pages of 4 KiB. */
function pagesOf(extents: readonly CacheExtent[]): number[] {
  return extents
    .flatMap(({ fileOffset, length }) =>
      Array.from({ length: length / 4096 }, (_, page) => fileOffset! / 4096 + page),
    )
    .sort((a, b) => a - b);
}

describe.each([
  { kernel: '6.1', fileSystem: 'ext4' },
  { kernel: '6.1', fileSystem: 'xfs' },
  { kernel: '6.12', fileSystem: 'ext4' },
  { kernel: '6.12', fileSystem: 'xfs' },
] as const)('the probe on Linux $kernel, $fileSystem', ({ kernel, fileSystem }) => {
  let folder: string;
  let guest: ProbeGuest;
  let probe: Probe;
  const ends: (() => unknown)[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'migrascope-images-'));
    ends.push(() => rmSync(folder, { recursive: true, force: true }));
    const flags = fileSystem === 'ext4' ? ['-b', '4096'] : [];
    const image = await makeImage(folder, 'disk.img', fileSystem, size / MIB, flags);
    guest = await ProbeGuest.start({ kernel, images: [{ file: image, serial: 'alpha' }] });
    ends.push(() => guest.close());
    await guest.shell('mount /dev/vda /mnt');
    // Write-back is held off; a disk without recent writes would have no share of the limits.
    await guest.shell('for share in /sys/class/bdi/254:*/min_ratio; do echo 20 > $share; done');
    await guest.shell('echo 0 > /proc/sys/vm/dirty_writeback_centisecs');
    await guest.shell('echo 360000 > /proc/sys/vm/dirty_expire_centisecs');
    await guest.startProbe();
    probe = await connectProbe({ type: 'unix', path: guest.probeSocket });
    ends.push(() => probe.close());
  });

  afterAll(async () => {
    for (const end of ends.reverse()) await end();
  });

  test('uses the best method and tells the guest by what both sides know', () => {
    expect(probe.info).toMatchObject({
      protocol: '1.0',
      method: 'kcore',
      methodReasons: [],
      disks: [{ name: 'vda', size, serial: 'alpha' }],
    });
    expect(probe.info.kernel).toContain(kernel);
    expect(probe.info.disks[0]!.pci).toMatch(/^[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/);
  });

  test('reports overwritten blocks as exactly the bytes that are written by a drain', async () => {
    await guest.shell('dd if=/dev/zero of=/mnt/file bs=1M count=32 2>/dev/null; sync');
    const pages = [3, 4, 5, 77, 1000, 4095, 8191];
    for (const page of pages)
      await guest.shell(
        `dd if=/dev/urandom of=/mnt/file bs=4k count=1 seek=${page} conv=notrunc 2>/dev/null`,
      );
    const before = await probe.snapshot({ disk, clean: false });
    const predicted = extentsOf(before, '/mnt/file');
    // Linux 6.1 writes a large page of xfs as a whole: every page named must be there, no more on 6.12.
    if (fileSystem === 'xfs' && kernel === '6.1')
      expect(pagesOf(predicted)).toEqual(expect.arrayContaining(pages));
    else expect(pagesOf(predicted)).toEqual(pages);

    await guest.startTracking('disk0');
    const drained = await probe.drain({ disk, extents: predicted });
    const written = await guest.stopTracking('disk0');
    expect(written).toEqual(join(predicted));
    expect(drained.writtenBytes).toBe(predicted.reduce((sum, extent) => sum + extent.length, 0));

    const after = await probe.snapshot({ disk, clean: false });
    expect(extentsOf(after, '/mnt/file')).toEqual([]);
  });

  test('reports an unlinked file that is still open', async () => {
    await guest.shell('dd if=/dev/zero of=/mnt/gone bs=4k count=16 2>/dev/null; sync');
    await guest.shell(
      '(exec 7<>/mnt/gone; rm /mnt/gone; dd if=/dev/urandom bs=4k count=1 >&7; sleep 600) >/dev/null 2>&1 &',
    );
    await guest.shell('sleep 1');
    const report = await probe.snapshot({ disk, clean: false });
    const index = report.files.findIndex(({ links }) => links === 0);
    const extents = report.extents.filter(({ file }) => file === index);
    expect(pagesOf(extents)).toEqual(
      fileSystem === 'xfs' && kernel === '6.1' ? expect.arrayContaining([0]) : [0],
    );
    await guest.startTracking('disk0');
    await probe.drain({ disk, extents });
    expect(await guest.stopTracking('disk0')).toEqual(join(extents));
  });

  test('counts what has no place on the disk yet, and has it written by a drain of everything', async () => {
    await guest.shell('dd if=/dev/urandom of=/mnt/new bs=4k count=25 2>/dev/null');
    const before = await probe.snapshot({ disk, clean: false });
    expect(before.unmappedBytes).toEqual({ 'delayed-allocation': 25 * 4096 });
    expect(extentsOf(before, '/mnt/new')).toEqual([]);
    const drained = await probe.drain({ disk });
    expect(drained.writtenBytes).toBeGreaterThanOrEqual(25 * 4096);
    const after = await probe.snapshot({ disk, clean: false });
    expect(after.unmappedBytes).toEqual({});
    expect(after.extents.filter((extent) => extent.class === 'data')).toEqual([]);
  });

  test('reports clean pages where they are asked for, to the byte of the file', async () => {
    const report = await probe.snapshot({ disk, clean: true });
    const index = report.files.findIndex((file) => file.path === '/mnt/new');
    const extents = report.extents.filter((extent) => extent.file === index);
    expect(pagesOf(extents)).toEqual(Array.from({ length: 25 }, (_, page) => page));
    expect(new Set(extents.map((extent) => extent.state))).toEqual(new Set(['clean']));
  });

  test('tells where the journal lies, and that is where it writes', async () => {
    await guest.startTracking('disk0');
    await guest.shell(
      'mkdir /mnt/folder; dd if=/dev/zero of=/mnt/folder/a bs=512 count=1 conv=fsync 2>/dev/null',
    );
    const written = await guest.stopTracking('disk0');
    const { journals } = await probe.snapshot({ disk, clean: false });
    expect(journals).toHaveLength(1);
    const { offset, length } = journals[0]!;
    expect(written.some((run) => run.offset >= offset && run.offset < offset + length)).toBe(true);
  });

  test('names metadata that waits before it is written', async () => {
    await guest.shell('for i in 1 2 3 4 5 6 7 8 9; do echo $i > /mnt/folder/f$i; done');
    const { extents } = await probe.snapshot({ disk, clean: false });
    const metadata = extents.filter((extent) => extent.class === 'metadata');
    if (fileSystem === 'xfs') {
      // xfs keeps its metadata beside the page cache: nothing is said of it.
      expect(metadata).toEqual([]);
      return;
    }
    await guest.startTracking('disk0');
    await probe.drain({ disk });
    const written = await guest.stopTracking('disk0');
    const isWritten = (extent: CacheExtent) =>
      written.some(
        (run) =>
          run.offset <= extent.offset && run.offset + run.length >= extent.offset + extent.length,
      );
    expect(metadata.length).toBeGreaterThan(0);
    expect(metadata.filter((extent) => !isWritten(extent))).toEqual([]);
  });

  test('discards what no file uses', async () => {
    const { trimmedBytes } = await probe.trim({ disk });
    expect(trimmedBytes).toBeGreaterThan(100 * MIB);
    expect(trimmedBytes).toBeLessThanOrEqual(size);
  });

  test('keeps the page cache as it is', async () => {
    const places = async () =>
      (await probe.snapshot({ disk, clean: true })).extents.map(({ offset, length }) => [
        offset,
        length,
      ]);
    const active = async () => {
      const [kib] = /\d+/.exec(await guest.shell('grep -E "^Active.file.:" /proc/meminfo')) ?? [];
      return Number(kib);
    };
    // File system metadata that a look brings in is active from the second look on.
    await active();
    await places();
    const before = await places();
    const activeBefore = await active();
    for (let i = 0; i < 5; i++) expect(await places()).toEqual(before);
    // A page or two become active by the question itself; a look that touched pages would make hundreds.
    expect(await active()).toBeLessThanOrEqual(activeBefore + 16);
  });

  test.each(['cachestat', 'mincore'] as const)('sees the same pages by %s', async (method) => {
    if (method === 'cachestat' && kernel === '6.1') return;
    await guest.shell(
      'dd if=/dev/urandom of=/mnt/file bs=4k count=2 seek=50 conv=notrunc 2>/dev/null',
    );
    const best = extentsOf(await probe.snapshot({ disk, clean: false }), '/mnt/file');
    await probe.close();
    await guest.shell('kill $(pidof migrascope-probe); sleep 0.5');
    await guest.startProbe(`--method ${method}`);
    const other = await connectProbe({ type: 'unix', path: guest.probeSocket });
    try {
      expect(other.info.method).toBe(method);
      expect(other.info.methodReasons[0]).toMatch(/^kcore is not used/);
      const seen = extentsOf(await other.snapshot({ disk, clean: false }), '/mnt/file');
      const pages = pagesOf(seen);
      // Both count a large page as dirty as a whole: more may be named on xfs, never less.
      if (fileSystem === 'xfs') expect(pages).toEqual(expect.arrayContaining(pagesOf(best)));
      else expect(pages).toEqual(pagesOf(best));
      const drained = await other.drain({ disk, extents: seen });
      expect(drained.writtenBytes).toBeGreaterThanOrEqual(2 * 4096);
    } finally {
      await other.close();
      await guest.shell('kill $(pidof migrascope-probe); sleep 0.5');
      await guest.startProbe();
      probe = await connectProbe({ type: 'unix', path: guest.probeSocket });
    }
  });
});
