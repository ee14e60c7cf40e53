/** The options of `migrascope migrate`: how they are declared, and what they become. */
import { isAbsolute, resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { builtInPolicy, collect, PLUGIN_HELP } from './plugin-options.js';
import { UsageError } from '../base/errors.js';
import {
  DEFAULTS,
  type DestinationRequest,
  type MigrationOptions,
  type VerifyMode,
} from '../engine/index.js';
import {
  formatBytes,
  formatDuration,
  parseCount,
  parseDuration,
  parseRate,
  parseSize,
} from '../base/units.js';

/** What to do when a migration does not converge. */
export type OnLimit = 'ask' | 'more-rounds' | 'pause' | 'cancel';

/** How a run is steered, as commander gives it. */
export interface SteeringFlags {
  readonly onLimit: OnLimit;
  /** Unless `--no-guardian` was given. */
  readonly guardian: boolean;
  readonly step?: true;
  readonly detach?: true;
  readonly json?: true;
}

/** The options as commander gives them. */
export interface MigrateFlags extends SteeringFlags {
  readonly to: string;
  readonly policy: string;
  /** Names of plugins that watch. */
  readonly observe: readonly string[];
  /** Folders of plugins. */
  readonly plugin: readonly string[];
  readonly maxBandwidth?: string;
  readonly downtimeLimit: string;
  readonly granularity: string;
  readonly maxRounds: string;
  readonly verify: VerifyMode;
  readonly pivot?: true;
  readonly trim?: true;
  readonly overwrite?: true;
  readonly format?: 'raw' | 'qcow2';
  readonly cacheDirect?: 'on' | 'off';
  readonly discard?: 'ignore' | 'unmap';
  readonly aio?: 'threads' | 'native' | 'io_uring';
  readonly trace?: string;
}

const LEAST_GRANULARITY = 4 * 1024;
const LARGEST_GRANULARITY = 16 * 1024 * 1024;
const MOST_ROUNDS = 10_000;

/** Gives the command its options. */
export function declareMigrateOptions(command: Command): Command {
  return command
    .requiredOption(
      '--to <destination>',
      'file:PATH, nbd://HOST[:PORT]/NAME or nbd+unix:///NAME?socket=PATH',
    )
    .option(
      '--policy <name>',
      'what to put off: plain, history, cache, or the name of a plugin',
      DEFAULTS.policy,
    )
    .option('--observe <name>', 'a plugin that watches; may be given several times', collect, [])
    .option('--plugin <folder>', PLUGIN_HELP, collect, [])
    .option('--max-bandwidth <rate>', 'send no more than this a second, such as 100MiB')
    .option(
      '--downtime-limit <time>',
      'how long the guest may be paused',
      formatDuration(DEFAULTS.downtimeLimitMs).replace(' ', ''),
    )
    .option(
      '--granularity <size>',
      'bytes of a block: a power of two, 4KiB to 16MiB',
      formatBytes(DEFAULTS.granularity).replace(' ', ''),
    )
    .option('--max-rounds <n>', 'rounds before the verdict', String(DEFAULTS.maxRounds))
    .addOption(
      choice('--verify <what>', 'what to compare', ['sent', 'full', 'none'], DEFAULTS.verify),
    )
    .option('--pivot', 'the guest goes on with the destination (file: only)')
    .option('--trim', 'the guest discards what no file uses first')
    .option('--overwrite', 'use an image that is there and holds data')
    .addOption(
      choice('--format <name>', 'of the new image (default: qcow2 for *.qcow2, else raw)', [
        'raw',
        'qcow2',
      ]),
    )
    .addOption(
      choice(
        '--cache-direct <switch>',
        'with --pivot: bypass the host’s page cache (default: as the source)',
        ['on', 'off'],
      ),
    )
    .addOption(
      choice('--discard <action>', 'with --pivot: what the guest’s discards do (default: unmap)', [
        'ignore',
        'unmap',
      ]),
    )
    .addOption(
      choice('--aio <kind>', 'with --pivot: how QEMU does the image’s I/O (default: threads)', [
        'threads',
        'native',
        'io_uring',
      ]),
    )
    .option('--trace <file>', 'write every event to a new file; gzip where it ends in .gz');
}

/** An option that takes one of some words. */
function choice(flags: string, text: string, choices: readonly string[], chosen?: string): Option {
  const option = new Option(flags, text).choices(choices);
  return chosen === undefined ? option : option.default(chosen);
}

/** Declares how a run is steered that a command starts or goes on with. */
export function declareSteeringOptions(command: Command): Command {
  return command
    .addOption(
      choice(
        '--on-limit <action>',
        'when it does not converge; ask needs a terminal or --detach, else it is cancel',
        ['ask', 'more-rounds', 'pause', 'cancel'],
        'ask',
      ),
    )
    .option(
      '--no-guardian',
      'pause the guest although nobody resumes it should the engine process die',
    )
    .option('--step', 'stop at each statement and wait for keys')
    .option('--detach', 'leave it running once it has begun; `migrascope attach` comes back')
    .option('--json', 'print every event as a line of JSON, and nothing else');
}

/**
 * What the flags ask of the engine.
 * @param folder to which a relative path of a destination belongs.
 * @throws UsageError for what cannot be.
 */
export function migrationOptions(
  disk: string,
  flags: MigrateFlags,
  folder: string,
): MigrationOptions {
  const destination = parseDestination(flags, folder);
  if (flags.pivot && destination.type !== 'file') {
    throw new UsageError(
      '--pivot: the guest can only go on with an image that its own QEMU opens.',
      {
        hint: 'Use --to file:PATH, or leave --pivot out.',
      },
    );
  }
  const maxBandwidth =
    flags.maxBandwidth === undefined ? undefined : parseRate(flags.maxBandwidth, '--max-bandwidth');
  return {
    disk,
    destination,
    policy: builtInPolicy(flags.policy) ?? DEFAULTS.policy,
    ...(maxBandwidth === undefined ? {} : { maxBandwidth }),
    downtimeLimitMs: parseDuration(flags.downtimeLimit, '--downtime-limit'),
    granularity: parseGranularity(flags.granularity),
    maxRounds: parseCount(flags.maxRounds, '--max-rounds', 1, MOST_ROUNDS),
    verify: flags.verify,
    pivot: flags.pivot === true,
    trim: flags.trim === true,
  };
}

/**
 * Bytes of a block.
 * @throws UsageError when it is not a power of two from 4 KiB to 16 MiB.
 */
export function parseGranularity(text: string): number {
  const size = parseSize(text, '--granularity');
  const fits = size >= LEAST_GRANULARITY && size <= LARGEST_GRANULARITY;
  if (fits && Number.isInteger(Math.log2(size))) return size;
  throw new UsageError(`--granularity: '${text}' cannot be the size of a block.`, {
    hint: 'Give a power of two from 4KiB to 16MiB, such as 64KiB.',
  });
}

function parseDestination(flags: MigrateFlags, folder: string): DestinationRequest {
  const { to, overwrite = false } = flags;
  if (to.startsWith('file:')) {
    const path = parsePath(to, flags, folder);
    const format = flags.format ?? (path.endsWith('.qcow2') ? 'qcow2' : 'raw');
    return { type: 'file', path, format, overwrite, ...parseTuning(flags) };
  }
  if (!/^nbd(\+unix)?:\/\//.test(to)) {
    throw new UsageError(`--to: '${to}' is not a destination.`, {
      hint: 'Give file:PATH, nbd://HOST[:PORT]/NAME or nbd+unix:///NAME?socket=PATH.',
    });
  }
  const option = flags.format ? '--format' : overwrite ? '--overwrite' : undefined;
  if (option) {
    throw new UsageError(`${option} does not go with an NBD destination.`, {
      hint: 'What an NBD server exports is written as it is; leave the option out.',
    });
  }
  return { type: 'nbd', uri: to };
}

/** @throws UsageError where the guest's QEMU does not open the image. */
function parseTuning({ pivot, cacheDirect, discard, aio }: MigrateFlags) {
  const given = Object.entries({ 'cache-direct': cacheDirect, discard, aio });
  const option = given.find(([, value]) => value !== undefined)?.[0];
  if (option === undefined) return {};
  if (!pivot) {
    throw new UsageError(`--${option} is for an image that the guest goes on with.`, {
      hint: 'Add --pivot, or leave it out.',
    });
  }
  return {
    tuning: {
      ...(cacheDirect === undefined ? {} : { cacheDirect: cacheDirect === 'on' }),
      ...(discard === undefined ? {} : { discard }),
      ...(aio === undefined ? {} : { aio }),
    },
  };
}

/** A path is the hypervisor's with `--pivot`, so a relative one could mean two things. */
function parsePath(to: string, flags: MigrateFlags, folder: string): string {
  const path = to.slice('file:'.length).replace(/^\/\/(?=\/)/, '');
  if (path === '' || path.startsWith('//')) {
    throw new UsageError(`--to: '${to}' does not name a file.`, {
      hint: 'Give file:PATH, such as file:/srv/new.img.',
    });
  }
  if (flags.pivot && !isAbsolute(path)) {
    throw new UsageError(`--to: '${to}' is a relative path.`, {
      hint: 'With --pivot the guest’s own QEMU opens the file; give its absolute path there.',
    });
  }
  return resolve(folder, path);
}
