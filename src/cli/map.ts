/** `migrascope map`: the page cache and the disk now. Looks, and changes nothing. */
import { Command } from 'commander';
import { UsageError } from '../base/errors.js';
import { DEFAULTS, encodeRuns } from '../engine/index.js';
import { findDisk, type GuestDisk, type Hypervisor } from '../hypervisor/index.js';
import { EXIT, exitCodeHelp, type ExitCode } from './exit-codes.js';
import { Interrupt } from './interrupt.js';
import { JsonLines } from './json-lines.js';
import { lookAsJson } from './look-figures.js';
import { parseGranularity } from './migrate-options.js';
import { createLogger } from './report.js';
import { formatBytes, parseCount } from '../base/units.js';
import { renderLook } from './view/render-look.js';
import { createStyle, wantsColours } from './view/style.js';
import { lookAtDisk, openProbe, type DiskLook, type LookOptions } from '../reach/index.js';
import type { Connections } from '../reach/types.js';
import type { World } from './world.js';

/** The options as commander gives them. */
export interface MapFlags {
  readonly json?: true;
  readonly clean?: true;
  readonly width?: string;
  readonly granularity: string;
}

const DEFAULT_WIDTH = 80;

const EXAMPLES = `
Examples:
  migrascope map unix:/run/vm.qmp
      every disk of the guest
  migrascope map lab disk0 --clean
      with what the page cache holds and is clean
  migrascope map lab disk0 --json | jq '.disks[0].cache.files[:3]'
      the three files with most dirty bytes
`;

/** @param finish takes the exit code. */
export function mapCommand(world: World, finish: (code: ExitCode) => void): Command {
  return new Command('map')
    .description('show the page cache and the disk as they are now; changes nothing')
    .argument(
      '<host>',
      'a name of the hosts file, unix:PATH, tcp:HOST:PORT or ssh://[USER@]HOST/PATH',
    )
    .argument('[disk]', 'name of the disk; every disk unless told')
    .option('--clean', 'ask for clean pages too; takes longer when much is cached')
    .option('--width <n>', 'characters of a line (default: the terminal)')
    .option(
      '--granularity <size>',
      'bytes of a block: a power of two, 4KiB to 16MiB',
      formatBytes(DEFAULTS.granularity).replace(' ', ''),
    )
    .option('--json', 'print one object, and nothing else')
    .addHelpText('after', `${EXAMPLES}\n${exitCodeHelp()}`)
    .action(async (host: string, disk: string | undefined, flags: MapFlags) => {
      await runMap(world, host, disk, flags);
      finish(EXIT.completed);
    });
}

/**
 * Looks and prints.
 * @throws UsageError for a disk that is not there, ConnectError and the like.
 */
export async function runMap(
  world: World,
  host: string,
  name: string | undefined,
  flags: MapFlags,
): Promise<void> {
  const { stdout, stderr } = world;
  const width =
    flags.width === undefined
      ? (stdout.columns ?? DEFAULT_WIDTH) - 1
      : parseCount(flags.width, '--width', 60, 1000);
  const granularity = parseGranularity(flags.granularity);
  const note = (message: string) => void stderr.write(`migrascope: ${message}\n`);
  const interrupt = new Interrupt(world, note, () => 'An export called migrascope-… may be left.');
  const lines = new JsonLines(stdout, () => interrupt.cancel('nobody reads the output any more'));
  try {
    const run = world.newRun();
    const logger = createLogger(world, note);
    const connections = await world.connections(host, run, logger);
    const looks = await look(connections, name, {
      run,
      granularity,
      clean: flags.clean === true,
      connectNbd: connections.connectNbd,
      logger,
      now: world.clock.now(),
      signal: interrupt.signal,
    });
    if (flags.json) {
      lines.write({ type: 'map', host, disks: looks.map((each) => lookAsJson(each, encodeRuns)) });
    } else {
      const style = createStyle(wantsColours(stdout, world.env));
      const pages = looks.map((each) =>
        renderLook(each, { width, clean: flags.clean === true, style }).join('\n'),
      );
      stdout.write(`${pages.join('\n\n')}\n`);
    }
    await lines.flushed();
  } finally {
    interrupt.close();
  }
}

async function look(
  connections: Connections,
  name: string | undefined,
  options: LookOptions,
): Promise<DiskLook[]> {
  const { signal } = options;
  const hypervisor = await connections.connectHypervisor(signal);
  let probe: Awaited<ReturnType<typeof openProbe>> | undefined;
  try {
    const disks = chooseDisks(await hypervisor.disks(signal), name, hypervisor);
    probe = await openProbe(hypervisor, connections.connectProbe, signal);
    const looks: DiskLook[] = [];
    for (const disk of disks) looks.push(await lookAtDisk(hypervisor, disk, probe, options));
    return looks;
  } finally {
    if (probe && 'probe' in probe) await probe.probe.close();
    await hypervisor.close();
  }
}

function chooseDisks(
  disks: readonly GuestDisk[],
  name: string | undefined,
  hypervisor: Hypervisor,
): readonly GuestDisk[] {
  if (name !== undefined) return [findDisk(disks, name)];
  if (disks.length > 0) return disks;
  throw new UsageError(`The guest at ${hypervisor.name} has no disk.`);
}
