/** The probe's conversation with real guests: hosts that come and go, steering that must not outlive them, layers below file systems. */
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, closeSync, rmSync, writeSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectProbe, type CacheReport, type Probe } from '../../src/probe/index.js';
import { makeImage, ProbeGuest } from './support/probe-guest.js';

const MIB = 1 << 20;
const SECTOR = 512;
const first = { size: 200 * MIB, serial: 'alpha' };
const second = { size: 300 * MIB, serial: 'beta' };
const partition = { start: 64 * MIB, length: 128 * MIB };

/** Writes a partition table with one partition (MBR, type Linux). */
function writePartitionTable(file: string): void {
  const table = Buffer.alloc(SECTOR);
  table[446 + 4] = 0x83;
  table.writeUInt32LE(partition.start / SECTOR, 446 + 8);
  table.writeUInt32LE(partition.length / SECTOR, 446 + 12);
  table.writeUInt16LE(0xaa55, 510);
  const fd = openSync(file, 'r+');
  writeSync(fd, table, 0, SECTOR, 0);
  closeSync(fd);
}

/** Where a file system's image was put in the second disk. */
function putImage(from: string, to: string, offset: number): void {
  const fd = openSync(to, 'r+');
  const bytes = readFileSync(from);
  for (let at = 0; at < bytes.length; at += MIB) {
    const part = bytes.subarray(at, at + MIB);
    if (part.some((byte) => byte !== 0)) writeSync(fd, part, 0, part.length, offset + at);
  }
  closeSync(fd);
}

