/**
 * The contract between an editor's extension and the service: a process beside the editor that does
 * the work, so that the editor never waits. Requests and notes go over the channel of a forked
 * process with `serialization: 'advanced'`, so typed arrays travel as they are.
 *
 * One program serves two uses: a shared service looks at hosts and runs; each opened run, trace or
 * watched disk has a service of its own, which is told to open it as its first request, and ends
 * with its view.
 */
export type {
  BeginFacts,
  EventForecast,
  EventLimits,
  MigrationOptions,
  SteeringCommand,
} from '../engine/index.js';
export type * from './contract/hosts.js';
export type * from './contract/messages.js';
export type * from './contract/notes.js';
export type * from './contract/runs.js';
export type * from './contract/view.js';
export type * from './contract/words.js';
