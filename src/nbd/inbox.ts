/**
 * Bytes that have arrived and were not taken yet: a list of slices of slabs. Nothing is ever
 * concatenated; only a header or a short text that straddles slices is copied together.
 */
import { Slab, type SlabPool } from './slab.js';

interface Slice {
  readonly slab: Slab;
  start: number;
  end: number;
}

/** Takes over bytes: `slab.memory` from `start` to `end`, with a reference that is now its own. */
export type SliceSink = (slab: Slab, start: number, end: number) => void;

export class Inbox {
  /** Is called after bytes arrived; replaced by each phase of the protocol. */
  onArrival: () => void = () => undefined;
  /** Where the bytes that `require` made contiguous begin, in `memory`. */
  at = 0;
  memory: Buffer = Buffer.alloc(0);
  #slices: Slice[] = [];
  #length = 0;
  #scratch = Buffer.alloc(64);

  /** Bytes that have arrived and were not taken. */
  get length(): number {
    return this.#length;
  }

  /** Adds `slab.memory` from `start` to `end`; keeps a reference of its own. */
  push(slab: Slab, start: number, end: number): void {
    if (end <= start) return;
    this.#length += end - start;
    const last = this.#slices.at(-1);
    if (last?.slab === slab && last.end === start) {
      last.end = end;
      return;
    }
    slab.retain();
    this.#slices.push({ slab, start, end });
  }

  /**
   * Makes the first `count` bytes readable in `memory` from `at`, until the inbox is used again.
   * @returns false when fewer have arrived.
   */
  require(count: number): boolean {
    if (this.#length < count) return false;
    const first = this.#slices[0];
    if (!first || first.end - first.start >= count) {
      this.memory = first?.slab.memory ?? this.#scratch;
      this.at = first?.start ?? 0;
      return true;
    }
    if (this.#scratch.length < count) this.#scratch = Buffer.alloc(count);
    let copied = 0;
    for (const { slab, start, end } of this.#slices) {
      copied += slab.memory.copy(
        this.#scratch,
        copied,
        start,
        Math.min(end, start + count - copied),
      );
      if (copied === count) break;
    }
    this.memory = this.#scratch;
    this.at = 0;
    return true;
  }

  /** Drops up to `count` bytes. @returns how many there were. */
  skip(count: number): number {
    return this.#take(count, undefined);
  }

  /** Hands up to `count` bytes to `sink`, in pieces. @returns how many there were. */
  move(count: number, sink: SliceSink): number {
    return this.#take(count, sink);
  }

  /** Drops everything. */
  clear(): void {
    this.skip(this.#length);
  }

  #take(count: number, sink: SliceSink | undefined): number {
    let left = Math.min(count, this.#length);
    const taken = left;
    let whole = 0;
    for (const slice of this.#slices) {
      if (left === 0) break;
      const { slab, start, end } = slice;
      if (end - start > left) {
        slice.start = start + left;
        if (sink) {
          slab.retain();
          sink(slab, start, start + left);
        }
        break;
      }
      left -= end - start;
      whole++;
      if (sink) sink(slab, start, end);
      else slab.release();
    }
    if (whole > 0) this.#slices.splice(0, whole);
    this.#length -= taken;
    return taken;
  }
}

/** Fills slabs of a pool from front to back and puts what was filled into an inbox. */
export class SlabFiller {
  #slab: Slab | undefined;
  #used = 0;

  constructor(
    private readonly pool: SlabPool,
    private readonly inbox: Inbox,
    /** A slab with less room than this is not filled further, in bytes. */
    private readonly smallestRoom: number,
  ) {}

  /** Where the next bytes are to be written; the same memory until `filled` is called. */
  room(): Buffer {
    if (this.#slab && this.pool.slabLength - this.#used < this.smallestRoom) {
      this.#slab.release();
      this.#slab = undefined;
    }
    if (!this.#slab) {
      this.#slab = this.pool.take();
      this.#used = 0;
    }
    return this.#slab.memory.subarray(this.#used);
  }

  /** Says that the first `count` bytes of `room()` are filled. */
  filled(count: number): void {
    if (!this.#slab) throw new RangeError('No room was asked for.');
    const start = this.#used;
    this.#used += count;
    this.inbox.push(this.#slab, start, this.#used);
    this.inbox.onArrival();
  }

  /** Forgets the slab without giving it back: the system may still write to it while a socket closes. */
  abandon(): void {
    this.#slab = undefined;
  }
}

/** Puts memory that came from elsewhere into an inbox. */
export function pushForeign(inbox: Inbox, bytes: Uint8Array): void {
  const memory = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const slab = new Slab(memory);
  inbox.push(slab, 0, memory.length);
  slab.release();
  inbox.onArrival();
}
