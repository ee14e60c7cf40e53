/**
 * The probe against real kernels: with write-back held off, its report is compared with what QEMU
 * saw the guest write, byte for byte.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectProbe, type CacheExtent, type CacheReport, type Probe } from '../../src/probe/index.js';
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

  beforeAll(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'migrascope-images-'));
    const flags = fileSystem === 'ext4' ? ['-b', '4096'] : [];
    const image = await makeImage(folder, 'disk.img', fileSystem, size / MIB, flags);
    guest = await ProbeGuest.start({ kernel, images: [{ file: image, serial: 'alpha' }] });
    await guest.shell('mount /dev/vda /mnt');
    await guest.shell('echo 0 > /proc/sys/vm/dirty_writeback_centisecs');
    await guest.shell('echo 360000 > /proc/sys/vm/dirty_expire_centisecs');
    await guest.startProbe();
    probe = await connectProbe({ type: 'unix', path: guest.probeSocket });
  });

  afterAll(async () => {
    await probe?.close();
    await guest?.close();
    rmSync(folder, { recursive: true, force: true });
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
});
