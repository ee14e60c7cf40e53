/**
 * The simulated lab against the real one: guests of both are left to each workload that both have,
 * looked at meanwhile, and then moved under each policy; the medians of several runs are compared.
 * A run has a seed of its own, and its guests are fresh ones; each real one has a simulated twin.
 */
import { appendFile, readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { UsageError } from '../src/base/errors.js';
import type { PolicyName } from '../src/engine/index.js';
import { WORKLOADS, type WorkloadName } from '../src/lab/index.js';
import { compareRuns, type Comparison, type Run, type Spread } from './model-figures.js';
import {
  measureReal,
  measureSimulated,
  type Case,
  type Measured,
  type RealMeasured,
} from './model-guests.js';

const HELP = `Options of the section model:
  --runs N          of each workload, in each lab (5)
  --workloads A,B   only these
  --kept FILE       real guests that were measured before are taken from FILE, others are added to it
  --lanes N         real guests at the same time (2)
  --late MS         simulated migrations begin so much later, to see what hangs on the moment (0)
  --json            one object a line: a figure of a workload
  --help`;

const POLICIES: readonly PolicyName[] = ['plain', 'history', 'cache'];

interface ModelOptions {
  readonly runs: number;
  readonly workloads: readonly WorkloadName[];
  readonly kept: string | undefined;
  readonly lanes: number;
  readonly lateMs: number;
  readonly json: boolean;
}

export async function benchModel(args: readonly string[]): Promise<void> {
  const options = parseOptions(args);
  if (!options) {
    console.log(HELP);
    return;
  }
  const cases = casesOf(options);
  const real = await measureAllReal(cases, options);
  const comparisons: [WorkloadName, Comparison[]][] = [];
  for (const workload of options.workloads) {
    const ours = real.filter((each) => each.workload === workload);
    const simulated: Measured[] = [];
    for (const each of ours) {
      console.error(`simulated: ${nameOf(each)}`);
      simulated.push(await measureSimulated(each, options.lateMs));
    }
    comparisons.push([workload, compareRuns(runsOf(ours), runsOf(simulated))]);
  }
  if (options.json) printJson(comparisons);
  else printTable(comparisons);
}

function parseOptions(args: readonly string[]): ModelOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runs: { type: 'string', default: '5' },
      workloads: { type: 'string', default: WORKLOADS.join(',') },
      kept: { type: 'string' },
      lanes: { type: 'string', default: '2' },
      late: { type: 'string', default: '0' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  return {
    runs: countOf(values.runs, '--runs'),
    workloads: values.workloads.split(',').map(workloadOf),
    kept: values.kept,
    lanes: countOf(values.lanes, '--lanes'),
    lateMs: countOf(values.late, '--late', 0),
    json: values.json,
  };
}

function countOf(text: string, option: string, least = 1): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= least) return count;
  throw new UsageError(`${option} is a whole number from ${least} on, not ${text}.`);
}

function workloadOf(text: string): WorkloadName {
  const known = WORKLOADS.find((name) => name === text.trim());
  if (known) return known;
  throw new UsageError(`Both labs have ${WORKLOADS.join(', ')}; there is no ${text}.`);
}

/** A whole run of all workloads first, so that what is kept of a run that was cut short is of use. */
function casesOf({ runs, workloads }: ModelOptions): Case[] {
  const seeds = Array.from({ length: runs }, (_, index) => index + 1);
  return seeds.flatMap((seed) =>
    workloads.flatMap((workload) => POLICIES.map((policy) => ({ workload, policy, seed }))),
  );
}

async function measureAllReal(
  cases: readonly Case[],
  { kept, lanes }: ModelOptions,
): Promise<RealMeasured[]> {
  const known = kept === undefined ? [] : await readKept(kept);
  const found = known.filter((each) => cases.some((asked) => nameOf(asked) === nameOf(each)));
  const missing = cases.filter((asked) => !found.some((each) => nameOf(asked) === nameOf(each)));
  const work = async (lane: number): Promise<void> => {
    for (let next = missing.shift(); next; next = missing.shift()) {
      console.error(`real: ${nameOf(next)}; ${missing.length} more`);
      const measured = await measureReal(next, lane);
      if (kept !== undefined) await appendFile(kept, `${JSON.stringify(measured)}\n`);
      found.push(measured);
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, lane) => work(lane)));
  return found;
}

async function readKept(file: string): Promise<RealMeasured[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  });
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as RealMeasured);
}

function nameOf({ workload, policy, seed }: Case): string {
  return `${workload}, ${policy}, seed ${seed}`;
}

/** Puts the guests of a workload together that have the same seed. */
function runsOf(measured: readonly Measured[]): Run[] {
  const seeds = [...new Set(measured.map(({ seed }) => seed))].sort((one, other) => one - other);
  return seeds.map((wanted) => {
    const of = (policy: PolicyName) =>
      measured.find((each) => each.seed === wanted && each.policy === policy)!;
    return { plain: of('plain'), history: of('history'), cache: of('cache') };
  });
}

function printJson(comparisons: readonly [WorkloadName, Comparison[]][]): void {
  for (const [workload, rows] of comparisons)
    for (const row of rows) console.log(JSON.stringify({ workload, ...row }));
}

const MARKS = { agrees: '', small: '~', apart: '!' };

function printTable(comparisons: readonly [WorkloadName, Comparison[]][]): void {
  console.log('| workload | figure | real | simulated | ratio | |');
  console.log('|---|---|---|---|---|---|');
  for (const [workload, rows] of comparisons)
    for (const { name, unit, real, simulated, ratio, verdict } of rows) {
      const shown = Number.isNaN(ratio) ? '-' : ratio.toFixed(2);
      const cells = [workload, `${name}, ${unit}`, spread(real), spread(simulated), shown];
      console.log(`| ${cells.join(' | ')} | ${MARKS[verdict]} |`);
    }
  console.log('\nMedian (lowest to highest). ! is beyond 20 %; ~ is, too, but of next to nothing.');
}

function spread({ median: middle, lowest, highest }: Spread): string {
  const [one, other, third] = [middle, lowest, highest].map((value) => value.toFixed(1));
  return `${one} (${other} to ${third})`;
}
