/**
 * Figures of the probe on a real guest: a look at 1 GiB of page cache in ten files, at 100,000
 * small files, and the share of a processor that one look every two seconds takes. Prints; asserts
 * nothing.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { connectProbe, type CacheReport, type Probe } from '../src/probe/index.js';
import { makeImage, ProbeGuest } from '../test/qemu/support/probe-guest.js';

const MIB = 1 << 20;
const size = 3072 * MIB;
const disk = { size, serial: 'bench' };

interface Figure {
  readonly what: string;
  /** In milliseconds of the guest's clock: the look itself; and as the host waits for it. */
  readonly lookMs: number;
  readonly hostMs: number;
  readonly extents: number;
  readonly files: number;
  readonly note?: string;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

async function measure(probe: Probe, what: string, clean: boolean, times = 9): Promise<Figure> {
  const looks: number[] = [];
  const waits: number[] = [];
  let report: CacheReport | undefined;
  for (let i = 0; i < times; i++) {
    const start = performance.now();
    report = await probe.snapshot({ disk, clean });
    waits.push(Math.round(performance.now() - start));
    looks.push(report.endMs - report.startMs);
  }
  return {
    what,
    lookMs: median(looks),
    hostMs: median(waits),
    extents: report!.extents.length,
    files: report!.files.length,
    ...(report!.truncated === undefined ? {} : { note: report!.truncated }),
  };
}

/** Milliseconds of processor time of the probe and of the requests' processes that it waited for. */
async function cpuMs(guest: ProbeGuest): Promise<number> {
  const text = await guest.shell(
    "cat /proc/$(pidof migrascope-probe | tr ' ' '\\n' | sort -n | head -1)/stat",
  );
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  return fields.slice(11, 15).reduce((sum, ticks) => sum + ticks * 10, 0);
}

async function shareOfProcessor(probe: Probe, guest: ProbeGuest): Promise<number> {
  const before = await cpuMs(guest);
  const start = performance.now();
  for (let i = 0; i < 10; i++) {
    await probe.snapshot({ disk, clean: false });
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
  return ((await cpuMs(guest)) - before) / (performance.now() - start);
}

const dirtyPages = (count: number, pages: number) =>
  `i=0; s=12345; while [ $i -lt ${count} ]; do s=$(( (s * 1103515245 + 12345) % 2147483648 )); ` +
  `echo $(( s / 7 % ${pages} )); i=$((i+1)); done`;

async function tenFiles(guest: ProbeGuest): Promise<void> {
  await guest.shell(
    'for i in 0 1 2 3 4 5 6 7 8 9; do dd if=/dev/zero of=/mnt/big$i bs=1M count=102 2>/dev/null; done; sync',
  );
  for (let file = 0; file < 10; file++)
    await guest.shell(
      `{ ${dirtyPages(295, 26112)}; } | while read page; do ` +
        `dd if=/dev/zero of=/mnt/big${file} bs=4k count=1 seek=$page conv=notrunc 2>/dev/null; done`,
    );
}

async function manyFiles(guest: ProbeGuest): Promise<void> {
  await guest.shell(
    'd=0; while [ $d -lt 100 ]; do mkdir /mnt/d$d; f=0; while [ $f -lt 1000 ]; do echo x > /mnt/d$d/f$f; f=$((f+1)); done; d=$((d+1)); done; sync',
  );
  await guest.shell(
    'd=0; while [ $d -lt 100 ]; do f=0; while [ $f -lt 10 ]; do echo y > /mnt/d$d/f$f; f=$((f+1)); done; d=$((d+1)); done; sync',
  );
  await guest.shell(
    'd=0; while [ $d -lt 100 ]; do f=0; while [ $f -lt 10 ]; do echo z | dd of=/mnt/d$d/f$f conv=notrunc 2>/dev/null; f=$((f+1)); done; d=$((d+1)); done',
  );
}

/** Boots a guest with that kernel and prints its figures. */
export async function benchProbe(kernel: '6.1' | '6.12'): Promise<void> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'migrascope-bench-'));
  const ends: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  try {
    const image = await makeImage(folder, 'disk.img', 'ext4', size / MIB, [
      '-N',
      '200000',
      '-b',
      '4096',
    ]);
    const guest = await ProbeGuest.start({
      kernel,
      images: [{ file: image, serial: 'bench' }],
      memoryMiB: 2048,
    });
    ends.push(() => guest.close());
    await guest.shell('mount /dev/vda /mnt');
    await guest.shell(
      'echo 0 > /proc/sys/vm/dirty_writeback_centisecs; echo 360000 > /proc/sys/vm/dirty_expire_centisecs',
    );
    await guest.shell(
      'echo 80 > /proc/sys/vm/dirty_ratio; echo 70 > /proc/sys/vm/dirty_background_ratio',
    );
    await guest.startProbe();
    const probe = await connectProbe({ type: 'unix', path: guest.probeSocket });
    ends.push(() => probe.close());
    const figures: Figure[] = [];
    await tenFiles(guest);
    figures.push(await measure(probe, '1 GiB in ten files, 2,950 pages written', false));
    figures.push(await measure(probe, '1 GiB in ten files, clean pages too', true, 3));
    await probe.drain({ disk });
    figures.push(await measure(probe, '1 GiB in ten files, nothing dirty', false));
    const share = await shareOfProcessor(probe, guest);
    await manyFiles(guest);
    figures.push(await measure(probe, '100,000 files, 1,000 dirty', false));
    figures.push(await measure(probe, '100,000 files, clean pages too', true, 3));
    console.log(`Linux ${kernel}, method ${probe.info.method}`);
    console.table(figures);
    console.log(
      `One look every 2 s while nothing changes: ${(share * 100).toFixed(2)} % of a processor.`,
    );
    console.log(
      await guest.shell(
        "grep -E 'VmHWM|VmRSS' /proc/$(pidof migrascope-probe | tr ' ' '\\n' | sort -n | head -1)/status",
      ),
    );
  } finally {
    for (const end of ends.reverse()) await end();
  }
}
