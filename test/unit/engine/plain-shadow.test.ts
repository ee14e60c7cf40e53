/** The imagined plain migration, against one that moves block by block. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BlockSet } from '../../../src/engine/blockset/index.js';
import { PlainShadow } from '../../../src/engine/plain-shadow.js';
import { Rate } from '../../../src/engine/rates.js';

const GRANULARITY = 4096;
const BLOCKS = 50;
const geometry = { granularity: GRANULARITY, size: BLOCKS * GRANULARITY };

/** One block after another, in disk order, round after round. */
class Reference {
  bytes = 0;
  done = false;
  #credit = 0;
  #rest: number[];
  #pending: Set<number>;

  constructor(
    allocated: readonly number[],
    private readonly fitting: number,
  ) {
    this.#pending = new Set(allocated);
    this.#rest = [...allocated].sort((a, b) => a - b);
  }

  advance(blocks: number, written: readonly number[]): void {
    if (this.done) return;
    for (this.#credit += blocks; this.#credit >= 1; this.#credit--) {
      if (this.#rest.length === 0) {
        if (this.#pending.size <= this.fitting) {
          this.bytes += this.#pending.size * GRANULARITY;
          this.done = true;
          return;
        }
        this.#rest = [...this.#pending].sort((a, b) => a - b);
      }
      const block = this.#rest.shift()!;
      this.#pending.delete(block);
      this.bytes += GRANULARITY;
    }
    for (const block of written) this.#pending.add(block);
  }

  result() {
    const rest = this.done ? 0 : this.#pending.size * GRANULARITY;
    return { bytes: this.bytes + rest, isLowerBound: !this.done };
  }
}

const blocks = fc.uniqueArray(fc.nat(BLOCKS - 1), { maxLength: 20 });

describe('the imagined plain migration', () => {
  it('sends what moving block by block sends', () => {
    fc.assert(
      fc.property(
        blocks,
        fc.array(fc.record({ credit: fc.integer({ min: 0, max: 160 }), written: blocks }), {
          maxLength: 25,
        }),
        fc.nat(8),
        (allocated, steps, fitting) => {
          const fits = (set: BlockSet) => set.count <= fitting;
          const shadow = new PlainShadow(BlockSet.of(...allocated), geometry, fits);
          const reference = new Reference(allocated, fitting);
          for (const { credit, written } of steps) {
            const quarter = credit / 4;
            shadow.advance(1000, quarter * GRANULARITY, BlockSet.of(...written));
            reference.advance(quarter, written);
            expect(shadow.result()).toEqual(reference.result());
          }
        },
      ),
    );
  });

  it('is a lower bound until its own end', () => {
    const shadow = new PlainShadow(BlockSet.range(0, 10), geometry, (set) => set.isEmpty);
    shadow.advance(1000, 5 * GRANULARITY, BlockSet.empty);
    expect(shadow.result()).toEqual({ bytes: 10 * GRANULARITY, isLowerBound: true });
    shadow.advance(1000, 6 * GRANULARITY, BlockSet.empty);
    expect(shadow.result()).toEqual({ bytes: 10 * GRANULARITY, isLowerBound: false });
  });
});

describe('a rate', () => {
  it('is not known before a sample that took time', () => {
    const rate = new Rate(1000);
    expect(rate.bytesPerSecond).toBeUndefined();
    rate.add(500, 0);
    expect(rate.bytesPerSecond).toBeUndefined();
    rate.add(500, 100);
    expect(rate.bytesPerSecond).toBeCloseTo(5000);
  });

  it('follows what it sees, and forgets what was', () => {
    const rate = new Rate(10_000);
    for (let i = 0; i < 20; i++) rate.add(1000, 1000);
    for (let i = 0; i < 60; i++) rate.add(5000, 1000);
    expect(rate.bytesPerSecond).toBeGreaterThan(4900);
    expect(rate.bytesPerSecond).toBeLessThanOrEqual(5000);
  });
});
