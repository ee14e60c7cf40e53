/** Block sets of a 10 TiB disk (160 million blocks of 64 KiB): time of each operation, memory of each set. */
import { setTimeout as delay } from 'node:timers/promises';
import { BlockSet, BlockSetBuilder, encodeRuns } from '../src/engine/blockset/index.js';

const BLOCKS = 160_000_000;
const REPEATS = 7;

/** One line of the result. */
export interface Row {
  readonly shape: string;
  /** Of each of the two operands. */
  readonly blocks: number;
  /** Of one operand, in MB; both are made alike. */
  readonly setMB: number;
  /** Medians, in milliseconds. */
  readonly unionMs: number;
  readonly differenceMs: number;
  readonly intersectionMs: number;
  readonly takeMs: number;
  readonly runsMs: number;
  readonly runLengthNumbers: number;
}

/** Prints the table and gives its rows. */
export async function run(): Promise<Row[]> {
  const shapes: [string, (seed: number) => BlockSet][] = [
    ['random half', (seed) => randomHalf(seed)],
    ['random 1 in 100', (seed) => scattered(seed, BLOCKS / 100)],
    ['random 1 in 10,000', (seed) => scattered(seed, BLOCKS / 10_000)],
    ['clustered', (seed) => clustered(seed)],
    ['full', () => BlockSet.range(0, BLOCKS)],
  ];
  const rows: Row[] = [];
  for (const [shape, make] of shapes) rows.push(await measure(shape, make));
  console.table(rows);
  return rows;
}

async function measure(shape: string, make: (seed: number) => BlockSet): Promise<Row> {
  const before = await memory();
  const a = make(1);
  const setMB = ((await memory()) - before) / 1e6;
  const b = make(2);
  let total = 0;
  const row: Row = {
    shape,
    blocks: a.count,
    setMB: round(setMB),
    unionMs: median(() => a.union(b)),
    differenceMs: median(() => a.difference(b)),
    intersectionMs: median(() => a.intersection(b)),
    takeMs: median(() => a.take(32_768, BLOCKS / 2)),
    runsMs: median(() => a.runs((_, count) => (total += count))),
    runLengthNumbers: a.count < BLOCKS / 10 || a.count === BLOCKS ? encodeRuns(a).length : NaN,
  };
  if (total !== a.count * REPEATS) throw new Error(`The runs of ${shape} do not add up.`);
  return row;
}

function median(work: () => unknown): number {
  const times: number[] = [];
  for (let i = 0; i < REPEATS; i++) {
    const start = performance.now();
    work();
    times.push(performance.now() - start);
  }
  return round(times.sort((x, y) => x - y)[REPEATS >> 1]!);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Bytes in use; run Node with --expose-gc for a figure without garbage. */
async function memory(): Promise<number> {
  const { gc } = globalThis as { gc?: () => void };
  for (let i = 0; gc && i < 3; i++) {
    gc();
    await delay(20);
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function randomHalf(seed: number): BlockSet {
  const next = random(seed);
  const builder = new BlockSetBuilder();
  for (let word = 0; word < BLOCKS; word += 32) {
    let bits = Math.floor(next() * 2 ** 32);
    for (let block = word; bits !== 0; block++, bits >>>= 1) if (bits & 1) builder.add(block, 1);
  }
  return builder.build();
}

function scattered(seed: number, count: number): BlockSet {
  const next = random(seed);
  const builder = new BlockSetBuilder();
  for (let i = 0; i < count; i++) builder.add(Math.floor(next() * BLOCKS), 1);
  return builder.build();
}

function clustered(seed: number): BlockSet {
  const next = random(seed);
  const builder = new BlockSetBuilder();
  for (let block = 0; block < BLOCKS; block += Math.ceil(next() * 2000)) {
    const count = Math.min(Math.ceil(next() * 2000), BLOCKS - block);
    builder.add(block, count);
    block += count;
  }
  return builder.build();
}

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
