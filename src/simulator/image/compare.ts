/** Where two images differ first. Where both keep versions of one seed, versions are compared, not bytes. */
import { PAGE_BYTES } from '../guest/types.js';
import type { Image } from '../types.js';
import { CHUNK_PAGES, type PageVersions } from './page-versions.js';

/** An image as a comparison sees it. */
export interface ComparedPages {
  readonly versions: PageVersions;
  /** Of the content that it keeps as versions; undefined while there is none. */
  readonly seed: number | undefined;
  /** Whether any page is kept as its bytes. */
  readonly hasLiterals: boolean;
  /** The number of pages that are kept as their bytes. */
  readonly literal: number;
  /** Whether a page with this number reads as zeroes. */
  isZero(value: number): boolean;
  /** Writes a page's bytes to `target`. */
  put(page: number, value: number, target: Buffer): void;
}

const BYTES_AT_ONCE = 1024 * 1024;

/** The first byte that differs in two images that keep versions; undefined when there is none. */
export function comparePages(one: ComparedPages, other: ComparedPages): number | undefined {
  const comparison = new Comparison(one, other);
  for (let chunk = 0; chunk < one.versions.chunks; chunk++) {
    const found = comparison.compareChunk(chunk);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The first byte that differs in two images of any kind; undefined when there is none. */
export function compareBytes(one: Image, other: Image): number | undefined {
  for (let offset = 0; offset < one.size; offset += BYTES_AT_ONCE) {
    const length = Math.min(BYTES_AT_ONCE, one.size - offset);
    const at = firstDifferentByte(flatten(one, offset, length), flatten(other, offset, length));
    if (at !== undefined) return offset + at;
  }
  return undefined;
}

class Comparison {
  readonly #sameSeed: boolean;
  readonly #onlyVersions: boolean;
  readonly #oneValues = new Uint32Array(CHUNK_PAGES);
  readonly #otherValues = new Uint32Array(CHUNK_PAGES);
  readonly #onePage = Buffer.alloc(PAGE_BYTES);
  readonly #otherPage = Buffer.alloc(PAGE_BYTES);

  constructor(
    private readonly one: ComparedPages,
    private readonly other: ComparedPages,
  ) {
    this.#sameSeed = one.seed === other.seed;
    this.#onlyVersions = this.#sameSeed && !one.hasLiterals && !other.hasLiterals;
  }

  compareChunk(chunk: number): number | undefined {
    const [a, b] = [this.one.versions.uniform(chunk), this.other.versions.uniform(chunk)];
    if (a !== undefined && b !== undefined && this.#alike(a, b)) return undefined;
    const [ones, others] = [this.#oneValues, this.#otherValues];
    this.one.versions.expand(chunk, ones);
    this.other.versions.expand(chunk, others);
    if (this.#onlyVersions && bytesOf(ones).equals(bytesOf(others))) return undefined;
    const pages = Math.min(CHUNK_PAGES, this.one.versions.pages - chunk * CHUNK_PAGES);
    for (let index = 0; index < pages; index++) {
      const [value, another] = [ones[index]!, others[index]!];
      if (this.#alike(value, another)) continue;
      const page = chunk * CHUNK_PAGES + index;
      const at = this.#comparePage(page, value, another);
      if (at !== undefined) return page * PAGE_BYTES + at;
    }
    return undefined;
  }

  /** Whether pages with these numbers are the same without a look at their bytes. */
  #alike(a: number, b: number): boolean {
    if (this.one.isZero(a) && this.other.isZero(b)) return true;
    return a === b && this.#sameSeed && a !== this.one.literal;
  }

  #comparePage(page: number, value: number, another: number): number | undefined {
    this.one.put(page, value, this.#onePage);
    this.other.put(page, another, this.#otherPage);
    return firstDifferentByte(this.#onePage, this.#otherPage);
  }
}

function bytesOf(words: Uint32Array): Buffer {
  return Buffer.from(words.buffer, words.byteOffset, words.byteLength);
}

function flatten(image: Image, offset: number, length: number): Buffer {
  const pieces = image
    .read(offset, length)
    .map((piece) => (piece.hole ? Buffer.alloc(piece.length) : piece.data));
  return Buffer.concat(pieces, length);
}

function firstDifferentByte(one: Buffer, other: Buffer): number | undefined {
  if (one.equals(other)) return undefined;
  const at = one.findIndex((byte, index) => byte !== other[index]);
  return at < 0 ? undefined : at;
}
