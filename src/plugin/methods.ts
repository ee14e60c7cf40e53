/** The methods that the host calls: what they take and give, and within which time (protocol/SPEC.md). */
import type * as messages from './messages.generated.js';

/** Parameters and result of each method. */
export interface HostMethods {
  initialize: [messages.InitializeParams, messages.InitializeResult];
  shutdown: [messages.ShutdownParams, messages.ShutdownResult];
  'policy/begin': [messages.PolicyBeginParams, messages.PolicyBeginResult];
  'policy/plan': [messages.PolicyPlanParams, messages.PolicyPlanResult];
  'policy/converged': [messages.PolicyConvergedParams, messages.PolicyConvergedResult];
  'policy/explain': [messages.PolicyExplainParams, messages.PolicyExplainResult];
  'probe/open': [messages.ProbeOpenParams, messages.ProbeOpenResult];
  'probe/snapshot': [messages.ProbeSnapshotParams, messages.ProbeSnapshotResult];
  'probe/drain': [messages.ProbeDrainParams, messages.ProbeDrainResult];
  'probe/trim': [messages.ProbeTrimParams, messages.ProbeTrimResult];
  'probe/steer': [messages.ProbeSteerParams, messages.ProbeSteerResult];
  'probe/close': [messages.ProbeCloseParams, messages.ProbeCloseResult];
  'workload/begin': [messages.WorkloadBeginParams, messages.WorkloadBeginResult];
  'workload/next': [messages.WorkloadNextParams, messages.WorkloadNextResult];
}

export type HostMethod = keyof HostMethods;

/** Version of the protocol that this host speaks. */
export const PLUGIN_PROTOCOL = '1.0';

/** Within which time each is answered, in milliseconds. */
export const TIME_LIMITS: Readonly<Record<HostMethod, number>> = {
  initialize: 10_000,
  shutdown: 2000,
  'policy/begin': 5000,
  'policy/plan': 5000,
  'policy/converged': 1000,
  'policy/explain': 1000,
  'probe/open': 10_000,
  'probe/snapshot': 30_000,
  'probe/drain': 120_000,
  'probe/trim': 600_000,
  'probe/steer': 10_000,
  'probe/close': 5000,
  'workload/begin': 10_000,
  'workload/next': 5000,
};

/** With progress, a request may take so many times its limit. */
export const MOST_EXTENSIONS = 10;
/** Longest message of a plugin, in bytes. */
export const LONGEST_FROM_PLUGIN = 16 * 1024 * 1024;
/** Longest message to a plugin, in bytes. */
export const LONGEST_TO_PLUGIN = 256 * 1024 * 1024;
/** Messages of a plugin that answer nothing, in a second; more is a flood. */
export const MOST_UNASKED = 1000;
/** Requests of a plugin that may be open at once. */
export const MOST_OPEN = 16;
/** How much of a plugin's log is kept, in characters; the newest. */
export const KEPT_LOG = 64 * 1024;
/** How long a plugin may take to end after each request to, in milliseconds. */
export const END_PATIENCE_MS = 2000;

/** JSON-RPC 2.0, section 5.1; the last two are ours. */
export const CODES = {
  parse: -32700,
  request: -32600,
  method: -32601,
  params: -32602,
  internal: -32603,
  refused: -32000,
  cancelled: -32800,
} as const;

/** How the definitions of a method's messages in the schema begin: `policy/plan` → `PolicyPlan`. */
export function definitionOf(method: string): string {
  return method
    .replace(/^\$\//, '')
    .split('/')
    .map((part) => part.slice(0, 1).toUpperCase() + part.slice(1))
    .join('');
}
