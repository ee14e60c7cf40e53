/** `migrascope runs`: which migrations run from here, which ended, which are dead. */
import { Command } from 'commander';
import type { RunStatus } from '../engine/index.js';
import type { World } from './world.js';

/** The newest, unless all are asked for. */
const SHOWN = 20;

interface RunsFlags {
  readonly json?: true;
  readonly all?: true;
}

export function runsCommand(world: World): Command {
  return new Command('runs')
    .description('list the runs of this machine and user, the newest last; changes nothing')
    .option('--all', `every run, not only the newest ${SHOWN}`)
    .option('--json', 'print one object a line')
    .action(async (flags: RunsFlags) => {
      const runs = await world.runs(flags.all ? Infinity : SHOWN);
      for (const run of runs) {
        world.stdout.write(flags.json ? `${JSON.stringify(run)}\n` : describeRun(run));
      }
      if (runs.length === 0 && !flags.json) world.stdout.write('There are no runs here.\n');
    });
}

function describeRun({ run, state, reason, begin }: RunStatus): string {
  const { host, options, at } = begin ?? {};
  const to =
    options?.destination.type === 'file'
      ? `file:${options.destination.path}`
      : options?.destination.uri;
  const what = begin ? `${at}  ${host} ${options?.disk} → ${to}` : '';
  return `${run.padEnd(8)}  ${state.padEnd(7)}  ${what}\n          ${reason}\n`;
}
