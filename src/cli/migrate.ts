/** `migrascope migrate`: moves a disk while a person or a program watches. */
import { Command } from 'commander';
import { CancelledError, messageOf, UsageError } from '../base/errors.js';
import {
  ControlledGate,
  createTraceWriter,
  type Decision,
  type EventSink,
  type Gate,
  type MigrationResult,
  type TraceWriter,
} from '../engine/index.js';
import { EXIT, exitCodeHelp, exitCodeOfRun, type ExitCode } from './exit-codes.js';
import { Interrupt } from './interrupt.js';
import { keyHelp } from './control.js';
import {
  declareMigrateOptions,
  migrationOptions,
  type MigrateFlags,
  type OnLimit,
} from './migrate-options.js';
import { createLogger, reportError } from './report.js';
import { JsonView, PlainView } from './view/line-views.js';
import { LiveView } from './view/live.js';
import { describeLeftovers, type RunView } from './view/run-view.js';
import type { RunParts, World } from './world.js';

const EXAMPLES = `
Examples:
  migrascope migrate unix:/run/vm.qmp disk0 --to file:/srv/new.img --pivot
      the guest goes on with the new image
  migrascope migrate unix:/run/vm.qmp disk0 --to nbd://backup.example/disk0 --max-bandwidth 100MiB
      a point-in-time copy on another machine, at 100 MiB a second at most
  migrascope migrate lab disk0 --to file:/tmp/new.qcow2 --pivot --step
      statement by statement, waiting for keys
  migrascope migrate lab disk0 --to file:/tmp/new.img --json --trace run.jsonl.gz | jq .type
      for programs; the trace can be looked at later
`;

/** Statements from which on the guest is paused: a slow reader must not make that longer. */
const PAUSED_FROM_LINE = 15;

/** @param finish takes the exit code. */
export function migrateCommand(world: World, finish: (code: ExitCode) => void): Command {
  const command = new Command('migrate')
    .description("move a running guest's disk, round by round, with its page cache in view")
    .argument(
      '<host>',
      'a name of the hosts file, unix:PATH, tcp:HOST:PORT or ssh://[USER@]HOST/PATH',
    )
    .argument('<disk>', 'name of the disk, as `migrascope map HOST` lists it');
  return declareMigrateOptions(command)
    .addHelpText('after', `${EXAMPLES}\n${keyHelp()}\n\n${exitCodeHelp()}`)
    .action(async (host: string, disk: string, flags: MigrateFlags) => {
      finish(await runMigrate(world, host, disk, flags));
    });
}

/**
 * Runs one migration and shows it.
 * @throws UsageError before anything was begun.
 */
export async function runMigrate(
  world: World,
  host: string,
  disk: string,
  flags: MigrateFlags,
): Promise<ExitCode> {
  const options = migrationOptions(disk, flags, process.cwd());
  const live = isTerminal(world) && !flags.json;
  checkStepping(flags, live);
  const gate = new ControlledGate(flags.step ? 'held' : 'run');
  let view: RunView | undefined;
  let trace: TraceWriter | undefined;
  let parts: RunParts | undefined;
  const note = (message: string) => view?.note(message);
  const interrupt = new Interrupt(world, note, () =>
    describeLeftovers(view?.guestIsDown ?? false, flags.guardian),
  );
  try {
    const logger = createLogger(world, note);
    const run = world.newRun();
    parts = await world.openRun({ host, run, options, guardian: flags.guardian }, logger);
    trace = flags.trace === undefined ? undefined : await openTrace(flags.trace, note);
    view = createView(world, flags, live, gate, interrupt);
    const result = await world.migrate(options, {
      ...parts,
      gate: pacedGate(gate, view),
      sink: joinSinks([view.sink, ...(trace ? [trace.sink] : [])], note),
      decide: () => (view ? view.decide() : Promise.resolve('cancel')),
      clock: world.clock,
      logger,
      run,
      startedAt: world.today(),
      signal: interrupt.signal,
    });
    await closeTrace(trace, note);
    trace = undefined;
    await view.close();
    if (result.error) reportError(world, result.error);
    return exitCode(result, interrupt);
  } finally {
    await trace?.close();
    await parts?.close();
    await view?.close();
    interrupt.close();
  }
}

function exitCode(result: MigrationResult, interrupt: Interrupt): ExitCode {
  const code = exitCodeOfRun(result.summary, result.error);
  const cancelled = interrupt.signal.aborted && result.error instanceof CancelledError;
  return cancelled && code === EXIT.failed ? EXIT.cancelled : code;
}

function isTerminal({ stdin, stdout, env }: World): boolean {
  return stdin.isTTY === true && stdout.isTTY === true && env['TERM'] !== 'dumb';
}

function checkStepping(flags: MigrateFlags, live: boolean): void {
  if (!flags.step || live) return;
  if (flags.json) {
    throw new UsageError('--step does not go with --json.', {
      hint: 'Stepping is for a person at a terminal; leave one of the two out.',
    });
  }
  throw new UsageError('--step needs a terminal to read keys from.', {
    hint: 'Run it in a terminal, with neither its input nor its output redirected.',
  });
}

function createView(
  world: World,
  flags: MigrateFlags,
  live: boolean,
  gate: ControlledGate,
  interrupt: Interrupt,
): RunView {
  if (live) {
    return new LiveView({
      world,
      gate,
      interrupt,
      stepping: flags.step === true,
      decide: (ask) =>
        flags.onLimit === 'ask' ? ask() : Promise.resolve(decisionOf(flags.onLimit)),
    });
  }
  const View = flags.json ? JsonView : PlainView;
  return new View({
    world,
    onReaderGone: (error) =>
      interrupt.cancel(`cancelling: nobody reads the output any more (${messageOf(error)})`),
    decision: decisionOf(flags.onLimit),
  });
}

/** Where nobody can be asked, `ask` means `cancel`. */
function decisionOf(onLimit: OnLimit): Decision {
  switch (onLimit) {
    case 'more-rounds':
      return 'more-rounds';
    case 'pause':
      return 'pause-anyway';
    case 'ask':
    case 'cancel':
      return 'cancel';
  }
}

/** Lets a slow view catch up between statements, while the guest runs. */
function pacedGate(gate: Gate, view: RunView): Gate {
  return {
    async pass(point, onHold, signal) {
      if (point.line < PAUSED_FROM_LINE) await view.ready(signal);
      await gate.pass(point, onHold, signal);
    },
  };
}

/** One sink for several; one that throws is left out from then on, so that it can't end the migration. */
function joinSinks(sinks: readonly EventSink[], note: (message: string) => void): EventSink {
  const working = new Set(sinks);
  return (event) => {
    for (const sink of working) {
      try {
        sink(event);
      } catch (error) {
        working.delete(sink);
        note(`An event could not be shown, and no later one is: ${messageOf(error)}`);
      }
    }
  };
}

async function openTrace(path: string, note: (message: string) => void): Promise<TraceWriter> {
  return createTraceWriter(path, (error) => note(`The trace is cut short: ${messageOf(error)}`));
}

async function closeTrace(
  trace: TraceWriter | undefined,
  note: (message: string) => void,
): Promise<void> {
  const failure = await trace?.close();
  if (failure) note(`The trace is not complete: ${messageOf(failure)}`);
}
