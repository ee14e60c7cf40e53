/**
 * A number for each page of a large disk, in memory that follows what was changed: pages are kept in
 * chunks; a chunk has one number for all of its pages, and beside it those that differ: a few as
 * sorted pairs, many as an array of all.
 */

import { lowerBound, mergePairs, MOST_PAIRS, type Pairs } from './pairs.js';
import { PendingPages, type PageNumbers } from './pending-pages.js';

/** Pages of a chunk. */
export const CHUNK_PAGES = 4096;
/** Runs of so many pages, or fewer, wait until there are many, or someone asks. */
const SHORT_RUN = 8;
/** How many pages wait for each chunk, on average, at most. */
const PENDING_OF_CHUNK = 16;
/** The pages of a chunk that differ; of `CHUNK_PAGES` words: a number for each page. */
type Detail = Pairs | Uint32Array;

/** Is called for each run of pages that have the same number; false ends the visit. */
export type VersionVisitor = (first: number, count: number, value: number) => boolean;

export class PageVersions {
  readonly #bases: Uint32Array;
  readonly #details: (Detail | undefined)[];
  readonly #pending: PendingPages;

  /** @param pages how many there are; all begin with 0. */
  constructor(readonly pages: number) {
    const chunks = Math.ceil(pages / CHUNK_PAGES);
    this.#bases = new Uint32Array(chunks);
    this.#details = Array.from({ length: chunks });
    this.#pending = new PendingPages(pages, chunks * PENDING_OF_CHUNK);
  }

  get chunks(): number {
    return this.#bases.length;
  }

  get(page: number): number {
    this.#settle();
    const chunk = Math.floor(page / CHUNK_PAGES);
    const index = page - chunk * CHUNK_PAGES;
    const detail = this.#details[chunk];
    if (!detail) return this.#bases[chunk]!;
    if (isDense(detail)) return detail[index]!;
    const pair = lowerBound(detail, index);
    const found = pair < detail[0]! && detail[2 * pair + 1] === index;
    return found ? detail[2 * pair + 2]! : this.#bases[chunk]!;
  }

