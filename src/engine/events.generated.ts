/** Generated from protocol/events.schema.json by `npm run generate`; do not edit. */

/**
 * One event of a migration, one line of a trace or of `migrate --json`. protocol/EVENTS.md is the prose.
 */
export type MigrationEvent =
  | StartEvent
  | ProbeEvent
  | HeldEvent
  | StatementEvent
  | AllocatedEvent
  | TakenOverEvent
  | DirtyEvent
  | CacheEvent
  | PlanEvent
  | SentEvent
  | BatchEvent
  | RoundEvent
  | DrainEvent
  | TrimEvent
  | VerifyEvent
  | PausedEvent
  | ResumedEvent
  | SwitchoverEvent
  | VerdictEvent
  | LimitsEvent
  | CommandEvent
  | WarningEvent
  | ErrorEvent
  | SummaryEvent;
/**
 * A set of blocks: counts that alternate between blocks to skip and blocks to take, from block 0 on. [2, 3, 1, 1] is the blocks 2, 3, 4 and 6.
 */
export type Runs = number[];
/**
 * Offset on the disk, length, and offset in the file, in bytes.
 *
 * @minItems 3
 * @maxItems 3
 */
export type FileExtent = [number, number, number];

/**
 * The run found its disk and its destination. Only `held`, `statement` and `warning` of statement 1 can come before it, and in a run that failed there, `error` and `summary`.
 */
export interface StartEvent {
  type: 'start';
  /**
   * Number of the event in its run, from 0.
   */
  seq: number;
  /**
   * Milliseconds since the run began.
   */
  t: number;
  /**
   * Version of this event schema, major.minor.
   */
  protocol: string;
  /**
   * The run's id; part of every name that it makes in the hypervisor.
   */
  run: string;
  /**
   * Wall-clock time, ISO 8601.
   */
  startedAt: string;
  /**
   * The hypervisor's address.
   */
  host: string;
  disk: EventDisk;
  /**
   * Bytes of a block.
   */
  granularity: number;
  /**
   * Where it goes.
   */
  destination: string;
  /**
   * Name of the policy.
   */
  policy: string;
  limits: EventLimits;
  /**
   * What is compared.
   */
  verify: 'sent' | 'full' | 'none';
  /**
   * Whether the guest goes on with the destination at the end.
   */
  pivot: boolean;
}
/**
 * The disk that moves.
 */
export interface EventDisk {
  /**
   * Name of its block node.
   */
  name: string;
  /**
   * In bytes.
   */
  size: number;
  /**
   * Its image, as the hypervisor names it.
   */
  image: string;
  /**
   * Of the image.
   */
  format: string;
}
/**
 * The limits of the run, as they are now.
 */
export interface EventLimits {
  /**
   * In bytes a second; null is no cap.
   */
  maxBandwidth: number | null;
  /**
   * How long the guest may be paused, in milliseconds.
   */
  downtimeLimitMs: number;
  /**
   * After this many rounds the verdict is that it does not converge.
   */
  maxRounds: number;
}
/**
 * What is known of the guest's probe; sent when it changes.
 */
export interface ProbeEvent {
  type: 'probe';
  /**
   * Number of the event in its run, from 0.
   */
  seq: number;
  /**
   * Milliseconds since the run began.
   */
  t: number;
  /**
   * lost: it was there and is not used any more; absent: there is none.
   */
  state: 'connected' | 'lost' | 'absent';
  /**
   * In words.
   */
  message: string;
  /**
   * How it finds pages: kcore, cachestat or mincore.
   */
  method?: string;
  /**
   * The guest's kernel release.
   */
  kernel?: string;
}
/**
 * The program stands before a statement until somebody lets it go on.
 */
export interface HeldEvent {
  type: 'held';
  /**
   * Number of the event in its run, from 0.
   */
  seq: number;
  /**
   * Milliseconds since the run began.
   */
  t: number;
  /**
   * Number of the statement, 1 to 18.
   */
  line: number;
}
/**
 * The program passed the gate before a statement and executes it now.
 */
export interface StatementEvent {
  type: 'statement';
  /**
   * Number of the event in its run, from 0.
   */
  seq: number;
  /**
   * Milliseconds since the run began.
   */
  t: number;
  /**
   * Number of the statement, 1 to 18.
   */
  line: number;
  /**
   * The round it belongs to.
   */
  round: number;
  /**
   * The batch in that round.
   */
  batch: number;
}
/**
 * What has to be sent at the beginning.
 */
