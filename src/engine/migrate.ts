/**
 * One migration from beginning to end: executes the program, and whatever happens in it, puts things
 * back: the guest runs on, and nothing of the run is left in the hypervisor.
 */
import {
  CancelledError,
  ConnectionLostError,
  HypervisorError,
  messageOf,
  MigrascopeError,
} from '../base/errors.js';
import type { ReleaseOutcome } from '../hypervisor/types.js';
import type { SummaryEvent } from './events.js';
import type { GatePoint } from './gate.js';
import type { MigrationOptions, MigrationParts } from './options.js';
import { confirmLease, noteAnyway, resumeGuest } from './pause.js';
import { createPlanner } from './planning.js';
import { runProgram, type Statements } from './program.js';
import { Run } from './run.js';
import { connect, startTracking, takeAllocated, type Opened } from './steps/prepare.js';
import { Finish } from './steps/finish.js';
import { Rounds } from './steps/rounds.js';
import { summarize } from './summary.js';
import { Throttle } from './throttle.js';
import { whyLost } from './watch.js';

/** How a migration ended. */
export interface MigrationResult {
  readonly summary: SummaryEvent;
  /** Why it did not complete. */
  readonly error?: MigrascopeError;
}

/**
 * Moves a disk. Every event goes to `parts.sink`, the last one is the summary.
 * Never throws for what may happen to a migration: the result says it.
 */
export async function migrate(
  options: MigrationOptions,
  parts: MigrationParts,
): Promise<MigrationResult> {
  const throttle = new Throttle(parts.clock, options.maxBandwidth);
  const run = new Run(options, parts, createPlanner(options, parts), throttle);
  const opened: Opened = { connections: [] };
  let error: MigrascopeError | undefined;
  parts.onBegin?.(run);
  try {
    await runProgram(statementsOf(run, opened), (line) => passGate(run, line));
  } catch (thrown) {
    await hearOfLoss(run, thrown);
    error = reasonOf(run, thrown);
    const { kind, message, hint } = error;
    run.emit({ type: 'error', kind, message, ...(hint ? { hint } : {}), line: run.line });
  }
  const inherited = parts.continuation !== undefined && !run.tracks;
  const outcome = error === undefined || run.switchedOver ? 'keep' : 'discard';
  const leftBehind = await putBack(run, opened, inherited ? 'as-found' : outcome);
  const body = summarize(run, error);
  if (inherited) tellOfInherited(run);
  else await noteEnd(run, body, error, leftBehind);
  const summary = run.emit(body);
  return { summary, ...(error ? { error } : {}) };
}

function statementsOf(run: Run, opened: Opened): Statements {
  const rounds = new Rounds(run);
  const finish = new Finish(run);
  return {
    connect: () => connect(run, opened),
    startTracking: () => startTracking(run),
    takeAllocated: () => takeAllocated(run),
    beginRound: () => rounds.beginRound(),
    beginBatch: () => rounds.beginBatch(),
    askCache: () => rounds.askCache(),
    plan: () => rounds.plan(),
    sendBatch: () => rounds.sendBatch(),
    flip: () => rounds.flip(),
    roundDone: () => rounds.roundDone(),
    roundsDone: () => rounds.roundsDone(),
    drainAndSendPending: () => finish.drainAndSendPending(),
    pendingFits: () => finish.pendingFits(),
    verifySent: () => finish.verifySent(),
    stillFits: () => finish.stillFits(),
    pauseAndSendRest: () => finish.pauseAndSendRest(),
    flushAndCompare: () => finish.flushAndCompare(),
    switchesOver: run.options.pivot,
    switchOver: () => finish.switchOver(),
    giveBackRunState: () => resumeGuest(run),
  };
}

/** Where the program stands before a statement: 4 and 12 begin a round, 5 begins a batch. */
function pointOf({ round, batch }: Run, line: number): GatePoint {
  if (line === 4 || line === 12) return { line, round: round + 1, batch: 0 };
  return { line, round: Math.max(0, round), batch: Math.max(0, line === 5 ? batch + 1 : batch) };
}

/** The gate before each statement; a person may stand here for an hour. */
async function passGate(run: Run, line: number): Promise<void> {
  const { gate, clock } = run.parts;
  run.signal.throwIfAborted();
  const point = pointOf(run, line);
  const arrived = clock.now();
  try {
    await gate.pass(point, () => run.emit({ type: 'held', line }), run.signal);
  } finally {
    if (run.pause?.before.running) run.heldMs += clock.now() - arrived;
  }
  run.signal.throwIfAborted();
  await confirmLease(run);
  run.line = line;
  run.emit({ type: 'statement', ...point });
}

/** How long one connection that ended may be ahead of the news that the hypervisor did, in milliseconds. */
const LOSS_MS = 200;

