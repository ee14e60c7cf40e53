/** The door of the lab: guests that are busy, with the probe in them, real ones in QEMU and simulated ones. */
export { chooseAccelerator, type Accelerator, type AcceleratorChoice } from './accelerator.js';
export { ControlPort, type CommandResult } from './control.js';
export { cpioArchive, type ArchiveEntry } from './cpio.js';
export { labFault } from './fault.js';
export {
  FAULT_NAMES,
  faultCalled,
  FAULTS,
  type FaultDescription,
  type FaultValues,
} from './faults.js';
export { labFolders } from './folders.js';
export { labDown, labStatus, labUp } from './guest.js';
export { simulatedUp, type SimulatedOptions } from './simulated.js';
export { moduleEntries, readBusybox } from './initramfs.js';
export { findKernel, type Kernel } from './kernel.js';
export {
  FILE_SYSTEMS,
  KERNEL_VERSIONS,
  LAB_DEFAULTS,
  WORKLOADS,
  type BootedGuest,
  type FileSystem,
  type KernelVersion,
  type LabGuest,
  type LabOptions,
  type WorkloadName,
} from './types.js';
