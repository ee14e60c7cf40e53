/** The door of the simulated guest's probe: protocol/PROBE.md over any stream. */
export { SimulatedProbe } from './probe.js';
export { type ProbeFaults, type ProbeMishap } from './faults.js';
export type { SimulatedDisk, SimulatedProbeOptions } from './types.js';
