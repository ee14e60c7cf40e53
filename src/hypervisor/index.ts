/** The door of the hypervisors: finding them, connecting to them, and destinations for their disks. */
export { addressWarnings, formatAddress, looksLikeAddress, parseAddress } from './address.js';
export type { HostAddress } from './address.js';
export { madeImage } from './aftermath/changes.js';
export type { FileIdentity, MadeImage } from './aftermath/changes.js';
export { thisMachine } from './aftermath/machine.js';
export type { ImageState, Machine } from './aftermath/machine.js';
export { openFileDestination } from './destination/file.js';
export type { FileDestinationOptions, FileTools } from './destination/file.js';
export { openNbdDestination } from './destination/nbd.js';
export type { NbdDestinationOptions } from './destination/nbd.js';
export {
  hostsFilePath,
  parseSettingsHost,
  readHosts,
  resolveHost,
  SETTINGS_HOSTS,
} from './hosts.js';
export type { Host, HostsFileOptions } from './hosts.js';
export { trackedSince } from './qemu/bitmap-chain.js';
export { isHypervisorGone } from './qemu/dial.js';
export { findDisk } from './qemu/disks.js';
export { agentPortName, probePortName } from './qemu/guest-ports.js';
export type { HostAccess, Place } from './qemu/access.js';
export { QemuHypervisor, connectQemu, connectQemuThrough } from './qemu/qemu-hypervisor.js';
export type { ConnectOptions } from './qemu/qemu-hypervisor.js';
export { QmpClient, openQmp } from './qemu/qmp-client.js';
export type { ExecuteOptions, QmpOptions, QmpState } from './qemu/qmp-client.js';
export type { EventWaiter, ExpectOptions } from './qemu/qmp-events.js';
export { LineReader } from '../base/line-reader.js';
export type { QmpCommandName, QmpCommands, QmpEventName, QmpEvents } from './qemu/schema.js';
export type {
  AddedPort,
  Destination,
  FileStatus,
  GuestDisk,
  GuestEvent,
  HostChange,
  Hypervisor,
  Journal,
  Leftover,
  LeftoverOutcome,
  MachineFiles,
  PivotDestination,
  PivotOptions,
  ProbeAddress,
  ReleaseOutcome,
  Reopening,
  RunState,
  SourceDisk,
  SourceOptions,
} from './types.js';
