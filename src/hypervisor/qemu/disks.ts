/** The guest's disks, as QEMU tells of them. */
import { QmpCommandError, UsageError } from '../../base/errors.js';
import type { GuestDisk } from '../types.js';
import type { QmpClient } from './qmp-client.js';
import type { BlockDeviceInfo, BlockInfo, PciDeviceInfo } from './schema.js';

/** A disk with what QEMU's commands need to name it. */
export interface QemuDisk {
  readonly disk: GuestDisk;
  /** Name of the root node now; QEMU may have made it up (`#block123`). */
  readonly node: string;
  /** QOM path of the device. */
  readonly qdev: string;
  readonly inserted: BlockDeviceInfo;
}

/** Longest serial number that a guest sees of a disk that is not SCSI (virtio 1.2, 5.2.6.1), in bytes. */
const longestSerial = 20;

/** All block devices that have a medium, in QEMU's order. */
export async function listDisks(qmp: QmpClient, signal?: AbortSignal): Promise<QemuDisk[]> {
  const blocks = await qmp.execute('query-block', {}, { signal });
  const buses = await queryPci(qmp, signal);
  const disks: QemuDisk[] = [];
  for (const block of blocks) {
    const node = block.inserted?.['node-name'];
    if (!block.inserted || block.qdev === undefined || node === undefined) continue;
    disks.push({
      disk: await describe(qmp, block, block.inserted, buses, signal),
      node,
      qdev: block.qdev,
      inserted: block.inserted,
    });
  }
  return disks;
}

/**
 * The disk that a person means by `name`: its name, or an alias that only it has.
 * @throws UsageError that lists the disks when there is none, or more than one.
 */
export function findDisk(disks: readonly GuestDisk[], name: string): GuestDisk {
  const exact = disks.filter((disk) => disk.name === name);
  const found = exact.length > 0 ? exact : disks.filter((disk) => disk.aliases.includes(name));
  if (found.length === 1) return found[0]!;
  const list = disks
    .map(({ name: own, aliases }) => (aliases.length > 0 ? `${own} (${aliases.join(', ')})` : own))
    .join('; ');
  throw new UsageError(
    found.length > 1
      ? `"${name}" names more than one disk of the guest.`
      : `The guest has no disk called "${name}".`,
    { hint: list === '' ? 'It has no disks at all.' : `Its disks: ${list}.` },
  );
}

async function describe(
  qmp: QmpClient,
  block: BlockInfo,
  inserted: BlockDeviceInfo,
  buses: readonly PciDeviceInfo[],
  signal: AbortSignal | undefined,
): Promise<GuestDisk> {
  const device = devicePath(block.qdev!);
  const names = candidateNames(block, inserted, device);
  const serial = await readString(qmp, device, 'serial', signal);
  const pci = await pciAddress(qmp, device, buses, signal);
  const scsi = !block.qdev!.endsWith('/virtio-backend');
  return {
    name: names[0]!,
    aliases: names.slice(1),
    size: inserted.image['virtual-size'],
    format: inserted.drv,
    image: inserted.image.filename,
    readOnly: inserted.ro,
    guestIdentity: {
      ...(serial ? { serial: scsi ? serial : serial.slice(0, longestSerial) } : {}),
      ...(pci === undefined ? {} : { pci }),
    },
  };
}

/** What the disk can be called, best first: a node name that somebody gave, drive, device id, path. */
function candidateNames(block: BlockInfo, inserted: BlockDeviceInfo, device: string): string[] {
  const node = inserted['node-name']!;
  const id = /^\/machine\/peripheral\/([^/]+)$/.exec(device)?.[1];
  const madeUp = node.startsWith('#');
  const names = [madeUp ? '' : node, block.device, id ?? '', madeUp ? node : '', block.qdev!];
  return [...new Set(names.filter((name) => name !== ''))];
}

/** QOM path of the device itself: for virtio, `query-block` names the backend inside it. */
function devicePath(qdev: string): string {
  return qdev.replace(/\/virtio-backend$/, '');
}

async function readString(
  qmp: QmpClient,
  path: string,
  property: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  try {
    const value = await qmp.execute('qom-get', { path, property }, { signal });
    return typeof value === 'string' ? value : undefined;
  } catch (error) {
    if (error instanceof QmpCommandError) return undefined;
    throw error;
  }
}

/** All PCI devices, those behind bridges too; none on a machine without PCI. */
async function queryPci(
  qmp: QmpClient,
  signal: AbortSignal | undefined,
): Promise<readonly PciDeviceInfo[]> {
  try {
    const buses = await qmp.execute('query-pci', {}, { signal });
    return buses.flatMap(({ devices }) => devices.flatMap(withNested));
  } catch (error) {
    if (error instanceof QmpCommandError) return [];
    throw error;
  }
}

function withNested(device: PciDeviceInfo): PciDeviceInfo[] {
  return [device, ...(device.pci_bridge?.devices ?? []).flatMap(withNested)];
}

/**
 * The address of a device that is a PCI function itself. QEMU has slot and function from the start;
 * the number of a bus behind a bridge is known only once the guest's firmware has given it.
 */
async function pciAddress(
  qmp: QmpClient,
  device: string,
  devices: readonly PciDeviceInfo[],
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const place = await readString(qmp, device, 'legacy-addr', signal);
  const parent = await readString(qmp, device, 'parent_bus', signal);
  if (place === undefined || parent === undefined || !/^[0-9a-f]{2}\.[0-7]$/.test(place)) {
    return undefined;
  }
  const bus = busNumber(parent, devices);
  return bus === undefined ? undefined : `${bus.toString(16).padStart(2, '0')}:${place}`;
}

function busNumber(parentBus: string, devices: readonly PciDeviceInfo[]): number | undefined {
  const bridge = /\/peripheral\/([^/]+)\/[^/]+$/.exec(parentBus)?.[1];
  if (bridge === undefined) return parentBus.includes('/peripheral-anon/') ? undefined : 0;
  const secondary = devices.find(({ qdev_id: id }) => id === bridge)?.pci_bridge?.bus.secondary;
  return secondary === 0 ? undefined : secondary;
}
