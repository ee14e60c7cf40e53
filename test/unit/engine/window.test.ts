/** The bytes in flight. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Window } from '../../../src/engine/window.js';

describe('a window of bytes', () => {
  it('lets one request be larger than it', async () => {
    const window = new Window(10);
    await window.take(11);
  });

  it('never has more in flight, and lets everybody through', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 10 }), { maxLength: 50 }),
        async (all) => {
          const window = new Window(10);
          let [inFlight, done] = [0, 0];
          await Promise.all(
            all.map(async (bytes) => {
              await window.take(bytes);
              inFlight += bytes;
              expect(inFlight).toBeLessThanOrEqual(10);
              await Promise.resolve();
              inFlight -= bytes;
              done++;
              window.give(bytes);
            }),
          );
          expect(done).toBe(all.length);
        },
      ),
    );
  });
});