  /** Gives pages `first` to `first + count - 1` this number. */
  fill(first: number, count: number, value: number): void {
    if (count > SHORT_RUN) {
      this.#settle();
      this.#fill(first, count, value);
      return;
    }
    for (let page = first; page < first + count; page++) {
      if (this.#pending.isFull) this.#settle();
      this.#pending.add(page, value);
    }
  }

  /** The number that all pages of a chunk have; undefined when they differ. */
  uniform(chunk: number): number | undefined {
    this.#settle();
    return this.#details[chunk] ? undefined : this.#bases[chunk];
  }

  /** Writes the numbers of a chunk's pages to `target`; what is past the last page is not defined. */
  expand(chunk: number, target: Uint32Array): void {
    this.#settle();
    const detail = this.#details[chunk];
    if (detail && isDense(detail)) {
      target.set(detail);
      return;
    }
    target.fill(this.#bases[chunk]!);
    if (!detail) return;
    for (let at = 1; at <= 2 * detail[0]!; at += 2) target[detail[at]!] = detail[at + 1]!;
  }

  /** Visits the runs of a range, ascending; runs are as long as they can be. */
  visit(first: number, count: number, visit: VersionVisitor): void {
    this.#settle();
    const joined = new Joined(visit);
    const last = first + count;
    for (let page = first; page < last;) {
      const chunk = Math.floor(page / CHUNK_PAGES);
      const start = chunk * CHUNK_PAGES;
      const end = Math.min(last, start + CHUNK_PAGES);
      if (!this.#visitChunk(chunk, page - start, end - start, joined)) return;
      page = end;
    }
    joined.flush();
  }

  /** What waits is done. */
  #settle(): void {
    if (this.#pending.isEmpty) return;
    const { pages, values } = this.#pending.take();
    for (let from = 0; from < pages.length;) {
      const chunk = Math.floor(pages[from]! / CHUNK_PAGES);
      let to = from + 1;
      while (to < pages.length && pages[to]! < (chunk + 1) * CHUNK_PAGES) to++;
      this.#put(chunk, { pages: pages.subarray(from, to), values: values.subarray(from, to) });
      from = to;
    }
  }

  #fill(first: number, count: number, value: number): void {
    for (let page = first; page < first + count;) {
      const chunk = Math.floor(page / CHUNK_PAGES);
      const start = chunk * CHUNK_PAGES;
      const end = Math.min(first + count, start + this.#pagesOf(chunk));
      this.#fillChunk(chunk, page - start, end - start, value);
      page = end;
    }
  }

  #pagesOf(chunk: number): number {
    return Math.min(CHUNK_PAGES, this.pages - chunk * CHUNK_PAGES);
  }

  #visitChunk(chunk: number, from: number, to: number, joined: Joined): boolean {
    const start = chunk * CHUNK_PAGES;
    const detail = this.#details[chunk];
    const base = this.#bases[chunk]!;
    if (!detail) return joined.add(start + from, to - from, base);
    if (isDense(detail)) {
      for (let index = from; index < to; index++)
        if (!joined.add(start + index, 1, detail[index]!)) return false;
      return true;
    }
    let at = from;
    for (let pair = lowerBound(detail, from); pair < detail[0]!; pair++) {
      const index = detail[2 * pair + 1]!;
      if (index >= to) break;
      if (index > at && !joined.add(start + at, index - at, base)) return false;
      if (!joined.add(start + index, 1, detail[2 * pair + 2]!)) return false;
      at = index + 1;
    }
    return at >= to || joined.add(start + at, to - at, base);
  }

  #fillChunk(chunk: number, from: number, to: number, value: number): void {
    if (to - from === this.#pagesOf(chunk)) {
      this.#bases[chunk] = value;
      this.#details[chunk] = undefined;
      return;
    }
    const detail = this.#details[chunk];
    if (!detail && this.#bases[chunk] === value) return;
    if (this.#hasRoom(chunk, to - from)) this.#merge(chunk, runOf(chunk, from, to, value));
    else {
      const words = this.#makeDense(chunk);
      words.fill(value, from, to);
      this.#collapse(chunk, words, value);
    }
  }

  /** Gives pages of a chunk their numbers. */
  #put(chunk: number, numbers: PageNumbers): void {
    const { pages, values } = numbers;
    if (this.#hasRoom(chunk, pages.length)) this.#merge(chunk, numbers);
    else {
      const words = this.#makeDense(chunk);
      pages.forEach((page, index) => (words[page - chunk * CHUNK_PAGES] = values[index]!));
      this.#collapse(chunk, words, values[0]!);
    }
  }

  /** Whether the chunk can have so many pairs more. */
  #hasRoom(chunk: number, pairs: number): boolean {
    const detail = this.#details[chunk];
    if (!detail) return pairs <= MOST_PAIRS;
    return !isDense(detail) && detail[0]! + pairs <= MOST_PAIRS;
  }

  #merge(chunk: number, numbers: PageNumbers): void {
    const detail = mergePairs(
      this.#details[chunk],
      this.#bases[chunk]!,
      chunk * CHUNK_PAGES,
      numbers,
    );
    this.#details[chunk] = detail[0] === 0 ? undefined : detail;
  }

  #makeDense(chunk: number): Uint32Array {
    const detail = this.#details[chunk];
    if (detail && isDense(detail)) return detail;
    const words = new Uint32Array(CHUNK_PAGES);
    this.expand(chunk, words);
    this.#details[chunk] = words;
    return words;
  }

  /** A chunk that has one number in all of its pages is kept as such. */
  #collapse(chunk: number, words: Uint32Array, value: number): void {
    const pages = this.#pagesOf(chunk);
    if (words[0] !== value || words[pages - 1] !== value || words[pages >> 1] !== value) return;
    for (let index = 0; index < pages; index++) if (words[index] !== value) return;
    this.#bases[chunk] = value;
    this.#details[chunk] = undefined;
  }
}

function isDense(detail: Detail): boolean {
  return detail.length === CHUNK_PAGES;
}

/** One number for the pages `from` to `to - 1` of a chunk. */
function runOf(chunk: number, from: number, to: number, value: number): PageNumbers {
  const first = chunk * CHUNK_PAGES + from;
  const pages = Float64Array.from({ length: to - from }, (_, index) => first + index);
  return { pages, values: new Uint32Array(to - from).fill(value) };
}

/** Joins runs that touch and have the same number. */
class Joined {
  #first = 0;
  #count = 0;
  #value = 0;

  constructor(private readonly visit: VersionVisitor) {}

  /** @returns false when the visit has ended. */
  add(first: number, count: number, value: number): boolean {
    if (this.#count > 0 && value === this.#value) {
      this.#count += count;
      return true;
    }
    if (!this.flush()) return false;
    this.#first = first;
    this.#count = count;
    this.#value = value;
    return true;
  }

  flush(): boolean {
    return this.#count === 0 || this.visit(this.#first, this.#count, this.#value);
  }
}
