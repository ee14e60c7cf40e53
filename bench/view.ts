/**
 * The model behind the disk map: what a view of a recording costs, for disks of 1, 4, 16 and 167
 * million blocks. Each is measured in a process of its own, so that its memory is its own.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/base/clock.js';
import { silentLogger } from '../src/base/logger.js';
import { BlockSet, encodeRuns } from '../src/engine/index.js';
import type { ViewNote } from '../src/service/types.js';
import { CellDiffer, cellsOf } from '../src/service/view/cells.js';
import { FileNames } from '../src/service/view/file-map.js';
import { Moment } from '../src/service/view/moment.js';
import { openTrace } from '../src/service/view/trace-source.js';

const GRANULARITY = 65_536;
const MILLION = 1024 * 1024;
const SIZES = [MILLION, 4 * MILLION, 16 * MILLION, 167_772_160];
const ROUNDS = 6;
const BATCHES = 20;
const SEEKS = 40;

export async function benchView(options: readonly string[]): Promise<void> {
  const [blocks] = options.map((option) => Number(option.replace(/^--blocks=/, '')));
  if (blocks !== undefined) return measure(blocks);
  for (const size of SIZES) {
    const script = process.argv[1]!;
    const child = fork(script, ['view', `--blocks=${size}`], { execArgv: [...process.execArgv] });
    await once(child, 'exit');
  }
}

async function measure(blocks: number): Promise<void> {
  console.log(`-- ${blocks.toLocaleString('en')} blocks`);
  steps(blocks);
  const path = join(tmpdir(), `bench-view-${process.pid}.mscope`);
  const bytes = await writeRecording(path, blocks);
  try {
    await measureView(path, bytes);
  } finally {
    await rm(path, { force: true });
  }
}

/** Single steps, in memory: a million scattered blocks, the legend and the difference they make. */
function steps(blocks: number): void {
  const moment = new Moment(new FileNames(), false);
  moment.apply({ seq: 0, t: 0, ...startOf(blocks) });
  moment.apply({ seq: 1, t: 1, type: 'allocated', blocks: [0, blocks], bytes: 0 });
  const before = moment.pages();
  const count = Math.min(MILLION, blocks >> 1);
  const every = Math.floor(blocks / count);
  const scattered = Array.from({ length: 2 * count }, (_, at) => (at % 2 === 0 ? every - 1 : 1));
  const event = { type: 'dirty', sinceMs: 1, blocks: scattered, bytes: 0, flip: 1 } as const;
  const applied = timed(() => moment.apply({ seq: 2, t: 2, ...event, blocks: scattered }));
  const again = timed(() => moment.apply({ seq: 3, t: 3, ...event, blocks: scattered }));
  const after = moment.pages();
  const counted = timed(() => moment.blocks!.legend);
  const differ = new CellDiffer(cellsOf(blocks));
  const compared = timed(() => differ.diff(before, after));
  console.log(
    `${count.toLocaleString('en')} scattered blocks: applied in ${ms(applied)}, again in ${ms(again)}; legend ${ms(counted)}; difference ${ms(compared)}`,
  );
}

