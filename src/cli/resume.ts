/** `migrascope resume`: goes on with a migration whose process is dead, and shows and steers it. */
import { Command } from 'commander';
import { controlRun, viewFor } from './controller.js';
import { keyHelp } from './control.js';
import { exitCodeHelp, type ExitCode } from './exit-codes.js';
import { checkFlags, decisionOf } from './migrate.js';
import { declareSteeringOptions, type SteeringFlags } from './migrate-options.js';
import { createLogger } from './report.js';
import type { World } from './world.js';

const EXAMPLES = `
What the run had sent is at the destination; only what was written since is sent. It goes on with the
disk, the destination, the policy and the limits that it had. \`migrascope recover\` says of each dead
run whether it can be resumed.

Examples:
  migrascope resume k3x9f2aa
      the live view, with its keys
  migrascope resume k3x9 --step
      stands before its first statement until you let it go on
`;

/** @param finish takes the exit code. */
export function resumeCommand(world: World, finish: (code: ExitCode) => void): Command {
  const command = new Command('resume')
    .description('go on with a migration whose process is dead, from where it was')
    .argument('<run>', 'its id, or the beginning of it, as `migrascope runs` lists it');
  return declareSteeringOptions(command)
    .addHelpText('after', `${EXAMPLES}\n${keyHelp()}\n\n${exitCodeHelp()}`)
    .action(async (run: string, flags: SteeringFlags) => {
      finish(await runResume(world, run, flags));
    });
}

/** @throws as World.resume. */
async function runResume(world: World, run: string, flags: SteeringFlags): Promise<ExitCode> {
  const view = flags.detach ? 'none' : viewFor(world, flags.json);
  checkFlags(flags, view === 'live');
  const how = {
    guardian: flags.guardian,
    held: flags.step === true,
    onLimit: decisionOf(flags.onLimit, view === 'live' || view === 'none'),
  };
  const note = (message: string) => void world.stderr.write(`migrascope: ${message}\n`);
  return controlRun(world, {
    reach: (signal) => world.resume(run, how, createLogger(world, note), signal),
    view,
    stepping: flags.step === true,
    onInterrupt: 'cancel',
    first: [],
  });
}
