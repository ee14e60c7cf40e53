/**
 * Sets of block numbers, fit for a disk of 160 million blocks.
 *
 * A set is a value: it never changes, every operation gives a new set, and sets share what they have
 * in common, so to keep an old one or to hand one on costs nothing. An operation costs time in
 * proportion to the populated chunks (65,536 blocks each) in which its operands differ, and memory
 * in proportion to those in which its result differs from them.
 */
import { LimitError, UsageError } from '../../base/errors.js';
import type { ExtentVisitor } from '../../base/extent.js';
import {
  CHUNK_BLOCKS,
  FULL_CHUNK,
  chunkDifference,
  chunkHas,
  chunkIntersection,
  chunkOfRange,
  chunkRuns,
  chunksEqual,
  chunkUnion,
  chunkUnionOf,
  chunkWithGroups,
  placeAt,
  type Chunk,
  type MaybeChunk,
} from './chunk.js';
import { blockCount, lastBlockShortfall, type BlockGeometry } from './geometry.js';

/** Block numbers are below this: 4 PiB at 64 KiB a block. */
export const MAX_BLOCKS = 2 ** 36;

/** Is called for each run of neighbouring blocks, ascending: `count` blocks from `start` on, at least 1. */
export type RunVisitor = (start: number, count: number) => void;

export class BlockSet {
  /** The set without blocks. */
  static readonly empty = new BlockSet([]);

  /** How many blocks are in the set. */
  readonly count: number;

  readonly #chunks: readonly MaybeChunk[];

  private constructor(chunks: readonly MaybeChunk[]) {
    this.#chunks = chunks;
    let count = 0;
    for (const chunk of chunks) count += chunk?.count ?? 0;
    this.count = count;
  }

  /** For BlockSetBuilder: takes over `chunks`, of which chunk `i` holds the blocks from 65,536 × i on. */
  static ofChunks(chunks: readonly MaybeChunk[]): BlockSet {
    return chunks.every((chunk) => chunk === undefined) ? BlockSet.empty : new BlockSet(chunks);
  }

  /** The set of the given blocks, in any order. */
  static of(...blocks: number[]): BlockSet {
    return BlockSet.unionOf(blocks.map((block) => BlockSet.range(block, 1)));
  }

  /**
   * The `count` blocks from `start` on.
   * @throws UsageError, LimitError as `checkRun` does.
   */
  static range(start: number, count: number): BlockSet {
    checkRun(start, count);
    const chunks: MaybeChunk[] = [];
    forChunks(start, count, (index, from, to) => {
      while (chunks.length < index) chunks.push(undefined);
      chunks.push(to - from === CHUNK_BLOCKS ? FULL_CHUNK : chunkOfRange(from, to));
    });
    return BlockSet.ofChunks(chunks);
  }

