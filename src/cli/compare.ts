/** `migrascope compare`: the same writes of a simulated guest under several policies, in virtual time. */
import { Command } from 'commander';
import {
  compare,
  workloadGuest,
  type ComparisonRequest,
  type ComparisonRow,
} from '../experiment/index.js';
import { processStarter } from '../plugin/index.js';
import { builtInPolicy, collect, PLUGIN_HELP, pluginPolicy } from './plugin-options.js';
import { builtInWorkloads, describedWorkload } from '../simulator/index.js';
import {
  declareGuestOptions,
  declareLimits,
  scenarioOf,
  type ExperimentFlags,
} from './experiment-options.js';
import { formatBytes, formatDuration } from '../base/units.js';
import { createStyle, wantsColours } from './view/style.js';
import { renderTable, type Column } from './view/table.js';
import type { World } from './world.js';

const EXAMPLES = `
Examples:
  migrascope compare --workload database --max-bandwidth 8MiB
  migrascope compare --workload mail-server,build --policy plain,cache --disk 4GiB --json
  migrascope compare --workload mine.json --downtime-limit 100ms

Built-in workloads: ${builtInWorkloads.join(', ')}.
`;

interface CompareFlags extends ExperimentFlags {
  readonly workload: readonly string[];
  readonly policy: string;
  readonly plugin: readonly string[];
  readonly json?: true;
}

export function compareCommand(world: World): Command {
  const command = new Command('compare')
    .description('the same writes of a simulated guest under several policies, in virtual time')
    .option(
      '--workload <names>',
      'built-in workloads or files, with commas between them',
      (text: string) => text.split(',').map((each) => each.trim()),
      ['random-rewrite'],
    )
    .option(
      '--policy <names>',
      'built-in ones or plugins, with commas between them',
      'plain,history,cache',
    )
    .option('--plugin <folder>', PLUGIN_HELP, collect, []);
  return declareLimits(declareGuestOptions(command))
    .option('--json', 'print one object a line')
    .addHelpText('after', EXAMPLES)
    .action((flags: CompareFlags) => runCompare(world, flags));
}

async function runCompare(world: World, flags: CompareFlags): Promise<void> {
  const cancel = new AbortController();
  const unhear = world.onEndSignal(() => cancel.abort());
  const rows: ComparisonRow[] = [];
  const policies = await policiesCalled(flags, world);
  const plugins = { start: processStarter(world.env), version: VERSION };
  try {
    for (const name of flags.workload) {
      const description = await describedWorkload(name);
      const { disk: diskBytes, memory: cacheBytes, seed, rate } = flags;
      const guest = workloadGuest(description, { diskBytes, cacheBytes, seed, rate });
      const { signal } = cancel;
      const workload = description.name;
      const request = { workload, guest, policies, plugins, signal };
      for await (const row of compare({ ...request, scenario: scenarioOf(flags) })) {
        if (flags.json) world.stdout.write(`${JSON.stringify(row)}\n`);
        else if (world.stderr.isTTY) world.stderr.write(`${row.workload}, ${row.policy}: done\n`);
        rows.push(row);
      }
    }
  } finally {
    unhear();
  }
  if (!flags.json) for (const line of comparisonLines(world, rows)) world.stdout.write(`${line}\n`);
}

/** What the protocol is told: a comparison is of no release. */
const VERSION = 'compare';

/** @throws UsageError when there is no policy of one of the names. */
async function policiesCalled(
  { policy, plugin }: CompareFlags,
  { env }: World,
): Promise<ComparisonRequest['policies']> {
  const names = policy.split(',').map((each) => each.trim());
  return Promise.all(
    names.map(async (name) => {
      const builtIn = builtInPolicy(name);
      return builtIn ?? (await pluginPolicy(name, plugin, env)).plugin!;
    }),
  );
}

const COLUMNS: readonly Column[] = [
  { title: 'workload', width: 21, align: 'left' },
  { title: 'policy', width: 10, align: 'left' },
  { title: 'sent', width: 11, align: 'right' },
  { title: 're-sent', width: 11, align: 'right' },
  { title: 'over bound', width: 12, align: 'right' },
  { title: 'rounds', width: 8, align: 'right' },
  { title: 'total', width: 14, align: 'right' },
  { title: 'downtime', width: 10, align: 'right' },
  { title: '', width: 14, align: 'left' },
];

/** A table of what each policy cost; `over bound` is what it sent beyond the clairvoyant schedule. */
export function comparisonLines(world: World, rows: readonly ComparisonRow[]): string[] {
  const style = createStyle(wantsColours(world.stdout, world.env));
  const cells = rows.map((row) => [
    row.workload,
    row.policy,
    formatBytes(row.sentBytes),
    formatBytes(row.resentBytes),
    `${((row.sentBytes / row.boundBytes - 1) * 100).toFixed(1)} %`,
    String(row.rounds),
    formatDuration(row.totalMs),
    formatDuration(row.downtimeMs),
    row.outcome === 'completed' ? '' : '  not converged',
  ]);
  return renderTable(COLUMNS, cells, style);
}
