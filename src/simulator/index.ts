/** The door of the simulated lab: hosts that speak QMP and NBD, with a guest in them. */
export { PacedClock, SimulatedClock } from './clock.js';
export { createGuest, type GuestOptions } from './guest/guest.js';
export { DEFAULT_SETTINGS } from './guest/settings.js';
export {
  PAGE_BYTES,
  type CachedRun,
  type CacheLook,
  type Drain,
  type Guest,
  type GuestDevice,
  type GuestFile,
  type GuestSettings,
} from './guest/types.js';
export { describedWorkload } from './described-workload.js';
export { DESTINATION_EXPORT, SimulatedHost, type HostOptions } from './host.js';
export { createImage } from './image/image.js';
export type { FileNames, SimulatedFiles } from './machine/index.js';
export type { NetworkSettings } from './network/network.js';
export { MemorySockets, systemSockets, type Address } from './network/sockets.js';
export { createRandom, type Random } from './random.js';
export type { Image } from './types.js';
export type { LaidOutFile, RunningWorkload, SystemCalls, Workload } from './workload/types.js';
export {
  builtInWorkloads,
  createWorkload,
  workloadCalled,
  type WorkloadDescription,
} from './workload/index.js';
