/** What simulated guests write; deterministic for a seed. */

/** Calls `write` for each block written in the last `ms` milliseconds before `now`. */
export type Workload = (
  now: number,
  ms: number,
  write: (block: number, file: number, sync: boolean) => void,
) => void;

/** Makes a workload on a disk whose first `used` blocks hold data. */
export type WorkloadMaker = (seed: number, used: number) => Workload;

/** Blocks of the busy part: 512 MiB at 64 KiB a block. */
const REGION = 8192;

/** Numbers from 0 to 1. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Numbers from 0 to `count`, where rank k comes with a probability in proportion to 1 / k^exponent. */
function zipf(count: number, exponent: number, next: () => number): () => number {
  const sums = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank++) sums[rank] = sum += (rank + 1) ** -exponent;
  const places = Array.from({ length: count }, (_, index) => index);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [places[i], places[j]] = [places[j]!, places[i]!];
  }
  return () => {
    const wanted = next() * sum;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sums[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return places[low]!;
  };
}

/** Calls `each` so often a second on the average, evenly. */
function rate(perSecond: number, each: () => void): (ms: number) => void {
  let due = 0;
  return (ms) => {
    for (due += (perSecond * ms) / 1000; due >= 1; due--) each();
  };
}

type Write = Parameters<Workload>[2];

function paced(perSecond: number, each: (write: Write) => void): Workload {
  let current: Write = () => undefined;
  const tick = rate(perSecond, () => each(current));
  return (_, ms, write) => {
    current = write;
    tick(ms);
  };
}

function rewriting(perSecond: number, files: number, pick: () => number): Workload {
  return paced(perSecond, (write) => {
    const block = pick();
    write(block, Math.floor((block * files) / REGION), false);
  });
}

/** A log that begins anew after `blocks` blocks; it lies behind what is used. */
export function circularLog(blocks: number, used: number): Workload {
  let at = 0;
  return paced(75, (write) => {
    write(used + (at++ % blocks), -1, false);
  });
}

export const WORKLOADS = {
  idle: () => () => undefined,
  'random-rewrite': (seed) => {
    const next = random(seed);
    return rewriting(75, 8, () => Math.floor(next() * REGION));
  },
  'zipf-rewrite': (seed) => rewriting(200, 8, zipf(REGION, 0.9, random(seed))),
  'sequential-log': (_, used) => circularLog(15_000, used),
  database: (seed) => {
    const tables = rewriting(100, 8, zipf(REGION, 0.9, random(seed)));
    let at = 0;
    const log = paced(25, (write) => {
      write(10_000 + (at++ % 512), -1, true);
    });
    return (now, ms, write) => {
      tables(now, ms, write);
      log(now, ms, write);
    };
  },
  /** The busy blocks lie all over the disk, so that no neighbourhood is quiet. */
  scattered: (seed, used) => {
    const pick = zipf(used, 0.9, random(seed));
    return paced(200, (write) => {
      const block = pick();
      write(block, block >> 10, false);
    });
  },
  /** A guest that is just being installed: it fills its disk until 30 s after tracking began. */
  'fresh-install': (_, used) => {
    let at = used;
    const fill = paced(175, (write) => {
      write(at++, at >> 7, false);
    });
    return (now, ms, write) => {
      if (now < 90_000) fill(now, ms, write);
    };
  },
  /** Everything is hot: the whole disk is rewritten at random, without an end. */
  everything: (seed, used) => {
    const next = random(seed);
    return paced(225, (write) => {
      const block = Math.floor(next() * used);
      write(block, block >> 10, false);
    });
  },
} satisfies Record<string, WorkloadMaker>;

export type WorkloadName = keyof typeof WORKLOADS;
