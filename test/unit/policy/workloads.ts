/** What simulated guests write; deterministic for a seed. */

/** Calls `write` for each block written in the last `ms` milliseconds before `now`. */
export type Workload = (
  now: number,
  ms: number,
  write: (block: number, file: number, sync: boolean) => void,
) => void;

/** Makes a workload on a disk whose first `used` blocks hold data. */
export type WorkloadMaker = (seed: number, used: number) => Workload;

const REGION = 32_768;

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

export const WORKLOADS = {
  idle: () => () => undefined,
  'random-rewrite': (seed) => {
    const next = random(seed);
    return rewriting(300, 8, () => Math.floor(next() * REGION));
  },
  'zipf-rewrite': (seed) => rewriting(800, 8, zipf(REGION, 0.9, random(seed))),
  'sequential-log': (_, used) => {
    let at = 0;
    return paced(300, (write) => {
      write(used + (at++ % 60_000), -1, false);
    });
  },
  database: (seed) => {
    const tables = rewriting(400, 8, zipf(REGION, 0.9, random(seed)));
    let at = 0;
    const log = paced(100, (write) => {
      write(40_000 + (at++ % 2048), -1, true);
    });
    return (now, ms, write) => {
      tables(now, ms, write);
      log(now, ms, write);
    };
  },
  /** The busy blocks lie all over the disk, so that no neighbourhood is quiet. */
  scattered: (seed, used) => {
    const pick = zipf(used, 0.9, random(seed));
    return paced(800, (write) => {
      const block = pick();
      write(block, block >> 12, false);
    });
  },
  /** A guest that is just being installed: it fills its disk until 30 s after tracking began. */
  'fresh-install': (_, used) => {
    let at = used;
    const fill = paced(700, (write) => {
      write(at++, at >> 9, false);
    });
    return (now, ms, write) => {
      if (now < 90_000) fill(now, ms, write);
    };
  },
  /** Everything is hot: the whole disk is rewritten at random, without an end. */
  everything: (seed, used) => {
    const next = random(seed);
    return paced(900, (write) => {
      const block = Math.floor(next() * used);
      write(block, block >> 12, false);
    });
  },
} satisfies Record<string, WorkloadMaker>;

export type WorkloadName = keyof typeof WORKLOADS;
