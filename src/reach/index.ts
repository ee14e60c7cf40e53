/** The door of reaching: hosts, probes, destinations and runs by what a person calls them, for every program of the product. */
export { attachToRun, resumeRun, startEngine } from './engine-link.js';
export { hostCalled } from './host-called.js';
export { lookAtDisk, openProbe, type CacheLook, type DiskLook, type LookOptions } from './look.js';
export { connectionsTo, forgetRunCalled, lookAtRuns, openRun } from './parts.js';
export { recoveryBelow } from './recover-parts.js';
export type * from './types.js';
