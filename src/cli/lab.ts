/** `migrascope lab`: real QEMU guests to try a migration on. */
import { Command, Option } from 'commander';
import {
  FILE_SYSTEMS,
  KERNEL_VERSIONS,
  LAB_DEFAULTS,
  labDown,
  labStatus,
  labUp,
  WORKLOADS,
  type FileSystem,
  type KernelVersion,
  type LabGuest,
  type LabOptions,
  type WorkloadName,
} from '../lab/index.js';
import { formatBytes, parseCount, parseSize } from './units.js';
import type { World } from './world.js';

interface UpFlags {
  readonly name: string;
  readonly workload: WorkloadName;
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
  migrascope lab down
`;

/** @param world where the command writes and what cancels it. */
export function labCommand(world: World): Command {
  const command = new Command('lab')
    .description('boot real QEMU guests, busy and with the probe in them, to try a migration on')
    .addHelpText('after', EXAMPLES);
  command.addCommand(upCommand(world));
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
    .addOption(
      new Option('--workload <name>', 'what it writes')
        .choices(WORKLOADS)
        .default(LAB_DEFAULTS.workload),
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
    const { accel, filesystem, json, ...rest } = flags;
    const guest = await labUp(
      { ...rest, accelerator: accel, fileSystem: filesystem },
      { signal: cancel.signal, progress: (message) => void world.stderr.write(`${message}\n`) },
    );
    world.stdout.write(json ? `${JSON.stringify(guest)}\n` : description(guest));
  } finally {
    unhear();
  }
}

function statusLine(guest: LabGuest): string {
  return `${guest.name}  ${guest.qmp}  ${guest.workload}, kernel ${guest.kernel}, ${guest.accelerator}, process ${guest.pid}\n`;
}

function description(guest: LabGuest): string {
  const disks = guest.disks.map(
    ({ name, size, fileSystem, image }) => `${name}, ${formatBytes(size)}, ${fileSystem}, ${image}`,
  );
  const name = guest.name === LAB_DEFAULTS.name ? '' : ` ${guest.name}`;
  return `The guest ${guest.name} runs and is busy with ${guest.workload}.
  monitor   ${guest.qmp}
  disk      ${disks.join('\n            ')}
  kernel    ${guest.kernel}, by ${guest.accelerator}
  console   ${guest.console}

Try next:
  migrascope map ${guest.qmp}
  migrascope migrate ${guest.qmp} ${guest.disks[0]?.name ?? ''} --to file:/tmp/moved.img --pivot
  migrascope lab down${name}
`;
}