describe.each(['6.1', '6.12'] as const)("the probe's conversation on Linux %s", (kernel) => {
  let guest: ProbeGuest;
  const ends: (() => unknown)[] = [];
  const connect = () => connectProbe({ type: 'unix', path: guest.probeSocket });

  /** Runs `use` with a connection that is closed afterwards. */
  async function withProbe<T>(use: (probe: Probe) => Promise<T>): Promise<T> {
    const probe = await connect();
    try {
      return await use(probe);
    } finally {
      await probe.close();
    }
  }

  beforeAll(async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'migrascope-images-'));
    ends.push(() => rmSync(folder, { recursive: true, force: true }));
    const alpha = await makeImage(folder, 'alpha.img', 'ext4', first.size / MIB, ['-b', '4096']);
    const beta = await makeImage(folder, 'beta.img', 'none', second.size / MIB);
    const inner = await makeImage(folder, 'inner.img', 'ext4', partition.length / MIB, [
      '-b',
      '1024',
    ]);
    writePartitionTable(beta);
    putImage(inner, beta, partition.start);
    guest = await ProbeGuest.start({
      kernel,
      images: [
        { file: alpha, serial: 'alpha' },
        { file: beta, serial: 'beta' },
      ],
    });
    ends.push(() => guest.close());
    await guest.shell('mount /dev/vda /mnt && mount /dev/vdb1 /mnt2');
    // Write-back is held off; a disk without recent writes would have no share of the limits.
    await guest.shell('for share in /sys/class/bdi/254:*/min_ratio; do echo 20 > $share; done');
    await guest.shell('echo 0 > /proc/sys/vm/dirty_writeback_centisecs');
    await guest.shell('echo 360000 > /proc/sys/vm/dirty_expire_centisecs');
    await guest.startProbe();
  });

  afterAll(async () => {
    for (const end of ends.reverse()) await end();
  });

  const settings =
    'cat /proc/sys/vm/dirty_expire_centisecs /proc/sys/vm/dirty_ratio /proc/sys/vm/dirty_background_ratio /sys/class/bdi/254:*/min_ratio | tr "\\n" " "';

  /** Waits until a line of shell prints what is expected. */
  async function shellPrints(line: string, expected: string): Promise<void> {
    for (let attempt = 0; attempt < 100; attempt++) {
      if ((await guest.shell(line)) === expected) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(await guest.shell(line)).toBe(expected);
  }

  function dirtyOf(report: CacheReport, file: string) {
    const index = report.files.findIndex((item) => item.path === file);
    return report.extents.filter((extent) => extent.file === index && extent.state === 'dirty');
  }

  test('places pages of a partition, block by block where blocks are smaller than pages', async () => {
    await guest.shell('dd if=/dev/zero of=/mnt2/file bs=1M count=4 2>/dev/null; sync');
    await guest.shell(
      'dd if=/dev/urandom of=/mnt2/file bs=1k count=1 seek=33 conv=notrunc 2>/dev/null',
    );
    await withProbe(async (probe) => {
      const extents = dirtyOf(await probe.snapshot({ disk: second, clean: false }), '/mnt2/file');
      expect(extents).toMatchObject([{ fileOffset: 33 * 1024, length: 1024 }]);
      expect(extents[0]!.offset).toBeGreaterThanOrEqual(partition.start);
      await guest.startTracking('disk1');
      await probe.drain({ disk: second, extents });
      const page = Math.floor(extents[0]!.offset / 4096) * 4096;
      expect(await guest.stopTracking('disk1')).toEqual([{ offset: page, length: 4096 }]);
    });
  });

  test('tells the disks apart', async () => {
    await guest.shell('dd if=/dev/zero of=/mnt/file bs=64k count=4 2>/dev/null; sync');
    await guest.shell('dd if=/dev/urandom of=/mnt/file bs=4k count=1 conv=notrunc 2>/dev/null');
    await withProbe(async (probe) => {
      expect(
        dirtyOf(await probe.snapshot({ disk: first, clean: false }), '/mnt/file'),
      ).toHaveLength(1);
      expect((await probe.snapshot({ disk: second, clean: false })).files).toEqual([]);
      await expect(probe.snapshot({ disk: { size: 4096 }, clean: false })).rejects.toMatchObject({
        kind: 'probe',
        message: expect.stringMatching(/no-such-disk/) as unknown,
      });
      await probe.drain({ disk: first });
    });
  });

  test('follows a linear volume of the device-mapper', async () => {
    const sectors = (16 * MIB) / SECTOR;
    await guest.shell('umount /mnt2');
    // The halves of the volume lie in reverse order on the partition.
    await guest.shell(
      `printf '0 ${sectors} linear /dev/vdb1 ${sectors}\\n${sectors} ${sectors} linear /dev/vdb1 0\\n' | dmsetup create volume`,
    );
    try {
      await guest.shell(
        'echo 40 > /sys/class/bdi/253:0/min_ratio; (exec 7<>/dev/dm-0; dd if=/dev/urandom bs=4k count=1 >&7; dd if=/dev/urandom bs=4k count=1 seek=8190 >&7; sleep 5) >/dev/null 2>&1 & sleep 0.5',
      );
      await withProbe(async (probe) => {
        const { extents } = await probe.snapshot({ disk: second, clean: false });
        expect(extents).toMatchObject([
          { offset: partition.start + 16 * MIB - 4096, length: 8192, state: 'dirty' },
        ]);
      });
    } finally {
      await guest.shell('sleep 6; dmsetup remove volume; mount /dev/vdb1 /mnt2 || true');
    }
  });

  test('serves one host after the other, and none gets lines of the one before', async () => {
    for (let i = 0; i < 5; i++) {
      const socket = net.connect(guest.probeSocket);
      await once(socket, 'connect');
      socket.write(
        '{"id":1,"method":"snapshot","params":{"disk":{"size":209715200},"clean":true}}\n{"half',
      );
      await new Promise((resolve) => setTimeout(resolve, i * 60));
      socket.destroy();
      await once(socket, 'close');
      await withProbe(async (probe) => {
        expect((await probe.snapshot({ disk: first, clean: true })).files.length).toBeGreaterThan(
          0,
        );
      });
    }
  });

  test.each([
    'the host says so',
    'the host is gone',
    'the time is over',
    'the probe is killed',
    'the probe is told to end',
  ] as const)('undoes steering when %s', async (end) => {
    const before = await guest.shell(settings);
    const probe = await connect();
    try {
      await probe.steer({ mode: 'hold', forMs: end === 'the time is over' ? 2_000 : 600_000 });
      if (end !== 'the time is over') {
        expect(await guest.shell(settings)).not.toBe(before);
        expect(await guest.shell('ls /run')).toContain('migrascope-probe.steer');
      }
      if (end === 'the host says so') await probe.steer({ mode: 'release', forMs: 1 });
      if (end === 'the probe is killed')
        await guest.shell(`kill -9 $(ps | awk '/[m]igrascope-probe/ {print $1}')`);
      if (end === 'the probe is told to end') await guest.shell('kill $(pidof migrascope-probe)');
      if (end === 'the host is gone') await probe.close();
      await shellPrints(settings, before);
      await shellPrints('ls /run', '');
    } finally {
      await probe.close();
      if (end.startsWith('the probe')) await guest.startProbe();
    }
  });

  test('undoes steering when the host is silent', async () => {
    const before = await guest.shell(settings);
    const socket = net.connect(guest.probeSocket);
    await once(socket, 'connect');
    socket.write(
      '\n{"id":1,"method":"steer","params":{"mode":"hold","forMs":600000,"silenceMs":1500}}\n',
    );
    await shellPrints('ls /run', 'migrascope-probe.steer');
    await shellPrints(settings, before);
    expect(await guest.shell('ls /run')).toBe('');
    socket.destroy();
  });

  test('a later probe undoes what was left when keeper and probe were killed', async () => {
    const before = await guest.shell(settings);
    const probe = await connect();
    await probe.steer({ mode: 'hold', forMs: 600_000 });
    // The keeper first: it would undo what the probe leaves.
    for (const name of ['keep', 'probe'])
      await guest.shell(`kill -9 $(ps | awk '/[m]igrascope-${name}/ {print $1}')`);
    await probe.close();
    await guest.startProbe();
    await withProbe(() => Promise.resolve());
    expect(await guest.shell(settings)).toBe(before);
    expect(await guest.shell('ls /run')).toBe('');
  });

  test('is killed while a request waits for the disk: the next probe is there at once', async () => {
    const throttle = (rate: number) =>
      guest.qmp('block_set_io_throttle', {
        ...{
          id: '/machine/peripheral/device0/virtio-backend',
          bps: 0,
          bps_rd: 0,
          bps_wr: rate,
          iops: 0,
          iops_rd: 0,
          iops_wr: 0,
        },
      });
    await guest.shell('dd if=/dev/zero of=/mnt/waits bs=1M count=4 2>/dev/null');
    const probe = await connect();
    await throttle(64 * 1024);
    try {
      const drained = probe.drain({ disk: first }).catch((error: unknown) => error);
      await shellPrints('pidof migrascope-probe | wc -w', '2');
      await guest.shell(`kill -9 $(ps | awk '/[m]igrascope-probe/ {print $1; exit}')`);
      await probe.close();
      expect(await drained).toMatchObject({ kind: 'connection-lost' });
      await guest.startProbe();
      await withProbe(({ info }) => {
        expect(info.method).toBe('kcore');
        return Promise.resolve();
      });
      expect(await guest.shell('pidof migrascope-probe | wc -w')).toBe('2');
    } finally {
      await throttle(0);
    }
    await shellPrints('pidof migrascope-probe | wc -w', '1');
    await guest.shell('rm /mnt/waits; sync');
  });

  test('cancels a request, and goes on with the next', async () => {
    await withProbe(async (probe) => {
      const controller = new AbortController();
      const look = probe.snapshot({ disk: first, clean: true }, controller.signal);
      controller.abort();
      await expect(look).rejects.toMatchObject({ kind: 'cancelled' });
      expect((await probe.snapshot({ disk: first, clean: false })).sequence).toBeGreaterThan(0);
    });
  });

  test('leaves nothing behind, and keeps no file system busy', async () => {
    await withProbe((probe) => probe.snapshot({ disk: first, clean: true }));
    await guest.shell('umount /mnt && mount /dev/vda /mnt');
    await guest.shell('kill $(pidof migrascope-probe); sleep 0.5');
    expect(await guest.shell('ps | grep -v grep | grep -c migrascope || true')).toBe('0');
    await guest.startProbe();
  });
});
