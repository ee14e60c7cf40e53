/** QEMU's command line for a lab guest. */
import { join } from 'node:path';
import type { AcceleratorChoice } from './accelerator.js';
import type { GuestPlaces } from './folders.js';
import type { LabOptions } from './types.js';

/** What is booted. */
export interface Boot {
  readonly kernel: string;
  readonly initrd: string;
  /** Of the kernel; the file where it is not known. */
  readonly release: string;
}

/** By which the guest finds its disk. */
const SERIAL = 'lab-disk0';

/** The ports of the guest, by the names of their sockets. */
const PORTS = {
  probe: 'org.migrascope.probe.0',
  control: 'org.migrascope.control.0',
  agent: 'org.qemu.guest_agent.0',
} as const;
type PortName = keyof typeof PORTS;

/** Where the host's side of a port listens; `qmp` and `monitor` are monitors. */
export function socketOf(places: GuestPlaces, port: PortName | 'qmp' | 'monitor'): string {
  return join(places.folder, port);
}

/** The ports that the guest has. */
export function portsOf(options: LabOptions): PortName[] {
  return [
    ...(options.probe ? (['probe'] as const) : []),
    'control',
    ...(options.agent ? (['agent'] as const) : []),
  ];
}

/** The kernel's command line: what guest/lab/init is to do. */
export function kernelCommandLine(options: LabOptions): string {
  const settings = {
    serial: SERIAL,
    filesystem: options.fileSystem,
    workload: options.workload,
    seed: options.seed,
    size: options.size,
    rate: options.rate,
    probe: options.probe ? 'yes' : 'no',
  };
  const own = Object.entries(settings).map(([key, value]) => `lab.${key}=${value}`);
  return `console=ttyS0 quiet panic=-1 ${own.join(' ')}`;
}

/** The command line, without the program. */
export function qemuArguments(
  options: LabOptions,
  places: GuestPlaces,
  boot: Boot,
  accelerator: AcceleratorChoice,
): string[] {
  const file = { driver: 'file', filename: places.image, 'node-name': 'file0', discard: 'unmap' };
  const disk = { driver: options.format, 'node-name': 'disk0', discard: 'unmap', file };
  const socket = (name: Parameters<typeof socketOf>[1]) =>
    `${socketOf(places, name)},server=on,wait=off`;
  return [
    ...['-name', processName(options.name), '-pidfile', join(places.folder, 'pid')],
    ...['-machine', 'q35', ...accelerator.args],
    ...['-m', String(Math.ceil(options.memory / 1024 ** 2)), '-smp', '1'],
    ...['-display', 'none', '-nodefaults', '-no-user-config'],
    ...['-kernel', boot.kernel, '-initrd', boot.initrd],
    ...['-append', kernelCommandLine(options)],
    ...['-serial', `file:${places.console}`],
    ...['-blockdev', JSON.stringify(disk)],
    ...['-device', `virtio-blk-pci,drive=disk0,id=vda,serial=${SERIAL}`],
    ...['-device', 'virtio-serial-pci,id=serial'],
    ...portsOf(options).flatMap((name) => [
      ...['-chardev', `socket,id=${name},path=${socket(name)}`],
      ...['-device', `virtserialport,chardev=${name},name=${PORTS[name]}`],
    ]),
    ...['-qmp', `unix:${socket('qmp')}`],
    ...['-qmp', `unix:${socket('monitor')}`],
    ...(options.extra ?? []),
  ];
}

/** By which a process is known to be the guest's QEMU. */
export function processName(guest: string): string {
  return `migrascope-lab-${guest}`;
}
