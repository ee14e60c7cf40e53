/** The bandwidth cap, on virtual time. */
import { setMaxListeners } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Throttle } from '../../../src/engine/throttle.js';
import { SimulatedClock } from '../../../src/simulator/clock.js';

const never = new AbortController().signal;
setMaxListeners(0, never);

/** Takes in several lanes at once, and tells when each take was granted. */
async function takeAll(
  clock: SimulatedClock,
  throttle: Throttle,
  sizes: readonly number[],
  lanes: number,
): Promise<{ at: number; bytes: number }[]> {
  const granted: { at: number; bytes: number }[] = [];
  const rest = sizes.values();
  const lane = async () => {
    for (const bytes of rest) {
      await throttle.take(bytes, never);
      granted.push({ at: clock.now(), bytes });
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return granted;
}

describe('the bandwidth cap', () => {
  it('lets no more through than it says, in any time, and not much less', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 300_000 }), { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1000, max: 10_000_000 }),
        fc.integer({ min: 1, max: 16 }),
        async (sizes, rate, lanes) => {
          const clock = new SimulatedClock();
          const granted = await takeAll(clock, new Throttle(clock, rate), sizes, lanes);
          const burst = (rate * 20) / 1000;
          for (let i = 0; i < granted.length; i++) {
            let sum = 0;
            for (let j = i; j < granted.length - 1; j++) {
              sum += granted[j]!.bytes;
              const ms = granted[j + 1]!.at - granted[i]!.at;
              expect(sum).toBeLessThanOrEqual((rate * ms) / 1000 + burst + rate / 1e4 + 1);
            }
          }
          const before = granted.slice(0, -1).reduce((sum, { bytes }) => sum + bytes, 0);
          expect(granted.at(-1)!.at).toBeLessThanOrEqual((before * 1000) / rate + 1);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('without a cap waits for nothing', async () => {
    const clock = new SimulatedClock();
    await takeAll(clock, new Throttle(clock, undefined), [1e12, 1e12], 1);
    expect(clock.now()).toBe(0);
  });

  it.each([1_000_000_000, undefined])(
    'heeds a cap that is raised to %s while others wait',
    async (cap) => {
      const clock = new SimulatedClock();
      const throttle = new Throttle(clock, 1);
      void clock.sleep(1000).then(() => {
        throttle.bytesPerSecond = cap;
      });
      await takeAll(clock, throttle, [100_000, 100_000, 100_000], 3);
      expect(clock.now()).toBeLessThan(1500);
    },
  );

  it('heeds a cap that is lowered', async () => {
    const clock = new SimulatedClock();
    const throttle = new Throttle(clock, undefined);
    await throttle.take(5000, never);
    throttle.bytesPerSecond = 1000;
    await takeAll(clock, throttle, [1000, 1000, 1000], 1);
    expect(clock.now()).toBeCloseTo(2000, 0);
  });

  it('saves up no more than a moment', async () => {
    const clock = new SimulatedClock();
    const throttle = new Throttle(clock, 1000);
    await clock.sleep(3_600_000);
    const start = clock.now();
    await takeAll(clock, throttle, [1000, 1000, 1000], 1);
    expect(clock.now() - start).toBeGreaterThan(1900);
  });

  it('is left by who cancels', async () => {
    const clock = new SimulatedClock();
    const throttle = new Throttle(clock, 1);
    const cancel = new AbortController();
    await throttle.take(1000, cancel.signal);
    const waiting = throttle.take(1000, cancel.signal);
    cancel.abort();
    await expect(waiting).rejects.toMatchObject({ kind: 'cancelled' });
  });
});
