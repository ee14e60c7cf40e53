/** Migrations of small simulated guests, chosen by chance. */
import type { Random } from '../../../src/simulator/index.js';
import { MiB, type Asked } from './support.js';

const WORKLOADS = [
  'idle',
  'random-rewrite',
  'zipf-rewrite',
  'sequential-log',
  'database',
  'small-files',
];

export function pick<T>(random: Random, list: readonly T[]): T {
  return list[random.below(list.length)]!;
}

/** Any migration that there can be, of a small disk. */
export function anyMigration(random: Random): Asked {
  return {
    workload: pick(random, WORKLOADS),
    diskMiB: pick(random, [32, 48, 64]),
    seed: random.below(1e6),
    policy: pick(random, ['plain', 'history', 'cache']),
    granularity: pick(random, [4096, 65_536, 256 * 1024]),
    verify: pick(random, ['sent', 'full', 'none']),
    pivot: random.next() < 0.5,
    probe: random.next() < 0.7,
    maxRounds: pick(random, [2, 8]),
    warmUpMs: random.below(40_000),
    bytesPerSecond: pick(random, [4, 20, 200]) * MiB,
    ...(random.next() < 0.5 ? { maxBandwidth: pick(random, [2, 8]) * MiB } : {}),
  };
}
