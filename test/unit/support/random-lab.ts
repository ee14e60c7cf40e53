/** A lab and a migration in it of which everything follows from a seed. */
import type { MigrationOptions, VerifyMode } from '../../../src/engine/options.js';
import { MemoryLab } from './memory-lab.js';
import { Random } from './random.js';

/** What is asked of the migration, where the seed decides. */
export type RandomAsk = Pick<MigrationOptions, 'verify' | 'downtimeLimitMs' | 'maxRounds'> & {
  readonly maxBandwidth?: number;
};

export function randomLab(
  seed: number,
  verify?: VerifyMode,
): { readonly lab: MemoryLab; readonly ask: RandomAsk } {
  const random = new Random(seed);
  const granularity = random.pick(4096, 4096, 8192, 16_384);
  const lab = new MemoryLab({
    seed,
    granularity,
    size: 512 * random.below(800),
    pageBytes: random.pick(512, 1024, 4096),
    allocated: random.pick(0, 0.3, 0.7, 1),
    writesPerSecond: random.pick(0, 5, 20, 60),
    workingSet: random.pick(0.1, 0.5, 1),
    direct: random.pick(0, 0.2, 1),
    expireMs: random.pick(500, 3000, 20_000),
    noteMs: random.pick(0, 1, 20),
    bytesPerSecond: random.pick(64, 256, 1024) * 1024,
    latencyMs: random.pick(0, 2, 10),
    readsAsZeroes: random.chance(0.3),
    destinationStatus: random.chance(0.5),
    destinationBytes: random.chance(0.3) ? 1024 * 1024 : undefined,
    info: {
      canWriteZeroes: random.chance(0.7),
      canFlush: random.chance(0.7),
      maximumPayload: granularity * random.pick(1, 3, 64),
      minimumBlock: random.pick(1, 512),
    },
    probe: random.chance(0.8),
    foundPaused: random.chance(0.1),
  });
  const ask = {
    verify: verify ?? random.pick('sent', 'full', 'none'),
    downtimeLimitMs: random.pick(300, 1000),
    maxRounds: random.pick(3, 10, 30),
    ...(random.chance(0.5) ? { maxBandwidth: random.pick(32, 128) * 1024 } : {}),
  };
  return { lab, ask };
}
