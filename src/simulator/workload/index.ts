/** The door of the workloads: descriptions from names and files, and what they do on a disk. */
export { builtInWorkloads, workloadCalled } from './built-in.js';
export type { WorkloadDescription } from './description.generated.js';
export { parseWorkload } from './parse.js';
export { readWorkload } from './read.js';
export type * from './types.js';
export { createWorkload, type WorkloadOptions } from './workload.js';