  /** The blocks that are in any of the sets; cheaper than one union after another. */
  static unionOf(sets: Iterable<BlockSet>): BlockSet {
    const all = [...sets].filter((set) => !set.isEmpty);
    if (all.length <= 1) return all[0] ?? BlockSet.empty;
    const length = Math.max(...all.map((set) => set.#chunks.length));
    const chunks: MaybeChunk[] = [];
    for (let i = 0; i < length; i++) {
      const here: Chunk[] = [];
      for (const set of all) {
        const chunk = set.#chunks[i];
        if (chunk) here.push(chunk);
      }
      chunks.push(chunkUnionOf(here));
    }
    return BlockSet.ofChunks(chunks);
  }

  get isEmpty(): boolean {
    return this.count === 0;
  }

  /** The lowest block; undefined when the set is empty. */
  get first(): number | undefined {
    const index = this.#chunks.findIndex((chunk) => chunk !== undefined);
    const chunk = this.#chunks[index];
    return chunk && index * CHUNK_BLOCKS + placeAt(chunk, 0);
  }

  /** The highest block; undefined when the set is empty. */
  get last(): number | undefined {
    const index = this.#chunks.findLastIndex((chunk) => chunk !== undefined);
    const chunk = this.#chunks[index];
    return chunk && index * CHUNK_BLOCKS + placeAt(chunk, chunk.count - 1);
  }

  has(block: number): boolean {
    const index = Math.floor(block / CHUNK_BLOCKS);
    return Number.isInteger(block) && chunkHas(this.#chunks[index], block - index * CHUNK_BLOCKS);
  }

  equals(other: BlockSet): boolean {
    if (this === other) return true;
    if (this.count !== other.count) return false;
    const length = Math.max(this.#chunks.length, other.#chunks.length);
    for (let i = 0; i < length; i++) {
      if (!chunksEqual(this.#chunks[i], other.#chunks[i])) return false;
    }
    return true;
  }

  /** The blocks that are in this set, in the other, or in both. */
  union(other: BlockSet): BlockSet {
    return this.#combine(other, Math.max(this.#chunks.length, other.#chunks.length), chunkUnion);
  }

  /** The blocks of this set that are not in the other. */
  difference(other: BlockSet): BlockSet {
    return this.#combine(other, this.#chunks.length, chunkDifference);
  }

  /** The blocks that are in both sets. */
  intersection(other: BlockSet): BlockSet {
    const length = Math.min(this.#chunks.length, other.#chunks.length);
    return this.#combine(other, length, chunkIntersection);
  }

  /** Whether the sets have a block in common. */
  intersects(other: BlockSet): boolean {
    const length = Math.min(this.#chunks.length, other.#chunks.length);
    for (let i = 0; i < length; i++) {
      if (chunkIntersection(this.#chunks[i], other.#chunks[i])) return true;
    }
    return false;
  }

  /** The blocks from `start` to `start + count` that are not in the set. */
  complement(start: number, count: number): BlockSet {
    return BlockSet.range(start, count).difference(this);
  }

  /**
   * The set with every group made whole of which it has at least `least` blocks. A group is `size`
   * blocks from a multiple of `size` on.
   * @param size a power of two from 32 to 65,536.
   * @throws UsageError when `size` is none of these, or `least` not an integer of 1 or more.
   */
  withGroups(size: number, least: number): BlockSet {
    checkNumber(least, 'a count of blocks');
    if (least === 0 || ![5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16].includes(Math.log2(size)))
      throw new UsageError(`Groups of ${size} blocks with at least ${least} cannot be made.`);
    return BlockSet.ofChunks(this.#chunks.map((chunk) => chunkWithGroups(chunk, size, least)));
  }

  /**
   * The first `count` blocks of the set at or after block `from`; fewer where there are fewer.
   * @throws UsageError when `count` or `from` is not an integer of 0 or more.
   */
  take(count: number, from = 0): BlockSet {
    checkNumber(from, 'a block number');
    const before = from === 0 ? BlockSet.empty : BlockSet.range(0, Math.min(from, MAX_BLOCKS));
    return this.takeOutside(before, count);
  }

  /**
   * The first `count` blocks of the set that are not in `excluded`; fewer where there are fewer.
   * It looks no further than it must, where a difference would go through all.
   * @throws UsageError when `count` is not an integer of 0 or more.
   */
  takeOutside(excluded: BlockSet, count: number): BlockSet {
    checkNumber(count, 'a count of blocks');
    const taken: MaybeChunk[] = [];
    for (let i = 0, left = count; left > 0 && i < this.#chunks.length; i++) {
      const chunk = chunkDifference(this.#chunks[i], excluded.#chunks[i]);
      const part = chunk && chunk.count > left ? chunkOfRange(0, placeAt(chunk, left)) : FULL_CHUNK;
      const some = chunkIntersection(chunk, part);
      taken.push(some);
      left -= some?.count ?? 0;
    }
    return BlockSet.ofChunks(taken);
  }

  /** Calls `visit` for each maximal run, ascending. */
  runs(visit: RunVisitor): void {
    let start = 0;
    let end = 0;
    for (let i = 0; i < this.#chunks.length; i++) {
      const chunk = this.#chunks[i];
      if (chunk === undefined) continue;
      const base = i * CHUNK_BLOCKS;
      chunkRuns(chunk, (from, to) => {
        if (base + from !== end) {
          if (end > start) visit(start, end - start);
          start = base + from;
        }
        end = base + to;
      });
    }
    if (end > start) visit(start, end - start);
  }

  /** Every block, ascending; for small sets and tests. */
  toArray(): number[] {
    const blocks: number[] = [];
    this.runs((start, count) => {
      for (let block = start; block < start + count; block++) blocks.push(block);
    });
    return blocks;
  }

  /**
   * Calls `visit` for each maximal run as bytes of the disk; a partial last block counts as it is.
   * @throws UsageError when the set has blocks past the disk's end.
   */
  extents(geometry: BlockGeometry, visit: ExtentVisitor): void {
    this.#checkWithin(geometry);
    const { granularity, size } = geometry;
    this.runs((start, count) => {
      const offset = start * granularity;
      visit(offset, Math.min(count * granularity, size - offset));
    });
  }

  /**
   * How many bytes of the disk the blocks are; a partial last block counts as it is.
   * @throws UsageError when the set has blocks past the disk's end.
   */
  bytes(geometry: BlockGeometry): number {
    this.#checkWithin(geometry);
    const whole = this.count * geometry.granularity;
    return this.has(blockCount(geometry) - 1) ? whole - lastBlockShortfall(geometry) : whole;
  }

  /** For BlockSetBuilder: the chunks, shared. */
  chunks(): readonly MaybeChunk[] {
    return this.#chunks;
  }

  #combine(
    other: BlockSet,
    length: number,
    operation: (a: MaybeChunk, b: MaybeChunk) => MaybeChunk,
  ): BlockSet {
    const result: MaybeChunk[] = [];
    let asThis = length === this.#chunks.length;
    for (let i = 0; i < length; i++) {
      const mine = this.#chunks[i];
      const chunk = operation(mine, other.#chunks[i]);
      if (chunk !== mine) asThis = false;
      result.push(chunk);
    }
    return asThis ? this : BlockSet.ofChunks(result);
  }

  #checkWithin(geometry: BlockGeometry): void {
    const last = this.last;
    if (last !== undefined && last >= blockCount(geometry))
      throw new UsageError(
        `Block ${last} is past the end of a disk of ${geometry.size} bytes (${geometry.granularity} a block).`,
      );
  }
}

/**
 * Calls `visit` for each chunk that the run touches, with the places from `from` to `to` (exclusive).
 * For this folder only.
 */
export function forChunks(
  start: number,
  count: number,
  visit: (index: number, from: number, to: number) => void,
): void {
  const end = start + count;
  for (let block = start; block < end;) {
    const index = Math.floor(block / CHUNK_BLOCKS);
    const base = index * CHUNK_BLOCKS;
    visit(index, block - base, Math.min(end - base, CHUNK_BLOCKS));
    block = base + CHUNK_BLOCKS;
  }
}

/**
 * @throws UsageError when `start` or `count` is not an integer of 0 or more.
 * @throws LimitError when the run ends past MAX_BLOCKS.
 */
export function checkRun(start: number, count: number): void {
  checkNumber(start, 'a block number');
  checkNumber(count, 'a count of blocks');
  if (start + count > MAX_BLOCKS)
    throw new LimitError(`A set of blocks cannot hold block ${start + count - 1}.`, {
      hint: `Block numbers are below ${MAX_BLOCKS}; use a larger granularity for so large a disk.`,
    });
}

function checkNumber(value: number, what: string): void {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new UsageError(`${value} cannot be used as ${what}.`, {
      hint: 'Use an integer of 0 or more.',
    });
}
