/**
 * A disk or an image file in memory: for each page a number that says what it holds (a hole, zeroes,
 * a version of the guest's content, or other bytes that are kept as such).
 */
import { UsageError } from '../../base/errors.js';
import { NBD_STATE_HOLE, NBD_STATE_ZERO } from '../../nbd/index.js';
import type { PayloadPiece } from '../../nbd/types.js';
import { PAGE_BYTES } from '../guest/types.js';
import type { Image } from '../types.js';
import { compareBytes, comparePages, type ComparedPages } from './compare.js';
import { MAXIMUM_VERSION, putContent, readSeed, recogniseContent } from './page-content.js';
import { PageVersions } from './page-versions.js';

const HOLE = 0;
const LITERAL = 2 ** 32 - 2;
const ZERO = 2 ** 32 - 1;
const MAXIMUM_BYTES = 64 * 1024 ** 4;
const ZEROES = Buffer.alloc(PAGE_BYTES);

export interface ImageOptions {
  /** In bytes: a multiple of 4096, at most 64 TiB. */
  readonly size: number;
  /**
   * Of the guest whose content is kept as versions, 0 to 2^32 - 1. Without it the first content that
   * is written says whose.
   */
  readonly seed?: number;
}

/** An image that is one hole. @throws UsageError when size or seed is out of range. */
export function createImage(options: ImageOptions): Image {
  const { size, seed } = options;
  if (!Number.isInteger(size / PAGE_BYTES) || size <= 0 || size > MAXIMUM_BYTES)
    throw new UsageError(
      `An image of ${size} bytes can't be simulated: its size must be a multiple of ${PAGE_BYTES}, at most 64 TiB.`,
    );
  if (seed !== undefined && seed !== seed >>> 0)
    throw new UsageError(`The seed of an image is an integer from 0 to 2^32 - 1, not ${seed}.`);
  return new VersionedImage(size, seed);
}

class VersionedImage implements Image, ComparedPages {
  readonly versions: PageVersions;
  readonly literal = LITERAL;
  readonly #literals = new Map<number, Uint8Array>();
  readonly #scratch = Buffer.alloc(PAGE_BYTES);
  readonly #scratchView = viewOf(this.#scratch);

  constructor(
    readonly size: number,
    public seed: number | undefined,
  ) {
    this.versions = new PageVersions(size / PAGE_BYTES);
  }

  get hasLiterals(): boolean {
    return this.#literals.size > 0;
  }

  isZero(value: number): boolean {
    return value === HOLE || value === ZERO;
  }

  read(offset: number, length: number): readonly PayloadPiece[] {
    this.#check(offset, length);
    const pieces: PayloadPiece[] = [];
    let dataFrom = offset;
    const end = offset + length;
    const endData = (until: number) => {
      if (until > dataFrom) pieces.push({ hole: false, data: this.#make(dataFrom, until) });
    };
    this.#visitBytes(offset, length, (from, to, value) => {
      if (value !== HOLE) return true;
      endData(from);
      pieces.push({ hole: true, length: to - from });
      dataFrom = to;
      return true;
    });
    endData(end);
    return pieces;
  }

  write(offset: number, data: readonly Uint8Array[]): void {
    const length = data.reduce((total, piece) => total + piece.length, 0);
    this.#check(offset, length);
    let at = offset;
    for (const piece of data) {
      this.#writePiece(at, piece);
      at += piece.length;
    }
  }

  stamp(first: number, count: number, version: number): void {
    this.#check(first * PAGE_BYTES, count * PAGE_BYTES);
    if (!Number.isInteger(version) || version < 1 || version > MAXIMUM_VERSION)
      throw new UsageError(
        `The version of a page is from 1 to ${MAXIMUM_VERSION}, not ${version}.`,
      );
    this.seed ??= 0;
    this.#fill(first, count, version);
  }

  zero(offset: number, length: number, hole: boolean): void {
    this.#check(offset, length);
    const end = offset + length;
    const first = Math.ceil(offset / PAGE_BYTES);
    const last = Math.floor(end / PAGE_BYTES);
    if (last > first) this.#fill(first, last - first, hole ? HOLE : ZERO);
    const headEnd = Math.min(end, first * PAGE_BYTES);
    if (headEnd > offset) this.#zeroPart(offset, headEnd, hole);
    const tail = Math.max(headEnd, last * PAGE_BYTES);
    if (end > tail && tail >= offset) this.#zeroPart(tail, end, hole);
  }

