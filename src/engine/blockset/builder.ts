/** Making a block set run by run: the one part of this folder that changes in place. */
import { UsageError } from '../../base/errors.js';
import type { ExtentVisitor } from '../../base/extent.js';
import { BlockSet, checkRun, forChunks } from './block-set.js';
import {
  CHUNK_BLOCKS,
  FULL_CHUNK,
  chunkOfWords,
  clearBits,
  setBits,
  wordsOf,
  type MaybeChunk,
} from './chunk.js';
import type { BlockGeometry } from './geometry.js';

/**
 * Collects runs of blocks, in any order and overlapping, and gives the set of them.
 * Sets that were given stay as they are, whatever happens to the builder later.
 */
export class BlockSetBuilder {
  readonly #chunks: MaybeChunk[];
  /** Chunks that are being changed, as bits, by index; they overrule `#chunks`. */
  readonly #open = new Map<number, Int32Array>();

  /** @param start what is in the set to begin with. */
  constructor(start: BlockSet = BlockSet.empty) {
    this.#chunks = [...start.chunks()];
  }

  /**
   * Puts in the `count` blocks from `start` on.
   * @throws UsageError, LimitError as `checkRun` does.
   */
  add(start: number, count: number): this {
    checkRun(start, count);
    forChunks(start, count, (index, from, to) => {
      if (to - from === CHUNK_BLOCKS) this.#replace(index, FULL_CHUNK);
      else if (this.#open.has(index) || this.#chunks[index]?.form !== 'full')
        setBits(this.#bits(index), from, to);
    });
    return this;
  }

  /**
   * Takes out the `count` blocks from `start` on.
   * @throws UsageError, LimitError as `checkRun` does.
   */
  remove(start: number, count: number): this {
    checkRun(start, count);
    const held = Math.min(start + count, this.#chunks.length * CHUNK_BLOCKS) - start;
    forChunks(start, Math.max(held, 0), (index, from, to) => {
      if (to - from === CHUNK_BLOCKS) this.#replace(index, undefined);
      else if (this.#open.has(index) || this.#chunks[index]) clearBits(this.#bits(index), from, to);
    });
    return this;
  }

  /**
   * A visitor of extents that puts in every block that an extent touches, even in part.
   * It throws UsageError for an extent that is not within the disk.
   */
  extentVisitor({ granularity, size }: BlockGeometry): ExtentVisitor {
    return (offset, length) => {
      const end = offset + length;
      if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(end) || offset < 0 || end > size)
        throw new UsageError(
          `The extent of ${length} bytes at ${offset} is not within a disk of ${size} bytes.`,
        );
      if (length <= 0) return;
      const start = Math.floor(offset / granularity);
      this.add(start, Math.ceil(end / granularity) - start);
    };
  }

  /** The set of what was put in so far; the builder can go on. */
  build(): BlockSet {
    for (const [index, words] of this.#open) this.#chunks[index] = chunkOfWords(words);
    this.#open.clear();
    return BlockSet.ofChunks([...this.#chunks]);
  }

  #replace(index: number, chunk: MaybeChunk): void {
    this.#open.delete(index);
    this.#reach(index);
    this.#chunks[index] = chunk;
  }

  #bits(index: number): Int32Array {
    const open = this.#open.get(index);
    if (open) return open;
    this.#reach(index);
    const words = wordsOf(this.#chunks[index]);
    this.#open.set(index, words);
    return words;
  }

  #reach(index: number): void {
    while (this.#chunks.length <= index) this.#chunks.push(undefined);
  }
}
