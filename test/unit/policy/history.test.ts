/** The write history against a plain list of touches, and its bounds. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BlockSet } from '../../../src/engine/blockset/index.js';
import { WriteHistory } from '../../../src/engine/policy/index.js';

describe('the write history', { timeout: 60_000 }, () => {
  it('knows what was touched within a time, in either way', () => {
    const history = new WriteHistory();
    history.record(BlockSet.of(1), 0);
    history.record(BlockSet.of(2), 10_000, 'cached');
    history.record(BlockSet.of(3), 20_000);
    expect(history.touchedWithin(20_000, 20_000).toArray()).toEqual([1, 2, 3]);
    expect(history.touchedWithin(10_000, 20_000).toArray()).toEqual([2, 3]);
    expect(history.touchedWithin(5_000, 20_000).toArray()).toEqual([3]);
    expect(history.touchedWithin(5_000, 40_000).isEmpty).toBe(true);
    expect(history.writtenWithin(20_000, 20_000).toArray()).toEqual([1, 3]);
  });

  it('counts how often a block reached the disk, not how often it was seen in the cache', () => {
    const history = new WriteHistory();
    for (const at of [0, 10_000, 20_000]) {
      history.record(BlockSet.of(1), at);
      history.record(BlockSet.of(7), at + 1, 'cached');
    }
    history.record(BlockSet.of(2), 20_000);
    expect(history.touchCountAtLeast(1, 60_000, 20_000).toArray()).toEqual([1, 2]);
    expect(history.touchCountAtLeast(3, 60_000, 20_000).toArray()).toEqual([1]);
    expect(history.touchCountAtLeast(3, 15_000, 20_000).isEmpty).toBe(true);
    expect(history.touchCountAtLeast(4, 60_000, 20_000).isEmpty).toBe(true);
  });

  it('takes touches within 2 s for one', () => {
    const history = new WriteHistory();
    for (const at of [0, 500, 1000, 1500]) history.record(BlockSet.of(1), at);
    expect(history.touchCountAtLeast(2, 60_000, 1500).isEmpty).toBe(true);
  });

  it('never misses a touch, and adds none that is more than an eighth older', () => {
    const touches = fc.array(
      fc.tuple(
        fc.integer({ min: 0, max: 20_000 }),
        fc.integer({ min: 0, max: 50 }),
        fc.constantFrom('written' as const, 'cached' as const),
      ),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(touches, fc.integer({ min: 1, max: 900_000 }), (list, ms) => {
        const history = new WriteHistory();
        const seen: [at: number, block: number][] = [];
        let now = 0;
        for (const [pause, block, kind] of list) {
          now += pause;
          history.record(BlockSet.of(block), now, kind);
          seen.push([now, block]);
        }
        const touched = history.touchedWithin(ms, now);
        const oldest = now - ms * (8 / 7) - 2000;
        for (const [at, block] of seen) {
          if (at >= now - ms) expect(touched.has(block)).toBe(true);
        }
        for (const block of touched.toArray()) {
          expect(seen.some(([at, other]) => other === block && at >= oldest)).toBe(true);
        }
      }),
    );
  });

  it('keeps a few dozen spans however long it goes on, and forgets past its horizon', () => {
    const history = new WriteHistory(600_000);
    for (let at = 0; at < 4 * 3_600_000; at += 1500) history.record(BlockSet.of(at), at);
    const now = 4 * 3_600_000;
    expect(history.spans).toBeLessThan(70);
    expect(history.touchedWithin(Infinity, now).first).toBeGreaterThan(now - 800_000);
  });

  it('takes a time that goes back for the newest one', () => {
    const history = new WriteHistory();
    history.record(BlockSet.of(1), 10_000);
    history.record(BlockSet.of(2), 9_000);
    expect(history.touchedWithin(0, 10_000).toArray()).toEqual([1, 2]);
  });

  it('needs no memory for nothing', () => {
    const history = new WriteHistory();
    for (let at = 0; at < 100; at++) history.record(BlockSet.empty, at);
    expect(history.spans).toBe(0);
  });
});