export interface AllocatedEvent {
  type: 'allocated';
  /**
   * Number of the event in its run, from 0.
   */
  seq: number;
  /**
   * Milliseconds since the run began.
   */
  t: number;
  blocks: Runs;
  /**
   * Their bytes.
   */
  bytes: number;
}
/**
 * The process of the run had died, and another one goes on with it. What the events before say of what happens just then (a statement, a pause, a round) is over.
 */
export interface TakenOverEvent {
  type: 'taken-over';
  /**
   * Number of the event in its run, from 0.
   */
  seq: number;
  /**
   * Milliseconds since the run began.
   */
  t: number;
  pending: Runs;
  /**
   * Its bytes.
   */
  pendingBytes: number;
  /**
   * Bytes of blocks that were sent before and need not be sent again.
   */
  keptBytes: number;
  /**
   * Bytes of blocks that had been sent, and were not found at the destination.
   */
  lostBytes: number;
}
/**
 * What the guest wrote to its disk since the previous dirty event (or since tracking began).
 */
export interface DirtyEvent {
  type: 'dirty';
  /**
   * Number of the event in its run, from 0.
   */
  seq: number;
  /**
   * Milliseconds since the run began.
   */
  t: number;
  /**
   * The time span that it covers, in milliseconds.
   */
  sinceMs: number;
  blocks: Runs;
  /**
   * Their bytes.
   */
  bytes: number;
  /**
   * Number of the flip that it is of, above those before; a process that takes the run over goes on from it.
   */
  flip: number;
}
/**
 * A look at the guest's page cache.
 */
export interface CacheEvent {
  type: 'cache';
  /**
   * Number of the event in its run, from 0.
   */
  seq: number;
  /**
   * Milliseconds since the run began.
   */
  t: number;
  /**
   * The probe's number of the report.
   */
  sequence: number;
  /**
   * How the pages were found.
   */
  method: string;
  dirty: Runs;
  writeback: Runs;
  clean: Runs;
  /**
   * Bytes of dirty pages, exact to the page.
   */
  dirtyBytes: number;
  /**
   * Bytes of pages under writeback.
   */
  writebackBytes: number;
  /**
   * Bytes of clean pages.
   */
  cleanBytes: number;
  /**
   * Bytes of dirty pages whose place on the disk can't be told, by reason.
   */
  unmappedBytes: {
    [k: string]: number;
  };
  /**
   * The files behind the blocks.
   */
  files: EventFile[];
  /**
   * Time from the question to the answer, in milliseconds.
   */
  tookMs: number;
}
/**
 * A guest file with blocks in a page-cache report.
 */
export interface EventFile {
  /**
   * Device number major:minor of its file system, in the guest.
   */
  device: string;
  /**
   * Inode number.
   */
  inode: number;
  /**
   * Path in the guest, where it is known.
   */
  path?: string;
  /**
   * 0 for an unlinked file that is still open.
   */
  links: number;
  /**
   * Type of its file system.
   */
  fileSystem: string;
  dirty: Runs;
  clean: Runs;
  /**
   * Where it lies on the disk: extents of which each begins where the mapping begins anew, ascending. Absent in versions before 1.1.
   */
  extents?: FileExtent[];
}
/**
 * What the policy decided for a batch.
 */
export interface PlanEvent {
  type: 'plan';
  /**
   * Number of the event in its run, from 0.
   */
  seq: number;
  /**
   * Milliseconds since the run began.
   */
  t: number;
  /**
   * Round.
   */
  round: number;
  /**
   * Batch.
   */
  batch: number;
  send: Runs;
  /**
   * Their bytes.
   */
  sendBytes: number;
  /**
   * Pending blocks that are put off, each with its reason.
   */
  deferred: DeferredBlocks[];
  /**
   * Their bytes.
   */
  deferredBytes: number;
}
/**
 * Blocks that a plan puts off for one reason.
 */
export interface DeferredBlocks {
  /**
   * The name of the reason; the policy explains it.
   */
  reason: string;
  blocks: Runs;
}
/**
 * Blocks that the destination has confirmed since the previous sent event.
 */
export interface SentEvent {
  type: 'sent';
  /**
   * Number of the event in its run, from 0.
   */
  seq: number;
  /**
   * Milliseconds since the run began.
   */
  t: number;
  /**
   * Round.
   */
  round: number;
  /**
   * Batch.
   */
  batch: number;
  blocks: Runs;
  /**
   * Their bytes, zeroes included.
   */
  bytes: number;
  /**
   * Bytes among them that had been sent before.
   */
  resentBytes: number;
  /**
   * Bytes among them that were sent as a request for zeroes, not as data.
   */
  zeroBytes: number;
}
/**
 * A batch ended.
 */
