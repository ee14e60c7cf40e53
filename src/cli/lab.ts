/** `migrascope lab`: guests to try a migration on, real ones in QEMU and simulated ones. */
import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { UsageError } from '../base/errors.js';
import {
  FILE_SYSTEMS,
  KERNEL_VERSIONS,
  LAB_DEFAULTS,
  labDown,
  labStatus,
  labUp,
  simulatedUp,
  WORKLOADS,
  type BootedGuest,
  type FileSystem,
  type KernelVersion,
  type LabGuest,
  type LabOptions,
} from '../lab/index.js';
import { builtInWorkloads } from '../simulator/index.js';
import { SIMULATED_DEFAULTS } from './experiment-options.js';
import { labFaultCommand } from './lab-fault.js';
import { parseSpeed } from './replay.js';
import { formatBytes, parseCount, parseRate, parseSize } from '../base/units.js';
import type { World } from './world.js';

interface UpFlags {
  readonly name: string;
  readonly workload: string;
  readonly simulated?: true;
  readonly disk?: number;
  readonly speed?: number;
  readonly network?: number;
  /** True where no port was given. */
  readonly tcp?: number | true;
  readonly accel: LabOptions['accelerator'];
  readonly size: number;
  readonly memory: number;
  readonly kernelVersion: KernelVersion;
  readonly filesystem: FileSystem;
  readonly format: LabOptions['format'];
  readonly rate: number;
  readonly seed: number;
  readonly probe: boolean;
  readonly agent?: boolean;
  readonly kernel?: string;
  readonly initrd?: string;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  migrascope lab up --workload zipf-rewrite
  migrascope lab up --name second --kernel-version 6.12 --filesystem xfs --size 2GiB
  migrascope lab up --simulated --workload mail-server --disk 100GiB --speed 10x
      a host that is simulated, which any QMP and NBD client can connect to; needs no QEMU
  migrascope lab fault slow-disk --delay 20ms
  migrascope lab down
`;

/** @param world where the command writes and what cancels it. */
export function labCommand(world: World): Command {
  const command = new Command('lab')
    .description('guests to try a migration on, busy and with the probe in them: real or simulated')
    .addHelpText('after', EXAMPLES);
  command.addCommand(upCommand(world));
  command.addCommand(labFaultCommand(world));
  command.addCommand(
    new Command('down')
      .description('end a guest and delete its disk')
      .argument('[name]', 'its name', LAB_DEFAULTS.name)
      .action(async (name: string) => {
        const ended = await labDown(name);
        world.stdout.write(ended ? `${name} is ended.\n` : `There is no guest ${name}.\n`);
      }),
  );
  command.addCommand(
    new Command('status')
      .description('list the guests that run')
      .option('--json', 'print a list of objects')
      .action(async ({ json }: { readonly json?: boolean }) => {
        const guests = await labStatus();
        if (json) world.stdout.write(`${JSON.stringify(guests)}\n`);
        else if (guests.length === 0) world.stdout.write('No guest runs.\n');
        else world.stdout.write(guests.map(statusLine).join(''));
      }),
  );
  return command;
}

function upCommand(world: World): Command {
  const size = (name: string, text: string, bytes: number) =>
    new Option(`--${name} <size>`, text)
      .argParser((value) => parseSize(value, `--${name}`))
      .default(bytes, formatBytes(bytes).replace(' ', ''));
  const count = (option: string) => (text: string) =>
    parseCount(text, option, 0, Number.MAX_SAFE_INTEGER);
  return new Command('up')
    .description('boot a guest and wait until it is busy')
    .option('--name <name>', 'what to call it', LAB_DEFAULTS.name)
    .option('--simulated', 'a simulated host, which needs nothing installed and starts at once')
    .option(
      '--workload <name>',
      `what it writes: ${WORKLOADS.join(', ')}; simulated also ${builtInWorkloads
        .filter((name) => !WORKLOADS.some((real) => real === name))
        .join(', ')}, or a file`,
      LAB_DEFAULTS.workload,
    )
    .addOption(
      new Option('--disk <size>', 'with --simulated: of its disk (default: 1GiB)').argParser(
        (text) => parseSize(text, '--disk'),
      ),
    )
    .option('--speed <factor>', 'with --simulated: faster than real time, such as 10x', parseSpeed)
    .option('--network <rate>', 'with --simulated: what its NBD servers carry', (text) =>
      parseRate(text, '--network'),
    )
    .option(
      '--tcp [port]',
      'with --simulated: listen on ports of this machine, from this one on or free ones',
      (text) => parseCount(text, '--tcp', 1, 65_531),
    )
    .addOption(
      new Option('--accel <accelerator>', 'how it is run; auto takes KVM where that really works')
        .choices(['auto', 'kvm', 'tcg'])
        .default(LAB_DEFAULTS.accelerator),
    )
    .addOption(size('size', 'of its disk', LAB_DEFAULTS.size))
    .addOption(size('memory', 'of the guest', LAB_DEFAULTS.memory))
    .addOption(
      new Option('--kernel-version <version>', 'line of its kernel, from Debian')
        .choices(KERNEL_VERSIONS)
        .default(LAB_DEFAULTS.kernelVersion),
    )
    .addOption(
      new Option('--filesystem <type>', 'on its disk')
        .choices(FILE_SYSTEMS)
        .default(LAB_DEFAULTS.fileSystem),
    )
    .addOption(
      new Option('--format <format>', 'of its disk image')
        .choices(['raw', 'qcow2'])
        .default(LAB_DEFAULTS.format),
    )
    .option(
      '--rate <pages>',
      'pages of 4 KiB written a second; 0: as the workload has it',
      count('--rate'),
      LAB_DEFAULTS.rate,
    )
    .option(
      '--seed <number>',
      'the workload writes the same for the same seed',
      count('--seed'),
      LAB_DEFAULTS.seed,
    )
    .option('--no-probe', 'without the probe and its port')
    .option('--agent', 'with qemu-guest-agent')
    .option('--kernel <file>', 'boot this kernel instead; with --initrd')
    .option('--initrd <file>', 'boot with this initial RAM disk; with --kernel')
    .option('--json', 'print one object')
    .action(async (flags: UpFlags) => up(world, flags));
}

async function up(world: World, flags: UpFlags): Promise<void> {
  const cancel = new AbortController();
  const unhear = world.onEndSignal(() => cancel.abort());
  try {
    const guest = flags.simulated
      ? await simulate(flags, cancel.signal)
      : await boot(world, flags, cancel.signal);
    world.stdout.write(flags.json ? `${JSON.stringify(guest)}\n` : description(guest));
  } finally {
    unhear();
  }
}

function boot(world: World, flags: UpFlags, signal: AbortSignal): Promise<BootedGuest> {
  const { accel, filesystem, workload: asked, ...rest } = flags;
  for (const option of ['disk', 'speed', 'network', 'tcp'] as const)
    if (flags[option] !== undefined)
      throw new UsageError(`--${option} is for a simulated guest.`, {
        hint: `Add --simulated, or leave --${option} out${option === 'disk' ? "; --size is the size of a real one's disk" : ''}.`,
      });
  const workload = WORKLOADS.find((name) => name === asked);
  if (!workload)
    throw new UsageError(`--workload: there is no real workload '${asked}'.`, {
      hint: `There are ${WORKLOADS.join(', ')}; others with --simulated.`,
    });
  return labUp(
    { ...rest, workload, accelerator: accel, fileSystem: filesystem },
    { signal, progress: (message) => void world.stderr.write(`${message}\n`) },
  );
}

function simulate(flags: UpFlags, signal: AbortSignal): Promise<LabGuest> {
  const { name, seed, probe, disk, speed = 1, network, tcp } = flags;
  const workload = builtInWorkloads.includes(flags.workload)
    ? flags.workload
    : resolve(flags.workload);
  const size = disk ?? SIMULATED_DEFAULTS.disk;
  const { memory } = SIMULATED_DEFAULTS;
  return simulatedUp(
    {
      ...{ name, workload, size, memory, seed, probe, speed, rate: 1 },
      ...(network === undefined ? {} : { network }),
      ...(tcp === undefined ? {} : { tcp: tcp === true ? 0 : tcp }),
    },
    signal,
  );
}

function statusLine(guest: LabGuest): string {
  return `${guest.name}  ${guest.qmp}  ${guest.workload}, kernel ${guest.kernel}, ${guest.accelerator}, process ${guest.pid}\n`;
}

function description(guest: LabGuest): string {
  const disks = guest.disks.map(
    ({ name, size, fileSystem, image }) => `${name}, ${formatBytes(size)}, ${fileSystem}, ${image}`,
  );
  const name = guest.name === LAB_DEFAULTS.name ? '' : ` ${guest.name}`;
  // An address of TCP is told of with a warning, which is not for a guest that is there to be tried.
  const called = guest.qmp.startsWith('tcp:') ? guest.name : guest.qmp;
  return `The guest ${guest.name} runs and is busy with ${guest.workload}.
  monitor   ${guest.qmp}
  disk      ${disks.join('\n            ')}
  kernel    ${guest.kernel}, by ${guest.accelerator}
${guest.console === undefined ? '' : `  console   ${guest.console}\n`}${guest.destination === undefined ? '' : `  empty     ${guest.destination}\n`}
Try next:
  migrascope map ${called}
  migrascope migrate ${called} ${guest.disks[0]?.name ?? ''} --to file:/tmp/moved.img --pivot
  migrascope lab down${name}
`;
}
