/**
 * One number for each block, in pages. Pages are shared between moments until they are written to:
 * keeping a moment costs a list of pages, and what two moments differ in is found by comparing
 * references.
 */
import {
  bytesOf,
  changed,
  numberAt,
  PAGE_BLOCKS,
  simplified,
  type Change,
  type ChangeListener,
  type Page,
} from './page.js';

/** All numbers at one moment; nobody writes to it. */
export type Pages = readonly Page[];

export class PagedWords {
  #pages: Page[];
  /** 1 for each page with a number for each block that no kept moment has: it may be written to. */
  #owned: Uint8Array;
  #frozen: Pages | undefined;

  /**
   * @param count how many blocks there are.
   * @param pages where they begin; all 0 unless told.
   */
  constructor(
    readonly count: number,
    pages?: Pages,
    private readonly listener?: ChangeListener,
  ) {
    const length = Math.ceil(count / PAGE_BLOCKS);
    this.#pages = pages ? [...pages] : new Array<Page>(length).fill(0);
    this.#owned = new Uint8Array(length);
    this.#frozen = pages;
  }

  get(block: number): number {
    return wordAt(this.#pages, block);
  }

  /** Changes the `count` numbers from block `start` on, which must be there. */
  change(start: number, count: number, next: Change): void {
    this.changeAll((visit) => visit(start, count), next);
  }

  /** Changes the numbers of all runs that `runs` visits, ascending, which must be there. */
  changeAll(runs: (visit: (start: number, count: number) => void) => void, next: Change): void {
    let index = -1;
    let ranges: number[] = [];
    const settle = (): void => {
      if (ranges.length > 0) this.#changePage(index, ranges, next);
      ranges = [];
    };
    runs((start, count) => {
      const end = start + count;
      for (let at = start; at < end;) {
        const page = Math.floor(at / PAGE_BLOCKS);
        if (page !== index) settle();
        index = page;
        const base = page * PAGE_BLOCKS;
        const to = Math.min(PAGE_BLOCKS, end - base);
        ranges.push(at - base, to);
        at = base + to;
      }
    });
    settle();
  }

  /** What is so now, to be kept; the same list as before where nothing changed since. */
  freeze(): Pages {
    if (this.#frozen) return this.#frozen;
    for (let index = 0; index < this.#pages.length; index++) {
      if (this.#owned[index] === 0) continue;
      this.#owned[index] = 0;
      this.#pages[index] = simplified(this.#pages[index] as Uint32Array);
    }
    this.#frozen = [...this.#pages];
    return this.#frozen;
  }

  /** @param ranges as of {@link changed}. */
  #changePage(index: number, ranges: readonly number[], next: Change): void {
    const page = this.#pages[index]!;
    if (page instanceof Uint32Array) {
      for (let range = 0; range < ranges.length; range += 2)
        this.#changeEach(index, ranges[range]!, ranges[range + 1]!, next);
      return;
    }
    const length = Math.min(PAGE_BLOCKS, this.count - index * PAGE_BLOCKS);
    const after = changed(page, length, ranges, next, this.listener);
    if (after === page) return;
    this.#frozen = undefined;
    this.#pages[index] = after;
    if (after instanceof Uint32Array) this.#owned[index] = 1;
  }

  #changeEach(index: number, from: number, to: number, next: Change): void {
    let mine = this.#owned[index] === 1;
    let words = this.#pages[index] as Uint32Array;
    for (let at = from; at < to; at++) {
      const before = words[at]!;
      const after = next(before);
      if (before === after) continue;
      if (!mine) {
        words = words.slice();
        mine = true;
        this.#pages[index] = words;
        this.#owned[index] = 1;
      }
      this.#frozen = undefined;
      words[at] = after;
      this.listener?.(before, after, 1);
    }
  }
}

/** The number of a block that is there. */
export function wordAt(pages: Pages, block: number): number {
  const index = Math.floor(block / PAGE_BLOCKS);
  return numberAt(pages[index]!, block - index * PAGE_BLOCKS);
}

/** Bytes that a moment takes beside another one that is kept already. */
export function bytesBeside(pages: Pages, other: Pages | undefined): number {
  if (pages === other) return 0;
  let bytes = pages.length * 8;
  for (let index = 0; index < pages.length; index++) {
    const page = pages[index]!;
    if (page !== other?.[index]) bytes += bytesOf(page);
  }
  return bytes;
}