export interface BatchEvent {
  type: 'batch';
  /**
   * Number of the event in its run, from 0.
   */
  seq: number;
  /**
   * Milliseconds since the run began.
   */
  t: number;
  /**
   * Round.
   */
  round: number;
  /**
   * Batch.
   */
  batch: number;
  /**
   * Pending after the flip.
   */
  pendingBytes: number;
  /**
   * Of these, put off.
   */
  deferredBytes: number;
  /**
   * Measured, in bytes a second.
   */
  bandwidth: number;
  /**
   * In bytes a second.
   */
  dirtyRate: number;
  forecast: EventForecast;
}
/**
 * What is expected from here.
 */
export interface EventForecast {
  /**
   * Until all is done, in milliseconds; null where that can't be told, as when rounds do not converge.
   */
  remainingMs: number | null;
  /**
   * How long the pause would be if it came now, in milliseconds.
   */
  downtimeMs: number;
}
/**
 * A round ended.
 */
export interface RoundEvent {
  type: 'round';
  /**
   * Number of the event in its run, from 0.
   */
  seq: number;
  /**
   * Milliseconds since the run began.
   */
  t: number;
  /**
   * Number, from 0.
   */
  round: number;
  /**
   * Whether it was one of the last rounds, in which what was deferred is sent too.
   */
  final: boolean;
  /**
   * Bytes sent in it.
   */
  sentBytes: number;
  /**
   * Of these, sent before.
   */
  resentBytes: number;
  /**
   * Put off at its end.
   */
  deferredBytes: number;
  /**
   * Pending at its end, deferred included.
   */
  pendingBytes: number;
  /**
   * In bytes a second.
   */
  dirtyRate: number;
  /**
   * In bytes a second.
   */
  bandwidth: number;
  /**
   * In milliseconds.
   */
  durationMs: number;
  forecast: EventForecast;
}
/**
 * The guest wrote back what had been deferred.
 */
export interface DrainEvent {
  type: 'drain';
  /**
   * Number of the event in its run, from 0.
   */
  seq: number;
  /**
   * Milliseconds since the run began.
   */
  t: number;
  /**
   * Bytes of the blocks named.
   */
  askedBytes: number;
  /**
   * Bytes that the guest says it wrote.
   */
  writtenBytes: number;
  /**
   * In milliseconds.
   */
  tookMs: number;
}
/**
 * The guest discarded what no file uses.
 */
export interface TrimEvent {
  type: 'trim';
  /**
   * Number of the event in its run, from 0.
   */
  seq: number;
  /**
   * Milliseconds since the run began.
   */
  t: number;
  /**
   * As the guest says.
   */
  trimmedBytes: number;
}
/**
 * Source and destination were compared.
 */
export interface VerifyEvent {
  type: 'verify';
  /**
   * Number of the event in its run, from 0.
   */
  seq: number;
  /**
   * Milliseconds since the run began.
   */
  t: number;
  /**
   * What was compared.
   */
  phase: 'sent' | 'paused' | 'full';
  /**
   * How much.
   */
  checkedBytes: number;
  /**
   * In milliseconds.
   */
  tookMs: number;
  /**
   * Where they differ; empty when equal.
   */
  differing: EventExtent[];
}
/**
 * A run of bytes of the virtual disk.
 */
export interface EventExtent {
  /**
   * In bytes.
   */
  offset: number;
  /**
   * In bytes.
   */
  length: number;
}
/**
 * The guest stands.
 */
export interface PausedEvent {
  type: 'paused';
  /**
   * Number of the event in its run, from 0.
   */
  seq: number;
  /**
   * Milliseconds since the run began.
   */
  t: number;
  /**
   * False when it stood before, or somebody else did it.
   */
  byProgram: boolean;
}
/**
 * The guest runs again.
 */
export interface ResumedEvent {
  type: 'resumed';
  /**
   * Number of the event in its run, from 0.
   */
  seq: number;
  /**
   * Milliseconds since the run began.
   */
  t: number;
  /**
   * False when somebody else did it.
   */
  byProgram: boolean;
  /**
   * How long it stood, in milliseconds.
   */
  pausedMs?: number;
}
/**
 * The guest's disk is the destination now.
 */
export interface SwitchoverEvent {
  type: 'switchover';
  /**
   * Number of the event in its run, from 0.
   */
  seq: number;
  /**
   * Milliseconds since the run began.
   */
  t: number;
  /**
   * Name of its new block node.
   */
  disk: string;
  /**
   * In milliseconds.
   */
  tookMs: number;
}
/**
 * Whether it converges, in words.
 */
