/** The clairvoyant schedule: that it is one, and that none is better. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/base/errors.js';
import { BlockSet } from '../../../src/engine/index.js';
import {
  clairvoyantBound,
  WriteRecorder,
  type RecordedWrites,
} from '../../../src/experiment/bound.js';

const geometry = { granularity: 1024, size: 10 * 1024 - 512 };
const none = { geometry, allocated: BlockSet.range(0, 10), steps: [], endMs: 60_000 };
/** A block a second. */
const slow = { bytesPerSecond: 1024, downtimeLimitMs: 0 };

/** Sends each block that holds anything once, as soon as it is written last. @returns when it is done. */
function carriedOut({ allocated, steps }: RecordedWrites, pauseMs: number, rate: number): number {
  const last = new Map(allocated.toArray().map((block) => [block, 0]));
  for (const { fromMs, blocks } of steps)
    if (fromMs < pauseMs) for (const block of blocks.toArray()) last.set(block, fromMs);
  let now = 0;
  for (const [block, at] of [...last].sort(([, a], [, b]) => a - b))
    now = Math.max(now, at) + ((block === 9 ? 512 : 1024) * 1000) / rate;
  return now;
}

describe('the clairvoyant schedule', () => {
  it('sends each block once where nothing is written', () => {
    expect(clairvoyantBound(none, slow)).toEqual({ boundBytes: geometry.size, pauseMs: 9500 });
  });

  it('may leave to the pause what fits into it', () => {
    const limits = { ...slow, downtimeLimitMs: 2000 };
    expect(clairvoyantBound(none, limits)).toEqual({ boundBytes: geometry.size, pauseMs: 7500 });
  });

  it('waits for the last write of a block, and counts what was not there before', () => {
    const steps = [
      { fromMs: 1000, blocks: BlockSet.of(3) },
      { fromMs: 2000, blocks: BlockSet.of(3, 7) },
    ];
    const writes = { ...none, allocated: BlockSet.of(1, 3), steps };
    expect(clairvoyantBound(writes, slow)).toEqual({ boundBytes: 2048, pauseMs: 2000 });
    const early = { ...slow, bytesPerSecond: 512 };
    expect(clairvoyantBound(writes, early)).toEqual({ boundBytes: 3072, pauseMs: 6000 });
  });

  it('has no end where more is written than can be sent', () => {
    const steps = Array.from({ length: 60 }, (_, second) => ({
      fromMs: second * 1000,
      blocks: BlockSet.range(0, 9),
    }));
    expect(clairvoyantBound({ ...none, steps }, slow)).toEqual({ boundBytes: geometry.size });
  });

  it('refuses a bandwidth of nothing', () => {
    expect(() => clairvoyantBound(none, { ...slow, bytesPerSecond: 0 })).toThrow(UsageError);
    expect(() => clairvoyantBound(none, { ...slow, bytesPerSecond: 0 })).toThrow(
      /^With 0 bytes a second/,
    );
  });

  it('can be carried out, and a pause that is earlier can not', () => {
    const arbitrary = fc.record({
      allocated: fc.uniqueArray(fc.nat(9)),
      steps: fc.array(
        fc.record({ fromMs: fc.nat(20_000), blocks: fc.uniqueArray(fc.nat(9), { minLength: 1 }) }),
      ),
      rate: fc.integer({ min: 256, max: 8192 }),
      downtimeLimitMs: fc.nat(3000),
    });
    fc.assert(
      fc.property(arbitrary, ({ allocated, steps, rate, downtimeLimitMs }) => {
        const writes: RecordedWrites = {
          geometry,
          allocated: BlockSet.of(...allocated),
          steps: steps
            .map(({ fromMs, blocks }) => ({ fromMs, blocks: BlockSet.of(...blocks) }))
            .sort((a, b) => a.fromMs - b.fromMs),
          endMs: 20_000,
        };
        const fits = (pauseMs: number) =>
          carriedOut(writes, pauseMs, rate) <= pauseMs + downtimeLimitMs + 1e-6;
        const { pauseMs } = clairvoyantBound(writes, { bytesPerSecond: rate, downtimeLimitMs });
        if (pauseMs !== undefined) expect(fits(pauseMs)).toBe(true);
        for (let earlier = 0; earlier < (pauseMs ?? 20_000); earlier += 250)
          expect(fits(earlier)).toBe(false);
      }),
    );
  });
});

describe('a recorder of writes', () => {
  it('gathers them in steps, in whole blocks', () => {
    const recorder = new WriteRecorder(geometry, 100);
    recorder.write(1000, 100, 10);
    recorder.write(4096, 1, 99);
    recorder.write(0, 1, 250);
    const { steps, endMs } = recorder.end(BlockSet.empty, 400);
    expect(steps.map(({ fromMs, blocks }) => [fromMs, blocks.toArray()])).toEqual([
      [0, [0, 1, 4]],
      [200, [0]],
    ]);
    expect(endMs).toBe(400);
  });
});