async function measureView(path: string, bytes: number): Promise<void> {
  let posted = 0;
  let longest = 0;
  let alive = true;
  const perRound: number[] = [];
  const note = (said: ViewNote) => {
    if (said.type === 'timeline') alive = said.alive;
    if (said.type !== 'cells') return;
    posted += said.runs.byteLength;
    for (const { words } of said.dense) posted += words.byteLength;
  };
  let last = performance.now();
  const ticking = setInterval(() => {
    longest = Math.max(longest, performance.now() - last - 5);
    last = performance.now();
  }, 5);
  const began = performance.now();
  const source = await openTrace(path, { clock: systemClock, logger: silentLogger, note });
  const first = performance.now() - began;
  const ended = () => !alive;
  while (!ended()) await systemClock.sleep(5);
  const whole = performance.now() - began;
  clearInterval(ticking);
  const { view } = source;
  const { signal } = new AbortController();
  await view.seek({ to: 'seq', seq: 0 }, signal);
  for (const { seq, kind } of view.recording.marks) {
    if (kind !== 'round') continue;
    posted = 0;
    await view.seek({ to: 'seq', seq }, signal);
    perRound.push(posted);
  }
  const seeks: number[] = [];
  for (let turn = 0, seq = 11; turn < SEEKS; turn++) {
    seq = (seq * 7919 + 13) % view.recording.index.count;
    const from = performance.now();
    await view.seek({ to: 'seq', seq }, signal);
    seeks.push(performance.now() - from);
  }
  seeks.sort((a, b) => a - b);
  console.log(
    `recording of ${mib(bytes)}: first note after ${ms(first)}, open after ${ms(whole)}, longest stretch ${ms(longest)}`,
  );
  console.log(
    `seek: median ${ms(seeks[SEEKS >> 1]!)}, longest ${ms(seeks.at(-1)!)}; posted from round to round: ${perRound.map(mib).join(', ')}`,
  );
  console.log(
    `resident memory: ${mib(process.memoryUsage().rss)}; moments kept: ${view.recording.keyframes.count}`,
  );
  await source.close();
}

/** The event with which a run begins. */
export function startOf(blocks: number) {
  return {
    type: 'start' as const,
    protocol: '1.1',
    ...{ run: 'bench', startedAt: '', host: 'bench', destination: 'file:/new', policy: 'cache' },
    disk: { name: 'disk0', size: blocks * GRANULARITY, image: '/image', format: 'raw' },
    granularity: GRANULARITY,
    limits: { maxBandwidth: null, downtimeLimitMs: 300, maxRounds: 30 },
    verify: 'sent' as const,
    pivot: false,
  };
}

/** Rounds that send everything or what was dirtied, while scattered blocks are dirtied. */
async function writeRecording(path: string, blocks: number): Promise<number> {
  const file = await open(path, 'wx');
  let [seq, bytes] = [0, 0];
  const emit = async (body: object) => {
    const line = `${JSON.stringify({ seq, t: seq * 100, ...body })}\n`;
    seq++;
    bytes += line.length;
    await file.write(line);
  };
  await emit(startOf(blocks));
  await emit({ type: 'allocated', blocks: [0, blocks], bytes: blocks * GRANULARITY });
  let pending = BlockSet.range(0, blocks);
  for (let round = 0; round < ROUNDS; round++) {
    await emit({ type: 'statement', line: 4, round, batch: 0 });
    const share = Math.ceil(pending.count / BATCHES);
    let dirtied = BlockSet.empty;
    for (let batch = 0; batch < BATCHES; batch++) {
      const send = pending.take(share);
      pending = pending.difference(send);
      const dirty = scatteredSet(blocks, 2000, round * BATCHES + batch);
      dirtied = dirtied.union(dirty);
      const figures = { round, batch, bytes: 0, resentBytes: 0, zeroBytes: 0 };
      await emit({ type: 'plan', ...figures, send: encodeRuns(send), sendBytes: 0, deferred: [] });
      await emit({ type: 'sent', ...figures, blocks: encodeRuns(send) });
      await emit({ type: 'dirty', sinceMs: 100, blocks: encodeRuns(dirty), bytes: 0, flip: seq });
    }
    pending = pending.union(dirtied);
  }
  await file.close();
  return bytes;
}

/** Short runs all over the disk, other ones for each seed. */
function scatteredSet(blocks: number, runs: number, seed: number): BlockSet {
  const every = Math.floor(blocks / runs);
  const numbers: BlockSet[] = [];
  for (let at = 0; at < runs; at++)
    numbers.push(BlockSet.range(at * every + ((seed * 37 + at * 11) % (every - 4)), 3));
  return BlockSet.unionOf(numbers);
}

function timed(work: () => unknown): number {
  const began = performance.now();
  work();
  return performance.now() - began;
}

export function ms(milliseconds: number): string {
  return `${milliseconds.toFixed(1)} ms`;
}

export function mib(bytes: number): string {
  return `${(bytes / MILLION).toFixed(2)} MiB`;
}
