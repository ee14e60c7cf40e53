/** `migrascope plugin`: lists plugins, and checks one against the protocol. */
import { Command } from 'commander';
import { systemClock } from '../base/clock.js';
import { silentLogger } from '../base/logger.js';
import { checkPlugin, type Finding } from '../experiment/index.js';
import {
  findPlugins,
  processStarter,
  type FoundPlugin,
  type PluginDescription,
} from '../plugin/index.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { collect, placesOf, PLUGIN_HELP } from './plugin-options.js';
import type { World } from './world.js';

const EXAMPLES = `
Examples:
  migrascope plugin check -- python3 policy.py
      each requirement of protocol/SPEC.md by its number; what failed is shown with the exchange
  migrascope plugin check --json -- ./my-policy | jq 'select(.result == "fail")'
  migrascope plugin list --plugin ./my-policy
`;

/** What of a line is shown, in characters. */
const SHOWN = 200;
/** Lines of an exchange that are shown; the newest. */
const SHOWN_LINES = 8;

interface CheckFlags {
  readonly json?: true;
}

interface ListFlags extends CheckFlags {
  readonly plugin: readonly string[];
}

/** @param finish takes the exit code. */
export function pluginCommand(
  world: World,
  version: string,
  finish: (code: ExitCode) => void,
): Command {
  const command = new Command('plugin')
    .description('plugins: programs in any language that plan, watch, or stand for a host')
    .addHelpText('after', EXAMPLES);
  command
    .command('check')
    .description('try a plugin by each requirement of the protocol')
    .argument('<command...>', 'the program and its arguments, after --')
    .option('--json', 'print one finding a line, with the whole exchange')
    .action(async (program: readonly string[], flags: CheckFlags) =>
      finish(await runCheck(world, version, program, flags)),
    );
  command
    .command('list')
    .description('the plugins that are found from here; starts none')
    .option('--plugin <folder>', PLUGIN_HELP, collect, [])
    .option('--json', 'print one object a line')
    .action((flags: ListFlags) => runList(world, flags));
  return command;
}

async function runCheck(
  world: World,
  version: string,
  command: readonly string[],
  { json }: CheckFlags,
): Promise<ExitCode> {
  const description: PluginDescription = {
    name: 'checked',
    roles: [],
    command,
    environment: [],
    watch: [],
    folder: process.cwd(),
  };
  const start = processStarter(world.env);
  const parts = { start, clock: systemClock, logger: silentLogger, version };
  const findings = await checkPlugin(description, parts);
  for (const finding of findings)
    world.stdout.write(json ? `${JSON.stringify(finding)}\n` : describe(finding));
  const failed = findings.filter(({ result }) => result === 'fail').length;
  if (!json) world.stdout.write(failed === 0 ? 'It conforms.\n' : `${failed} failed.\n`);
  return failed === 0 ? EXIT.completed : EXIT.failed;
}

function describe({ requirement, text, result, reason, exchange }: Finding): string {
  const lines = [`${requirement.padEnd(4)} ${result.padEnd(9)}  ${text}`];
  if (reason !== undefined) lines.push(`                ${reason}`);
  for (const { from, line } of exchange.slice(-SHOWN_LINES)) {
    const shown = line.length > SHOWN ? `${line.slice(0, SHOWN)}…` : line;
    lines.push(`                ${from === 'host' ? '→' : '←'} ${shown}`);
  }
  return `${lines.join('\n')}\n`;
}

async function runList(world: World, { plugin, json }: ListFlags): Promise<void> {
  const found = await findPlugins(placesOf(plugin, world.env));
  for (const each of found)
    world.stdout.write(json ? `${JSON.stringify(plain(each))}\n` : describeFound(each));
  if (found.length === 0 && !json)
    world.stdout.write('There are no plugins in .migrascope/plugins or migrascope/plugins.\n');
}

function plain(found: FoundPlugin): object {
  if ('plugin' in found) return found.plugin;
  return { folder: found.folder, error: found.error.message };
}

function describeFound(found: FoundPlugin): string {
  if ('error' in found) return `${found.folder}\n    ${found.error.message}\n`;
  const { name, roles, description, folder, command } = found.plugin;
  const what = description === undefined ? '' : `\n    ${description}`;
  return `${name}  ${roles.join(', ')}${what}\n    ${folder}: ${command.join(' ')}\n`;
}
