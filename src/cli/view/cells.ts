/**
 * How many blocks of a set lie in each part of the disk, kept up to date by what changes.
 * A terminal's cells are drawn from such counts, so that a frame costs the same for any disk.
 */
import { divide } from '../../base/division.js';
import type { BlockSet } from '../../engine/index.js';

/** Most parts into which a disk is counted; a terminal shows fewer. */
const MOST_PARTS = 8192;

/** How a disk is cut into parts of equal size. */
export interface Parts {
  /** Blocks of the disk. */
  readonly blocks: number;
  /** Blocks of a part; a power of two. */
  readonly perPart: number;
  /** How many parts there are. */
  readonly count: number;
}

/** Cuts a disk of `blocks` blocks. */
export function partsOf(blocks: number): Parts {
  const { perPart, parts } = divide(blocks, MOST_PARTS, 2);
  return { blocks, perPart, count: parts };
}

/** Counts for one set that grows and shrinks. */
export class PartCounts {
  readonly #counts: Float64Array;

  constructor(readonly parts: Parts) {
    this.#counts = new Float64Array(parts.count);
  }

  /** Takes note that the blocks came into the set; none of them may have been in it. */
  add(blocks: BlockSet): void {
    this.#change(blocks, 1);
  }

  /** Takes note that the blocks left the set; each of them must have been in it. */
  remove(blocks: BlockSet): void {
    this.#change(blocks, -1);
  }

  /** Blocks of the set in the parts from `from` up to, not including, `to`. */
  sum(from: number, to: number): number {
    let sum = 0;
    for (let part = from; part < Math.min(to, this.#counts.length); part++)
      sum += this.#counts[part]!;
    return sum;
  }

  #change(blocks: BlockSet, sign: 1 | -1): void {
    const { perPart } = this.parts;
    blocks.runs((start, count) => {
      const end = start + count;
      for (let block = start; block < end;) {
        const part = Math.floor(block / perPart);
        const next = Math.min(end, (part + 1) * perPart);
        this.#counts[part]! += sign * (next - block);
        block = next;
      }
    });
  }
}

/** A set of blocks together with its counts. */
export class CountedSet {
  #blocks: BlockSet;
  readonly counts: PartCounts;

  constructor(parts: Parts, empty: BlockSet) {
    this.#blocks = empty;
    this.counts = new PartCounts(parts);
  }

  get blocks(): BlockSet {
    return this.#blocks;
  }

  /**
   * Makes `now` what the set has of the blocks `within`, of which `now` is a part.
   * Costs time in proportion to `within`.
   */
  update(within: BlockSet, now: BlockSet): void {
    const before = this.#blocks.intersection(within);
    const gone = before.difference(now);
    const come = now.difference(before);
    this.counts.remove(gone);
    this.counts.add(come);
    this.#blocks = this.#blocks.difference(gone).union(come);
  }
}
