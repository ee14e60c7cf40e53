/** `migrascope attach`: controls a run that goes on, as if it had been started here. */
import { Command } from 'commander';
import type { EventLimits } from '../engine/index.js';
import { controlRun, viewFor } from './controller.js';
import { keyHelp } from './control.js';
import { exitCodeHelp, type ExitCode } from './exit-codes.js';
import { parseCount, parseDuration, parseRate } from '../base/units.js';
import type { World } from './world.js';

interface AttachFlags {
  readonly json?: true;
  readonly pause?: true;
  readonly cancel?: true;
  readonly maxBandwidth?: string;
  readonly downtimeLimit?: string;
  readonly maxRounds?: string;
}

const EXAMPLES = `
Ctrl-C, d and a closed window leave the run to itself; q cancels it.

Examples:
  migrascope attach k3x9f2aa
      the live view, with its keys
  migrascope attach k3x9 --max-bandwidth 20MiB
      the same, with another limit from now on
  migrascope attach k3x9 --json | jq .type
      every event from the beginning
`;

/** @param finish takes the exit code. */
export function attachCommand(world: World, finish: (code: ExitCode) => void): Command {
  return new Command('attach')
    .description('watch and steer a migration that runs, whoever started it')
    .argument('<run>', 'its id, or the beginning of it, as `migrascope runs` lists it')
    .option('--pause', 'hold the program at its next statement')
    .option('--cancel', 'cancel it, and show its end')
    .option('--max-bandwidth <rate>', 'from now on send no more than this a second; none is no cap')
    .option('--downtime-limit <time>', 'from now on, how long the guest may be paused')
    .option('--max-rounds <n>', 'from now on, rounds before the verdict')
    .option('--json', 'print every event as a line of JSON, and nothing else')
    .addHelpText('after', `${EXAMPLES}\n${keyHelp()}\n\n${exitCodeHelp()}`)
    .action(async (run: string, flags: AttachFlags) => {
      const limits = limitsOf(flags);
      const code = await controlRun(world, {
        reach: (signal) => world.attach(run, signal),
        view: viewFor(world, flags.json),
        stepping: flags.pause === true,
        onInterrupt: 'leave',
        first: [
          ...(Object.keys(limits).length > 0 ? [{ command: 'limits', limits } as const] : []),
          ...(flags.pause ? [{ command: 'pause' } as const] : []),
          ...(flags.cancel ? [{ command: 'cancel' } as const] : []),
        ],
      });
      finish(code);
    });
}

const MOST_ROUNDS = 10_000;

function limitsOf({ maxBandwidth, downtimeLimit, maxRounds }: AttachFlags): Partial<EventLimits> {
  const cap = maxBandwidth === 'none' ? null : maxBandwidth;
  return {
    ...(cap === undefined
      ? {}
      : { maxBandwidth: cap === null ? null : parseRate(cap, '--max-bandwidth') }),
    ...(downtimeLimit === undefined
      ? {}
      : { downtimeLimitMs: parseDuration(downtimeLimit, '--downtime-limit') }),
    ...(maxRounds === undefined
      ? {}
      : { maxRounds: parseCount(maxRounds, '--max-rounds', 1, MOST_ROUNDS) }),
  };
}
