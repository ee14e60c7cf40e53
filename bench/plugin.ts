/**
 * What a policy in Python costs on a large disk: the same plans are asked of examples/python-policy and of
 * the built-in policy `history`, whose logic it has, and compared block for block. A batch is 2 s.
 */
import { resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { systemClock } from '../src/base/clock.js';
import { silentLogger } from '../src/base/logger.js';
import { BlockSet, BlockSetBuilder } from '../src/engine/blockset/index.js';
import {
  createPolicy,
  PluginPlanner,
  WriteHistory,
  type Plan,
  type PlanView,
} from '../src/engine/policy/index.js';
import { PluginHost, processStarter, readManifest } from '../src/plugin/index.js';
import { createRandom } from '../src/simulator/index.js';
import { median } from './support.js';

const GRANULARITY = 65_536;
const BLOCKS = 16 * 1024 ** 2;
const BATCH_MS = 2000;
const BATCHES = 100;
/** Of the blocks that the guest writes in each batch, so many are of a small hot part. */
const HOT_BLOCKS = 4000;
/** What is not written to the hot part goes to a working set of so many blocks, or anywhere on the disk. */
const WORKING_SET = 2 ** 20;
/** Blocks that a batch sends at 100 MiB/s and at 1 GiB/s. */
const KINDS = [
  { allocated: 'whole', writes: 'working set', budget: 3200 },
  { allocated: 'whole', writes: 'working set', budget: 32_768 },
  { allocated: 'scattered', writes: 'working set', budget: 3200 },
  { allocated: 'whole', writes: 'everywhere', budget: 3200 },
  { allocated: 'scattered', writes: 'everywhere', budget: 32_768 },
] as const;
type Kind = (typeof KINDS)[number];

interface Measured {
  readonly calls: readonly number[];
  readonly builtIn: readonly number[];
  readonly bytesToPlugin: number;
  readonly bytesFromPlugin: number;
  readonly differing: number;
}

/** Runs all and prints a table. */
export async function benchPlugin(): Promise<void> {
  console.log(
    `${BATCHES} batches on ${BLOCKS} blocks; 2,000 blocks written in each. Times in ms; the part is of a batch's 2 s.\n`,
  );
  console.log(
    '| allocated | writes | blocks a batch | first call | median | worst later | mean part | built-in median | bytes to it, a call | bytes from it, a call | plans that differ |',
  );
  console.log('|---|---|---|---|---|---|---|---|---|---|---|');
  for (const kind of KINDS) console.log(row(kind, await measure(kind)));
}

async function measure(kind: Kind): Promise<Measured> {
  const folder = resolve('examples/python-policy');
  const bytes = { host: 0, plugin: 0 };
  const host = new PluginHost(await readManifest(folder), ['policy'], {
    start: processStarter(process.env),
    clock: systemClock,
    logger: silentLogger,
    version: 'bench',
    exchanged: ({ from, line }) => (bytes[from] += line.length + 1),
  });
  const planner = new PluginPlanner(host, createPolicy('plain'));
  const { signal } = new AbortController();
  const history = new WriteHistory();
  const size = BLOCKS * GRANULARITY;
  const warn = (message: string) => {
    throw new Error(message);
  };
  const geometry = { granularity: GRANULARITY, size };
  await planner.begin({ run: 'bench', disk: { name: 'd', size }, geometry, history, warn }, signal);
  try {
    return { ...(await compared(planner, history, kind)), ...told() };
  } finally {
    await planner.close();
  }
  function told() {
    return { bytesToPlugin: bytes.host / BATCHES, bytesFromPlugin: bytes.plugin / BATCHES };
  }
}

async function compared(
  planner: PluginPlanner,
  history: WriteHistory,
  { allocated, writes, budget: budgetBlocks }: Kind,
) {
  const random = createRandom(1, `plugin ${allocated} ${budgetBlocks}`);
  const own = createPolicy('history');
  const { signal } = new AbortController();
  const [calls, builtIn]: [number[], number[]] = [[], []];
  let [differing, sent] = [0, BlockSet.empty];
  let candidates = allocated === 'whole' ? BlockSet.range(0, BLOCKS) : scattered();
  for (let batch = 0; batch < BATCHES; batch++) {
    const now = batch * BATCH_MS;
    const written = writesTo(writes === 'everywhere' ? BLOCKS : WORKING_SET, random);
    history.record(written, now);
    const known = { cache: undefined, history, now, sent, dirtyExpireMs: 30_000 };
    const view: PlanView = { ...known, candidates, round: 0, batch, budgetBlocks };
    const began = performance.now();
    const plan = await planner.plan(view, signal);
    const between = performance.now();
    const expected = own.plan(view);
    builtIn.push(performance.now() - between);
    calls.push(between - began);
    if (!same(plan, expected)) differing++;
    candidates = candidates.difference(plan.send);
    sent = sent.union(plan.send);
  }
  return { calls, builtIn, differing };
}

/** 16 blocks of every 32: half a million runs. */
function scattered(): BlockSet {
  const builder = new BlockSetBuilder();
  for (let block = 0; block < BLOCKS; block += 32) builder.add(block, 16);
  return builder.build();
}

function writesTo(blocks: number, random: ReturnType<typeof createRandom>): BlockSet {
  const builder = new BlockSetBuilder();
  for (let each = 0; each < 1000; each++) {
    builder.add(random.below(blocks), 1);
    builder.add(random.below(HOT_BLOCKS) * 64, 1);
  }
  return builder.build();
}

function same(one: Plan, other: Plan): boolean {
  return (
    one.send.equals(other.send) &&
    one.deferred.length === other.deferred.length &&
    one.deferred.every(
      ({ reason, blocks }, index) =>
        reason === other.deferred[index]!.reason && blocks.equals(other.deferred[index]!.blocks),
    )
  );
}

function row({ allocated, writes, budget }: Kind, measured: Measured): string {
  const { calls, builtIn, bytesToPlugin, bytesFromPlugin, differing } = measured;
  const [first = NaN, ...later] = calls;
  const mean = calls.reduce((sum, each) => sum + each, 0) / calls.length;
  const cells = [
    allocated,
    writes,
    budget,
    first.toFixed(0),
    median(later).toFixed(1),
    Math.max(...later).toFixed(0),
    `${((mean / BATCH_MS) * 100).toFixed(2)} %`,
    median(builtIn).toFixed(1),
    Math.round(bytesToPlugin),
    Math.round(bytesFromPlugin),
    differing,
  ];
  return `| ${cells.join(' | ')} |`;
}
