/** The account of a run against a straightforward count. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Ledger } from '../../../src/engine/ledger.js';

const geometry = { granularity: 4096, size: 40 * 4096 + 100 };

/** Batches of requests; within a batch no block twice. */
const batches = fc.array(fc.uniqueArray(fc.integer({ min: 0, max: 40 }), { maxLength: 12 }), {
  maxLength: 12,
});

const bytesOf = (block: number) => (block === 40 ? 100 : 4096);

describe('the account', () => {
  it('is what counting each block one by one comes to', () => {
    fc.assert(
      fc.property(batches, (all) => {
        const ledger = new Ledger(geometry);
        const times = new Map<number, number>();
        for (const batch of all) {
          for (const block of batch) {
            ledger.note({
              start: block,
              count: 1,
              zeroBytes: block % 3 === 0 ? bytesOf(block) : 0,
            });
          }
          const before = batch.filter((block) => times.has(block));
          const settled = ledger.settle();
          if (batch.length === 0) expect(settled).toBeUndefined();
          else {
            expect(settled?.blocks.toArray()).toEqual([...batch].sort((a, b) => a - b));
            expect(settled?.resentBytes).toBe(
              before.reduce((sum, block) => sum + bytesOf(block), 0),
            );
          }
          for (const block of batch) times.set(block, (times.get(block) ?? 0) + 1);
        }
        const sum = (of: (block: number, count: number) => number) =>
          [...times].reduce((total, [block, count]) => total + of(block, count), 0);
        const sent = sum((block, count) => bytesOf(block) * count);
        const distinct = sum((block) => bytesOf(block));
        expect(ledger.sentBytes).toBe(sent);
        expect(ledger.distinctBytes).toBe(distinct);
        expect(ledger.resentBytes).toBe(sent - distinct);
        expect(ledger.zeroBytes).toBe(
          sum((block, count) => (block % 3 === 0 ? bytesOf(block) * count : 0)),
        );
        expect(ledger.sendAmplification).toBe(distinct === 0 ? 1 : sent / distinct);
      }),
    );
  });

  it('counts nothing before it is settled', () => {
    const ledger = new Ledger(geometry);
    ledger.note({ start: 0, count: 4, zeroBytes: 0 });
    expect(ledger.sentBytes).toBe(0);
    ledger.settle();
    expect(ledger.sentBytes).toBe(4 * 4096);
    expect(ledger.settle()).toBeUndefined();
  });
});