export interface VerdictEvent {
  type: 'verdict';
  /**
   * Number of the event in its run, from 0.
   */
  seq: number;
  /**
   * Milliseconds since the run began.
   */
  t: number;
  /**
   * Whether the rest fits the downtime limit.
   */
  converged: boolean;
  /**
   * In words.
   */
  message: string;
  /**
   * What is left.
   */
  pendingBytes: number;
  /**
   * How long the pause would be with that.
   */
  downtimeMs: number;
}
/**
 * Somebody changed the limits.
 */
export interface LimitsEvent {
  type: 'limits';
  /**
   * Number of the event in its run, from 0.
   */
  seq: number;
  /**
   * Milliseconds since the run began.
   */
  t: number;
  limits: EventLimits;
}
/**
 * Somebody who controls the run told it something (protocol/CONTROL.md).
 */
export interface CommandEvent {
  type: 'command';
  /**
   * Number of the event in its run, from 0.
   */
  seq: number;
  /**
   * Milliseconds since the run began.
   */
  t: number;
  /**
   * Who: the name that the controller gave.
   */
  by: string;
  /**
   * What.
   */
  command: 'attach' | 'detach' | 'run' | 'pause' | 'step' | 'limits' | 'decide' | 'cancel';
  /**
   * Of a step.
   */
  unit?: 'statement' | 'batch' | 'round';
  /**
   * Of an answer to a verdict.
   */
  decision?: 'more-rounds' | 'pause-anyway' | 'cancel';
}
/**
 * Something that the person should know, and that stops nothing.
 */
export interface WarningEvent {
  type: 'warning';
  /**
   * Number of the event in its run, from 0.
   */
  seq: number;
  /**
   * Milliseconds since the run began.
   */
  t: number;
  /**
   * In words.
   */
  message: string;
  /**
   * What to do about it.
   */
  hint?: string;
}
/**
 * The run failed or was cancelled.
 */
export interface ErrorEvent {
  type: 'error';
  /**
   * Number of the event in its run, from 0.
   */
  seq: number;
  /**
   * Milliseconds since the run began.
   */
  t: number;
  /**
   * Kind of the error, as in the library.
   */
  kind: string;
  /**
   * In words.
   */
  message: string;
  /**
   * What to do about it.
   */
  hint?: string;
  /**
   * The statement it happened at; 0 before the first.
   */
  line: number;
}
/**
 * The run ended. Always the last event.
 */
export interface SummaryEvent {
  type: 'summary';
  /**
   * Number of the event in its run, from 0.
   */
  seq: number;
  /**
   * Milliseconds since the run began.
   */
  t: number;
  /**
   * The run's id.
   */
  run: string;
  /**
   * How it ended.
   */
  outcome: 'completed' | 'cancelled' | 'failed';
  /**
   * Name of the policy that planned it.
   */
  policy: string;
  /**
   * Bytes of blocks sent, each time counted, zeroes included.
   */
  sentBytes: number;
  /**
   * Of these, bytes of blocks that had been sent before.
   */
  resentBytes: number;
  /**
   * Bytes of distinct blocks sent.
   */
  distinctBytes: number;
  /**
   * Of the sent bytes, those that went as a request for zeroes.
   */
  zeroBytes: number;
  /**
   * Bytes of distinct blocks that a plan put off at least once.
   */
  deferredBytes: number;
  /**
   * sentBytes / distinctBytes; 1 when nothing was sent.
   */
  sendAmplification: number;
  /**
   * Rounds, the last ones included.
   */
  rounds: number;
  /**
   * From the first statement to the end.
   */
  totalMs: number;
  /**
   * How long the guest was paused by the program.
   */
  downtimeMs: number;
  /**
   * The part of downtimeMs that a person caused by standing at a gate.
   */
  heldMs: number;
  /**
   * Whether the rest fitted the downtime limit before the pause.
   */
  converged: boolean;
  /**
   * Whether what was asked to be compared was compared and equal; false with --verify none.
   */
  verified: boolean;
  /**
   * Bytes compared.
   */
  verifiedBytes: number;
  /**
   * Whether the guest goes on with the destination.
   */
  switchedOver: boolean;
  /**
   * The guest at the end.
   */
  guest: 'running' | 'paused' | 'gone' | 'unknown';
  /**
   * Name of the block node that the guest has now.
   */
  disk: string;
  /**
   * Method of the probe, or none.
   */
  probe: string;
  /**
   * Whether the policy had to go on without the probe it began with.
   */
  fallback: boolean;
  /**
   * What pre-copy without deferral would have sent for the same writes, at the bandwidth that was measured; null where it can't be told.
   */
  plainBytes: number | null;
  /**
   * Whether plainBytes is only a lower bound, since plain pre-copy would not have been done by then.
   */
  plainIsLowerBound: boolean;
}