  allocation(
    offset: number,
    length: number,
    visit: (offset: number, length: number, flags: number) => boolean,
  ): void {
    this.#check(offset, length);
    const run = { start: offset, flags: -1, going: true };
    const tell = (until: number) => {
      if (until > run.start) run.going = visit(run.start, until - run.start, run.flags);
    };
    this.#visitBytes(offset, length, (from, _to, value) => {
      const flags = flagsOf(value);
      if (flags === run.flags) return true;
      tell(from);
      run.start = from;
      run.flags = flags;
      return run.going;
    });
    if (run.going) tell(offset + length);
  }

  firstDifference(other: Image): number | undefined {
    if (other.size !== this.size)
      throw new UsageError(
        `Images of ${this.size} and ${other.size} bytes can't be compared: their sizes must be the same.`,
      );
    return other instanceof VersionedImage ? comparePages(this, other) : compareBytes(this, other);
  }

  put(page: number, value: number, target: Buffer): void {
    this.#put(page, value, target, viewOf(target), 0);
  }

  #put(page: number, value: number, target: Buffer, view: DataView, at: number): void {
    if (this.isZero(value)) target.fill(0, at, at + PAGE_BYTES);
    else if (value === LITERAL) target.set(this.#literals.get(page)!, at);
    else putContent(target, view, at, this.seed!, page, value);
  }

  /** The bytes from `offset` to `end`, in memory of their own. */
  #make(offset: number, end: number): Buffer {
    const first = Math.floor(offset / PAGE_BYTES);
    const last = Math.ceil(end / PAGE_BYTES);
    const start = first * PAGE_BYTES;
    const made = Buffer.allocUnsafeSlow((last - first) * PAGE_BYTES);
    const view = viewOf(made);
    this.versions.visit(first, last - first, (from, count, value) => {
      for (let page = from; page < from + count; page++)
        this.#put(page, value, made, view, (page - first) * PAGE_BYTES);
      return true;
    });
    return made.subarray(offset - start, end - start);
  }

  #writePiece(offset: number, piece: Uint8Array): void {
    const view = viewOf(piece);
    for (let at = 0; at < piece.length;) {
      const page = Math.floor((offset + at) / PAGE_BYTES);
      const within = offset + at - page * PAGE_BYTES;
      const length = Math.min(PAGE_BYTES - within, piece.length - at);
      if (length === PAGE_BYTES) this.#writePage(page, piece, view, at);
      else this.#mergePage(page, within, piece.subarray(at, at + length));
      at += length;
    }
  }

  #mergePage(page: number, within: number, part: Uint8Array): void {
    this.#put(page, this.versions.get(page), this.#scratch, this.#scratchView, 0);
    this.#scratch.set(part, within);
    this.#writePage(page, this.#scratch, this.#scratchView, 0);
  }

  #writePage(page: number, data: Uint8Array, view: DataView, at: number): void {
    const version = recogniseContent(data, view, at, page);
    if (version > 0 && (this.seed ??= readSeed(view, at)) === readSeed(view, at)) {
      this.#fill(page, 1, version);
    } else if (ZEROES.compare(data, at, at + PAGE_BYTES) === 0) {
      this.#fill(page, 1, ZERO);
    } else {
      this.versions.fill(page, 1, LITERAL);
      this.#literals.set(page, new Uint8Array(data.subarray(at, at + PAGE_BYTES)));
    }
  }

  #zeroPart(offset: number, end: number, hole: boolean): void {
    const page = Math.floor(offset / PAGE_BYTES);
    const value = this.versions.get(page);
    if (value === ZERO || (value === HOLE && hole)) return;
    if (value === HOLE) this.#fill(page, 1, ZERO);
    else this.#mergePage(page, offset - page * PAGE_BYTES, ZEROES.subarray(0, end - offset));
  }

  #fill(first: number, count: number, value: number): void {
    this.versions.fill(first, count, value);
    if (this.#literals.size === 0) return;
    if (count <= this.#literals.size) {
      for (let page = first; page < first + count; page++) this.#literals.delete(page);
      return;
    }
    for (const page of this.#literals.keys())
      if (page >= first && page < first + count) this.#literals.delete(page);
  }

  /** Visits the runs of a range in bytes, cut to the range. */
  #visitBytes(
    offset: number,
    length: number,
    visit: (from: number, to: number, value: number) => boolean,
  ): void {
    const first = Math.floor(offset / PAGE_BYTES);
    const end = offset + length;
    this.versions.visit(first, Math.ceil(end / PAGE_BYTES) - first, (from, count, value) =>
      visit(Math.max(offset, from * PAGE_BYTES), Math.min(end, (from + count) * PAGE_BYTES), value),
    );
  }

  #check(offset: number, length: number): void {
    const whole = Number.isSafeInteger(offset) && Number.isSafeInteger(length);
    if (!whole || offset < 0 || length < 0 || offset + length > this.size)
      throw new UsageError(
        `Bytes ${offset} to ${offset + length} are not within an image of ${this.size} bytes.`,
      );
  }
}

function flagsOf(value: number): number {
  if (value === HOLE) return NBD_STATE_HOLE | NBD_STATE_ZERO;
  return value === ZERO ? NBD_STATE_ZERO : 0;
}

function viewOf(data: Uint8Array): DataView {
  return new DataView(data.buffer, data.byteOffset, data.byteLength);
}