/** Where a connection ended because the hypervisor did, that is what a person should see. */
async function hearOfLoss(run: Run, thrown: unknown): Promise<void> {
  if (run.lost || !isLoss(run.failure ?? thrown)) return;
  await run.parts.clock.sleep(LOSS_MS);
}

function isLoss(error: unknown): boolean {
  if (error instanceof ConnectionLostError) return true;
  return error instanceof MigrascopeError && error.cause instanceof ConnectionLostError;
}

/** The error that a person should see for what the program threw. */
function reasonOf(run: Run, thrown: unknown): MigrascopeError {
  const own = thrown instanceof MigrascopeError;
  const switching = run.line === SWITCHOVER_LINE && !run.switchedOver;
  const beside = thrown instanceof CancelledError || thrown instanceof ConnectionLostError;
  if (own && switching && !beside) return thrown;
  const failure = run.failure ?? thrown;
  if (isLoss(failure) && run.lost) return run.lost;
  if (isLoss(failure) && run.poweredOff) return whyLost(run, failure);
  if (run.failure instanceof MigrascopeError) return run.failure;
  if (run.parts.signal.aborted) return cancelled(run);
  if (own) return thrown;
  return new HypervisorError(`The migration failed unexpectedly: ${messageOf(thrown)}`, {
    cause: thrown,
    hint: 'This is a defect of Migrascope; please report it with the trace.',
  });
}

/**
 * A switchover that failed is told as it was, whatever ended beside it: which disk the guest has is in
 * there. A connection that was lost before it began says no such thing.
 */
const SWITCHOVER_LINE = 17;

function cancelled({ switchedOver }: Run): CancelledError {
  if (!switchedOver) return new CancelledError('The migration was cancelled.');
  return new CancelledError('The migration was cancelled after its switchover.', {
    hint: 'The guest goes on with its new disk.',
  });
}

/**
 * The guest first, then what was opened, in the reverse order; each part whatever the others do.
 * @returns what could not be put back, in words.
 */
async function putBack(
  run: Run,
  opened: Opened,
  outcome: ReleaseOutcome,
): Promise<readonly string[]> {
  const failures = new Map<string, string>();
  const attempt = async (what: string, action: () => Promise<void> | void) => {
    try {
      await action();
      failures.delete(what);
    } catch (error) {
      failures.set(what, `${what}: ${messageOf(error)}`);
      const message = `Putting back failed: ${what}: ${messageOf(error)}`;
      const hint = error instanceof MigrascopeError ? error.hint : undefined;
      run.emit({ type: 'warning', message, ...(hint ? { hint } : {}) });
    }
  };
  const resume = () => attempt('resuming the guest', () => resumeGuest(run));
  await resume();
  opened.unwatch?.();
  await attempt('letting go of the policy', () => run.planner.close());
  if (outcome !== 'as-found') await noteAnyway(run, { type: 'cleaning' });
  await attempt('ending the dirty tracking', () => opened.tracker?.stopSampling());
  for (const connection of opened.connections) {
    if (outcome === 'keep') await connection.close();
    else connection.destroy(new ConnectionLostError('The migration ended.'));
  }
  await attempt('letting go of the probe', () => opened.cache?.close());
  await attempt('unplugging the probe’s port', () => opened.probePort?.release());
  await attempt('letting go of the destination', () => opened.destination?.release(outcome));
  await attempt('letting go of the source', () => opened.source?.release());
  await resume();
  await attempt('asking for the guest’s state', () => lookAtGuest(run));
  await attempt('letting go of the hypervisor', () => run.hypervisor?.close());
  await attempt('letting go of the guardian', () => letGoOfGuardian(run));
  return [...failures.values()];
}

/** A guest that still stands because of the program is left to the guardian, which tries by itself. */
async function letGoOfGuardian({ parts: { lease }, pause, poweredOff }: Run): Promise<void> {
  if (pause && !poweredOff) await lease?.abandon();
  else await lease?.release();
}

/** A run that ended before it had taken hold of what another process left of it is not over. */
function tellOfInherited(run: Run): void {
  run.emit({
    type: 'warning',
    message: 'What the run had left before is there still.',
    hint: `\`migrascope resume ${run.parts.run}\` can be tried again; \`migrascope recover\` puts things right.`,
  });
}

async function noteEnd(
  run: Run,
  { outcome, switchedOver, guest }: Pick<SummaryEvent, 'outcome' | 'switchedOver' | 'guest'>,
  error: MigrascopeError | undefined,
  leftBehind: readonly string[],
): Promise<void> {
  const reason = error ? { error: { kind: error.kind, message: error.message } } : {};
  const end = { outcome, switchedOver, guest, leftBehind, ...reason };
  await noteAnyway(run, { type: 'end', ...end });
}

async function lookAtGuest(run: Run): Promise<void> {
  if (run.poweredOff) run.guestState = 'gone';
  const state = await run.hypervisor?.runState();
  if (state) run.guestState = state.running ? 'running' : 'paused';
}
