/** `migrascope forget`: deletes what is kept of runs that ended. */
import { Command } from 'commander';
import { UsageError } from '../base/errors.js';
import { EXIT, exitCodeHelp, type ExitCode } from './exit-codes.js';
import { reportError } from './report.js';
import type { World } from './world.js';

const EXAMPLES = `
A run's journal, its events and its log are kept until they are forgotten. One that is dead, or left
something in a host, is not: \`migrascope recover\` needs them.

Examples:
  migrascope forget k3x9f2aa
  migrascope forget --ended
`;

/** @param finish takes the exit code. */
export function forgetCommand(world: World, finish: (code: ExitCode) => void): Command {
  return new Command('forget')
    .description('delete what is kept of runs that ended')
    .argument('[run...]', 'their ids, or the beginnings of them, as `migrascope runs` lists them')
    .option('--ended', 'all that ended and left nothing behind')
    .addHelpText('after', `${EXAMPLES}\n${exitCodeHelp()}`)
    .action(async (named: string[], { ended }: { readonly ended?: true }) => {
      if (named.length === 0 && !ended)
        throw new UsageError('Which runs to forget was not said.', {
          hint: 'Name them, or use --ended.',
        });
      finish(await forget(world, ended ? [...named, ...(await endedRuns(world))] : named));
    });
}

async function endedRuns(world: World): Promise<readonly string[]> {
  const runs = await world.runs(Infinity);
  return runs.filter(({ end }) => end?.leftBehind.length === 0).map(({ run }) => run);
}

/** One that can't be forgotten is told of, and the rest is. */
async function forget(world: World, named: readonly string[]): Promise<ExitCode> {
  const runs = new Set(named);
  let forgotten = 0;
  for (const run of runs) {
    try {
      await world.forget(run);
      forgotten++;
    } catch (error) {
      reportError(world, error);
    }
  }
  world.stdout.write(`Runs forgotten: ${forgotten}.\n`);
  return forgotten === runs.size ? EXIT.completed : EXIT.usage;
}
