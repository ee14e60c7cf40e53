/** Options that the commands on simulated guests share. */
import { Option, type Command } from 'commander';
import { UsageError } from '../base/errors.js';
import { DEFAULTS } from '../engine/index.js';
import type { ComparisonRequest } from '../experiment/index.js';
import { parseGranularity } from './migrate-options.js';
import {
  formatBytes,
  formatDuration,
  parseCount,
  parseDuration,
  parseRate,
  parseSize,
} from '../base/units.js';

const MiB = 1024 ** 2;

/** What a simulated guest and its network are, where nobody says otherwise. */
export const SIMULATED_DEFAULTS = {
  disk: 1024 * MiB,
  memory: 256 * MiB,
  seed: 1,
  network: 100 * MiB,
  warmUpMs: 40_000,
} as const;

/** From one side of the simulated network to the other, in milliseconds. */
const DELAY_MS = 0.2;

export interface ExperimentFlags {
  readonly disk: number;
  readonly memory: number;
  readonly seed: number;
  readonly rate: number;
  readonly network: number;
  readonly maxBandwidth?: number;
  readonly downtimeLimit: number;
  readonly granularity: number;
  readonly maxRounds: number;
  readonly warmUp: number;
  readonly probe: boolean;
}

/** Declares what a simulated guest is. */
export function declareGuestOptions(command: Command): Command {
  const bytes = (flag: string, text: string, value: number) =>
    new Option(`--${flag} <size>`, text)
      .argParser((given) => parseSize(given, `--${flag}`))
      .default(value, formatBytes(value).replace(' ', ''));
  return command
    .addOption(bytes('disk', "of the guest's disk", SIMULATED_DEFAULTS.disk))
    .addOption(bytes('memory', 'that files can take in the guest', SIMULATED_DEFAULTS.memory))
    .option(
      '--seed <number>',
      'the workload writes the same for the same seed',
      (text) => parseCount(text, '--seed', 0, Number.MAX_SAFE_INTEGER),
      SIMULATED_DEFAULTS.seed,
    )
    .option('--rate <factor>', "what the workload's rates are multiplied by", parseFactor, 1);
}

/** Declares what a migration of it may do. */
export function declareLimits(command: Command): Command {
  return command
    .addOption(
      new Option('--network <rate>', 'what the simulated network carries in a second')
        .argParser((text) => parseRate(text, '--network'))
        .default(
          SIMULATED_DEFAULTS.network,
          formatBytes(SIMULATED_DEFAULTS.network).replace(' ', ''),
        ),
    )
    .option('--max-bandwidth <rate>', 'send no more than this a second, such as 20MiB', (text) =>
      parseRate(text, '--max-bandwidth'),
    )
    .addOption(
      new Option('--downtime-limit <time>', 'how long the guest may be paused')
        .argParser((text) => parseDuration(text, '--downtime-limit'))
        .default(
          DEFAULTS.downtimeLimitMs,
          formatDuration(DEFAULTS.downtimeLimitMs).replace(' ', ''),
        ),
    )
    .addOption(
      new Option('--granularity <size>', 'bytes of a block: a power of two, 4KiB to 16MiB')
        .argParser(parseGranularity)
        .default(DEFAULTS.granularity, formatBytes(DEFAULTS.granularity).replace(' ', '')),
    )
    .option(
      '--max-rounds <n>',
      'rounds before the verdict',
      (text) => parseCount(text, '--max-rounds', 1, 10_000),
      DEFAULTS.maxRounds,
    )
    .addOption(
      new Option('--warm-up <time>', 'how long the guest runs before the migration begins')
        .argParser((text) => parseDuration(text, '--warm-up'))
        .default(
          SIMULATED_DEFAULTS.warmUpMs,
          formatDuration(SIMULATED_DEFAULTS.warmUpMs).replace(' ', ''),
        ),
    )
    .option('--no-probe', 'without the probe in the guest');
}

/** The scenario that the flags describe. */
export function scenarioOf(flags: ExperimentFlags): ComparisonRequest['scenario'] {
  return {
    network: { bytesPerSecond: flags.network, delayMs: DELAY_MS },
    probe: flags.probe,
    warmUpMs: flags.warmUp,
    options: {
      ...(flags.maxBandwidth === undefined ? {} : { maxBandwidth: flags.maxBandwidth }),
      downtimeLimitMs: flags.downtimeLimit,
      granularity: flags.granularity,
      maxRounds: flags.maxRounds,
      verify: DEFAULTS.verify,
      pivot: true,
    },
  };
}

function parseFactor(text: string): number {
  const factor = Number(text);
  if (text.trim() !== '' && factor > 0 && factor <= 1000) return factor;
  throw new UsageError(`--rate: '${text}' is not a factor that can be used.`, {
    hint: 'Give a number above 0, up to 1000, such as 0.5 or 2.',
  });
}
