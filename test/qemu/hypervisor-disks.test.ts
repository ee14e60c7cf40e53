/** Which disks a real QEMU has, and which of them can be migrated. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findDisk } from '../../src/hypervisor/index.js';
import type { GuestDisk, QemuHypervisor } from '../../src/hypervisor/index.js';
import { assertNothingLeft } from './support/qemu-leftovers.js';
import type { TestQemu } from './support/qemu-process.js';
import {
  MiB,
  makeQcow2,
  makeRaw,
  makeTestDirectory,
  rawDisk,
  startQemu,
} from './support/qemu-process.js';

let qemu: TestQemu;
let hypervisor: QemuHypervisor;
let disks: readonly GuestDisk[];

const options = { run: 'r1', granularity: 65536 };

beforeAll(async () => {
  const directory = await makeTestDirectory();
  const raw = await makeRaw(join(directory, 'a.raw'), 16 * MiB);
  const qcow2 = await makeQcow2(join(directory, 'b.qcow2'), 32 * MiB);
  const drive = await makeRaw(join(directory, 'c.raw'), 8 * MiB);
  const locked = await makeRaw(join(directory, 'd.raw'), 8 * MiB);
  const disc = await makeRaw(join(directory, 'e.iso'), 2 * MiB);
  const bare = await makeRaw(join(directory, 'f.raw'), 4 * MiB);
  qemu = await startQemu(directory, [
    ...rawDisk(raw),
    ...['-drive', `file=${qcow2},if=virtio,format=qcow2`],
    ...['-drive', `file=${drive},if=none,id=drive2,format=raw`],
    ...['-device', 'virtio-scsi-pci,id=scsi0'],
    ...['-device', 'scsi-hd,drive=drive2,bus=scsi0.0,serial=a-serial-number-of-scsi-disks'],
    ...['-drive', `file=${locked},if=virtio,format=raw,readonly=on`],
    ...['-drive', 'if=ide,media=cdrom'],
    ...['-drive', `if=ide,media=cdrom,format=raw,file=${disc}`],
    ...['-blockdev', `driver=file,filename=${bare},node-name=bare`],
    ...['-device', 'pcie-root-port,id=port1', '-device', 'virtio-blk-pci,drive=bare,bus=port1'],
  ]);
  hypervisor = await qemu.connect();
  disks = await hypervisor.disks();
});

afterAll(async () => {
  await hypervisor.close();
  await qemu.stop();
});

describe('disks', () => {
  test('a disk with a node name goes by it', () => {
    expect(findDisk(disks, 'disk0')).toEqual({
      name: 'disk0',
      aliases: ['vd0', '/machine/peripheral/vd0/virtio-backend'],
      size: 16 * MiB,
      format: 'raw',
      image: join(qemu.directory, 'a.raw'),
      readOnly: false,
      guestIdentity: { serial: 'SERIAL0', pci: '00:01.0' },
    });
    expect(findDisk(disks, 'vd0').name).toBe('disk0');
  });

  test('a -drive without a node name goes by its drive name, and by what QEMU called its node', () => {
    const disk = findDisk(disks, 'virtio0');
    expect(disk).toMatchObject({ size: 32 * MiB, format: 'qcow2', readOnly: false });
    const node = disk.aliases.find((alias) => alias.startsWith('#block'));
    expect(node && findDisk(disks, node)).toBe(disk);
  });

  test("a SCSI disk has its whole serial number and no PCI address of its controller's", () => {
    expect(findDisk(disks, 'drive2').guestIdentity).toEqual({
      serial: 'a-serial-number-of-scsi-disks',
    });
  });

  test('a bus that the firmware has not numbered yet gives no PCI address', () => {
    expect(findDisk(disks, 'bare').guestIdentity).toEqual({});
  });

  test('an empty drive is no disk; a read-only one and a disc say so', () => {
    const readOnly = disks.filter((disk) => disk.readOnly).map(({ size }) => size);
    expect(disks).toHaveLength(6);
    expect(readOnly.sort()).toEqual([2 * MiB, 8 * MiB]);
  });

  test('a wrong name lists those that there are', () => {
    expect(() => findDisk(disks, 'vda')).toThrow(
      expect.objectContaining({
        kind: 'usage',
        message: 'The guest has no disk called "vda".',
        hint: expect.stringContaining('disk0 (vd0') as string,
      }),
    );
  });
});

describe('what cannot be tracked', () => {
  test('a read-only disk', async () => {
    const disk = disks.find(({ readOnly, size }) => readOnly && size === 8 * MiB)!;
    await expect(hypervisor.openSource(disk, options)).rejects.toMatchObject({
      kind: 'hypervisor',
      message: expect.stringMatching(/^The disk \S+ of unix:\S+ is read-only\.$/) as string,
    });
    await assertNothingLeft(qemu.side);
  });

  test('a disk on which a block job works', async () => {
    const node = { driver: 'raw', 'node-name': 'mirrored' } as const;
    const filename = await makeRaw(join(qemu.directory, 'mirrored.raw'), 16 * MiB);
    await qemu.side.execute('blockdev-add', { ...node, file: { driver: 'file', filename } });
    const ready = qemu.side.expect('JOB_STATUS_CHANGE', ({ status }) => status === 'ready');
    await qemu.side.execute('blockdev-mirror', {
      'job-id': 'foreign',
      device: 'disk0',
      target: 'mirrored',
      sync: 'full',
    });
    await ready.data;
    await expect(
      hypervisor.openSource(
        disks.find(({ name }) => name === 'disk0')!,
        options,
      ),
    ).rejects.toMatchObject({
      kind: 'hypervisor',
      message: expect.stringMatching(
        /^The disk disk0 of .* is busy: the block job "foreign"/,
      ) as string,
    });
    const gone = qemu.side.expect('JOB_STATUS_CHANGE', ({ status }) => status === 'null');
    await qemu.side.execute('block-job-cancel', { device: 'foreign', force: true });
    await gone.data;
    await qemu.side.execute('blockdev-del', { 'node-name': 'mirrored' });
    await assertNothingLeft(qemu.side);
  });

  test('a disk that is no longer there', async () => {
    const disk = { ...disks[0]!, name: 'gone' };
    await expect(hypervisor.openSource(disk, options)).rejects.toMatchObject({
      kind: 'usage',
      message: 'The guest has no disk called "gone".',
    });
  });

  test('a disk that has another size by now', async () => {
    const disk = { ...findDisk(disks, 'disk0'), size: MiB };
    await expect(hypervisor.openSource(disk, options)).rejects.toMatchObject({
      kind: 'hypervisor',
      message: expect.stringMatching(
        /^The disk disk0 of .* changed its size: 1048576, now 16777216\.$/,
      ) as string,
    });
  });

  test.each([
    [{ run: 'Capital', granularity: 65536 }, /^"Capital" can't be a run's id/],
    [{ run: 'toolong99', granularity: 65536 }, /^"toolong99" can't be a run's id/],
    [{ run: 'r1', granularity: 256 }, /^The granularity 256 is not a power of two/],
    [{ run: 'r1', granularity: 65537 }, /^The granularity 65537 is not a power of two/],
  ])('with options out of range: %o', async (wrong, message) => {
    await expect(hypervisor.openSource(disks[0]!, wrong)).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringMatching(message) as string,
    });
  });
});
