/** `migrascope migrate`: starts a run's engine process, and shows and steers the run while a person or a program watches. */
import { resolve } from 'node:path';
import { Command } from 'commander';
import { UsageError } from '../base/errors.js';
import type { Decision } from '../engine/index.js';
import { controlRun, viewFor } from './controller.js';
import { keyHelp } from './control.js';
import { exitCodeHelp, type ExitCode } from './exit-codes.js';
import {
  declareMigrateOptions,
  declareSteeringOptions,
  migrationOptions,
  type MigrateFlags,
  type OnLimit,
  type SteeringFlags,
} from './migrate-options.js';
import { observersCalled, pluginPolicy } from './plugin-options.js';
import type { World } from './world.js';

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
  migrascope migrate lab disk0 --to file:/srv/new.img --pivot --detach
      leave it running; 'migrascope attach' shows and steers it

The migration runs in a process of its own: it goes on when this terminal is closed.
`;

/** @param finish takes the exit code. */
export function migrateCommand(world: World, finish: (code: ExitCode) => void): Command {
  const command = new Command('migrate')
    .description("move a running guest's disk, round by round, with its page cache in view")
    .argument(
      '<host>',
      'a name of the hosts file, unix:PATH, tcp:HOST:PORT or ssh://[USER@]HOST/PATH',
    )
    .argument('<disk>', 'name of the disk, as `migrascope map HOST` lists it');
  return declareSteeringOptions(declareMigrateOptions(command))
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
  const options = {
    ...migrationOptions(disk, flags, process.cwd()),
    ...(await pluginPolicy(flags.policy, flags.plugin, world.env)),
  };
  const view = flags.detach ? 'none' : viewFor(world, flags.json);
  checkFlags(flags, view === 'live');
  const observers = await observersCalled(flags.observe, flags.plugin, world.env);
  const trace = flags.trace === undefined ? {} : { trace: resolve(flags.trace) };
  const request = {
    host,
    run: world.newRun(),
    options,
    guardian: flags.guardian,
    held: flags.step === true,
    onLimit: decisionOf(flags.onLimit, view === 'live' || view === 'none'),
    ...(observers.length > 0 ? { observers } : {}),
    ...trace,
  };
  return controlRun(world, {
    reach: (signal) => world.startEngine(request, signal),
    view,
    stepping: flags.step === true,
    onInterrupt: 'cancel',
    first: [],
  });
}

/** @throws UsageError for flags that don't go together. */
export function checkFlags(
  flags: Pick<SteeringFlags, 'detach' | 'json' | 'step'>,
  live: boolean,
): void {
  if (flags.detach && flags.json) {
    throw new UsageError('--detach does not go with --json.', {
      hint: 'Leave --json out here, and give it to `migrascope attach`.',
    });
  }
  if (!flags.step || flags.detach || live) return;
  if (flags.json) {
    throw new UsageError('--step does not go with --json.', {
      hint: 'Stepping is for a person at a terminal; leave one of the two out.',
    });
  }
  throw new UsageError('--step needs a terminal to read keys from.', {
    hint: 'Run it in a terminal, with neither its input nor its output redirected.',
  });
}

/** Where nobody can be asked, `ask` means `cancel`. */
export function decisionOf(onLimit: OnLimit, canAsk: boolean): Decision | 'ask' {
  switch (onLimit) {
    case 'more-rounds':
    case 'cancel':
      return onLimit;
    case 'pause':
      return 'pause-anyway';
    case 'ask':
      return canAsk ? 'ask' : 'cancel';
  }
}
