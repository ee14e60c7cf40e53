/** `migrascope lab fault`: makes something go wrong with a simulated guest that runs. */
import { Command, Option } from 'commander';
import { FAULT_NAMES, FAULTS, faultCalled, LAB_DEFAULTS, labFault } from '../lab/index.js';
import type { FaultDescription, FaultValues } from '../lab/index.js';
import { formatBytes, parseDuration, parseRate, parseSize } from '../base/units.js';
import type { World } from './world.js';

const EXAMPLES = `
Examples:
  migrascope lab fault slow-disk --delay 20ms
  migrascope lab fault read-error --at 512MiB
  migrascope lab fault network-cut second
      of the guest called second
  migrascope lab fault none

What is told in seconds is real time, however fast the guest goes.
`;

/** How each value of a fault is given. */
const OPTIONS: Readonly<Record<keyof FaultValues, () => Option>> = {
  delayMs: () =>
    new Option('--delay <time>', 'how much longer each request takes, such as 20ms').argParser(
      (text) => parseDuration(text, '--delay'),
    ),
  at: () =>
    new Option('--at <bytes>', 'the place on the disk, such as 512MiB').argParser((text) =>
      parseSize(text, '--at'),
    ),
  length: () =>
    new Option('--length <size>', `bytes from there on (default: ${formatBytes(4096)})`).argParser(
      (text) => parseSize(text, '--length'),
    ),
  bytesPerSecond: () =>
    new Option('--rate <rate>', 'in a second, such as 10MiB').argParser((text) =>
      parseRate(text, '--rate'),
    ),
  command: () => new Option('--command <name>', 'the command, such as block-export-add'),
};

/** The flags as commander has them, by the names of the options. */
interface FaultFlags {
  readonly delay?: number;
  readonly at?: number;
  readonly length?: number;
  readonly rate?: number;
  readonly command?: string;
}

/** @param world where the command writes. */
export function labFaultCommand(world: World): Command {
  const command = new Command('fault')
    .commandsGroup('Faults:')
    .description('make something go wrong with a simulated guest that runs, or put it right again')
    .argument('<fault>')
    .usage('<fault> [options] [name]')
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText('after', EXAMPLES)
    // Only what is the name of no fault comes here.
    .action((name: string) => void faultCalled(name));
  for (const name of FAULT_NAMES) command.addCommand(faultCommand(world, name));
  return command.helpCommand(false);
}

function faultCommand(world: World, fault: (typeof FAULT_NAMES)[number]): Command {
  const { about, needs = [], may = [] }: FaultDescription = FAULTS[fault];
  const command = new Command(fault)
    .description(about)
    .argument('[name]', 'of the guest', LAB_DEFAULTS.name);
  for (const value of needs) command.addOption(OPTIONS[value]().makeOptionMandatory());
  for (const value of may) command.addOption(OPTIONS[value]());
  return command.action(async (name: string, flags: FaultFlags) => {
    const said = await labFault(name, fault, valuesOf(flags));
    world.stdout.write(`${name}: ${said}\n`);
    if (fault !== 'none') world.stdout.write(`${putRight(name)}\n`);
  });
}

function putRight(name: string): string {
  const named = name === LAB_DEFAULTS.name ? '' : ` ${name}`;
  return `It is put right by: migrascope lab fault none${named}`;
}

function valuesOf({ delay, at, length, rate, command }: FaultFlags): FaultValues {
  return {
    ...(delay === undefined ? {} : { delayMs: delay }),
    ...(at === undefined ? {} : { at }),
    ...(length === undefined ? {} : { length }),
    ...(rate === undefined ? {} : { bytesPerSecond: rate }),
    ...(command === undefined ? {} : { command }),
  };
}
