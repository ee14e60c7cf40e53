/** The command line as a whole: subcommands, help, version, and how anything thrown becomes an exit code. */
import { Command, CommanderError } from 'commander';
import { attachCommand } from './attach.js';
import { EXIT, exitCodeHelp, exitCodeOfError, type ExitCode } from './exit-codes.js';
import { mapCommand } from './map.js';
import { migrateCommand } from './migrate.js';
import { recoverCommand } from './recover.js';
import { reportError } from './report.js';
import { resumeCommand } from './resume.js';
import { forgetCommand } from './forget.js';
import { runsCommand } from './runs.js';
import type { World } from './world.js';

const EXAMPLES = `
Examples:
  migrascope demo
      a simulated guest is moved, and what its page cache saves; needs nothing installed
  migrascope lab up --workload zipf-rewrite
      a busy guest to try it on; prints the address of its monitor
  migrascope map unix:/run/vm.qmp
      what the guest's page cache and its disks hold now
  migrascope migrate unix:/run/vm.qmp disk0 --to file:/srv/new.img --pivot
      move a disk while the guest runs
`;

/** What the command line consists of, beside what is here. */
export interface ProgramParts {
  readonly world: World;
  readonly version: string;
  /** Makes further subcommands, such as `lab`, which are given what takes the exit code. */
  readonly commands: readonly ((finish: (code: ExitCode) => void) => Command)[];
}

/**
 * Runs the command line.
 * @param args the arguments after the program's name.
 * @returns the exit code. Never throws.
 */
export async function runCommandLine(
  args: readonly string[],
  parts: ProgramParts,
): Promise<ExitCode> {
  const { world } = parts;
  let code: ExitCode = EXIT.completed;
  const program = buildProgram(parts, (finished) => (code = finished));
  try {
    await program.parseAsync([...args], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.completed : EXIT.usage;
    reportError(world, error);
    return exitCodeOfError(error);
  }
}

function buildProgram(parts: ProgramParts, finish: (code: ExitCode) => void): Command {
  const { world, version } = parts;
  const program = new Command('migrascope')
    .description('A debugger for live storage migration.')
    .version(version, '-V, --version')
    .showHelpAfterError('(migrascope --help tells more)')
    .addHelpText('after', `${EXAMPLES}\n${exitCodeHelp()}`);
  const commands = [
    migrateCommand(world, finish),
    attachCommand(world, finish),
    resumeCommand(world, finish),
    mapCommand(world, finish),
    runsCommand(world),
    forgetCommand(world, finish),
    recoverCommand(world, finish),
    ...parts.commands.map((make) => make(finish)),
  ];
  for (const command of commands) program.addCommand(command);
  adopt(program, world);
  return program;
}

/** Has the command and all below it write to the world's streams, and throw where they would exit. */
function adopt(command: Command, world: World): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => void world.stdout.write(text),
    writeErr: (text) => void world.stderr.write(text),
    outputError: (text, write) => write(text.replace(/^error: /, 'migrascope: ')),
    getOutHelpWidth: () => world.stdout.columns ?? 80,
    getErrHelpWidth: () => world.stderr.columns ?? 80,
    getOutHasColors: () => false,
    getErrHasColors: () => false,
  });
  for (const each of command.commands) adopt(each, world);
}
