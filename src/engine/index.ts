/** The door of the engine. */
export * from './blockset/index.js';
export {
  ControlledGate,
  openGate,
  type Gate,
  type GateControl,
  type GatePoint,
  type StepUnit,
} from './gate.js';
export { migrate, type MigrationResult } from './migrate.js';
export {
  DEFAULTS,
  type Continuation,
  type Decision,
  type DestinationRequest,
  type MigrationOptions,
  type MigrationParts,
  type PluginWorld,
  type PolicyName,
  type RunHandle,
  type VerifyMode,
} from './options.js';
export { PROGRAM } from './program.js';
export { createTraceWriter, type TraceWriter } from './trace.js';
export { describeReport } from './guest-cache.js';
export {
  BrokenPlan,
  checkPlan,
  createPolicy,
  decodeBlocks,
  encodeBlocks,
  explainReason,
  planWithDeferrals,
  ToldSets,
  WriteHistory,
  type CacheView,
  type DeferralReason,
  type Plan,
  type PlanView,
  type Policy,
} from './policy/index.js';
export { parseEvent, readEvents, replayEvents, type ReplayedEvents } from './continuation/index.js';
export * from './control/index.js';
export * from './process/index.js';
export * from './recover/index.js';
export * from './runs/index.js';
export { createLease, LEASE_MS, type Lease, type LeaseOptions } from './guardian/index.js';
export type * from './events.js';
