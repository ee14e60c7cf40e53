/**
 * One migration from beginning to end: executes the program, and whatever happens in it, puts things
 * back: the guest runs on, and nothing of the run is left in the hypervisor.
 */
import {
  CancelledError,
  ConnectionLostError,
  GuestError,
  HypervisorError,
  messageOf,
  MigrascopeError,
} from '../base/errors.js';
import type { GuestEvent } from '../hypervisor/types.js';
import type { SummaryEvent } from './events.js';
import type { MigrationOptions, MigrationParts } from './options.js';
import { createPolicy } from './policy/index.js';
import { runProgram, type Statements } from './program.js';
import { Run } from './run.js';
import { connect, startTracking, takeAllocated, type Opened } from './steps/prepare.js';
import { Finish } from './steps/finish.js';
import { Rounds } from './steps/rounds.js';
import { summarize } from './summary.js';
import { Throttle } from './throttle.js';

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
  const run = new Run(options, parts, createPolicy(options.policy), throttle);
  const opened: Opened = { connections: [] };
  let error: MigrascopeError | undefined;
  const unwatch: (() => void)[] = [];
  try {
    await runProgram(statementsOf(run, opened, unwatch), (line) => passGate(run, line));
  } catch (thrown) {
    error = reasonOf(run, thrown);
    const { kind, message, hint } = error;
    run.emit({ type: 'error', kind, message, ...(hint ? { hint } : {}), line: run.line });
  }
  for (const end of unwatch) end();
  await putBack(run, opened, error === undefined || run.switchedOver ? 'keep' : 'discard');
  const summary = run.emit(summarize(run, error));
  return { summary, ...(error ? { error } : {}) };
}

function statementsOf(run: Run, opened: Opened, unwatch: (() => void)[]): Statements {
  const rounds = new Rounds(run);
  const finish = new Finish(run);
  return {
    connect: async () => {
      await connect(run, opened);
      unwatch.push(run.hypervisor!.onGuestEvent((event) => watch(run, event)));
    },
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
    giveBackRunState: () => run.resumeGuest(),
  };
}

/** The gate before each statement; a person may stand here for an hour. */
async function passGate(run: Run, line: number): Promise<void> {
  const { gate, clock } = run.parts;
  run.signal.throwIfAborted();
  const point = {
    line,
    round: line === 4 || line === 12 ? run.round + 1 : Math.max(0, run.round),
    batch: line === 5 ? run.batch + 1 : Math.max(0, run.batch),
  };
  const arrived = clock.now();
  try {
    await gate.pass(point, () => run.emit({ type: 'held', line }), run.signal);
  } finally {
    if (run.pause) run.heldMs += clock.now() - arrived;
  }
  run.signal.throwIfAborted();
  run.line = line;
  run.emit({ type: 'statement', ...point });
}

/** What happens to the guest beside the program. */
function watch(run: Run, event: GuestEvent): void {
  const paused = run.pause !== undefined && !run.switchedOver;
  switch (event.type) {
    case 'lost':
      run.fail(event.error);
      return;
    case 'resumed':
      run.emit({ type: 'resumed', byProgram: false });
      if (paused)
        run.fail(
          new GuestError(
            'The guest was resumed by somebody else while the program had it paused.',
            {
              hint: 'It runs on its source. Start the migration again, and leave the guest to it.',
            },
          ),
        );
      return;
    case 'stopped':
      run.emit({ type: 'paused', byProgram: false });
      return;
    case 'reset':
      run.emit({ type: 'warning', message: 'The guest was reset; its disk goes on being moved.' });
      return;
    case 'shutdown':
      run.emit({
        type: 'warning',
        message: event.byGuest ? 'The guest powered off.' : 'The guest was told to shut down.',
      });
  }
}

/** The error that a person should see for what the program threw. */
function reasonOf(run: Run, thrown: unknown): MigrascopeError {
  if (run.failure instanceof MigrascopeError) return run.failure;
  if (run.parts.signal.aborted) return new CancelledError('The migration was cancelled.');
  if (thrown instanceof MigrascopeError) return thrown;
  return new HypervisorError(`The migration failed unexpectedly: ${messageOf(thrown)}`, {
    cause: thrown,
    hint: 'This is a defect of Migrascope; please report it with the trace.',
  });
}

/** The guest first, then what was opened, in the reverse order; each part whatever the others do. */
async function putBack(run: Run, opened: Opened, outcome: 'keep' | 'discard'): Promise<void> {
  const attempt = async (what: string, action: () => Promise<void> | void) => {
    try {
      await action();
    } catch (error) {
      const message = `Putting back failed: ${what}: ${messageOf(error)}`;
      const hint = error instanceof MigrascopeError ? error.hint : undefined;
      run.emit({ type: 'warning', message, ...(hint ? { hint } : {}) });
    }
  };
  await attempt('resuming the guest', () => run.resumeGuest());
  await attempt('ending the dirty tracking', () => opened.tracker?.stopSampling());
  for (const connection of opened.connections) {
    if (outcome === 'keep') await connection.close();
    else connection.destroy(new ConnectionLostError('The migration ended.'));
  }
  await attempt('letting go of the probe', () => opened.cache?.close());
  await attempt('letting go of the destination', () => opened.destination?.release(outcome));
  await attempt('letting go of the source', () => opened.source?.release());
  await attempt('asking for the guest’s state', async () => {
    const state = await run.hypervisor?.runState();
    if (state) run.guestState = state.running ? 'running' : 'paused';
  });
  await attempt('letting go of the hypervisor', () => run.hypervisor?.close());
}
