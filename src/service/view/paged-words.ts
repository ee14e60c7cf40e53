/**
 * One number for each block, in pages. A page is one number where all its blocks have the same, and
 * pages are shared between moments until they are written to: keeping a moment costs a list of
 * pages, and what two moments differ in is found by comparing references.
 */

/** Blocks of a page. */
export const PAGE_BLOCKS = 4096;

/** The numbers of a page: one for all its blocks, or one for each; the disk's last page may be shorter. */
export type Page = number | Uint32Array;

/** All numbers at one moment; nobody writes to it. */
export type Pages = readonly Page[];

/** The number that a block gets instead of the one that it has. */
export type Change = (before: number) => number;

/** Is told what changes: `blocks` blocks had `before`, and have `after`. */
export type ChangeListener = (before: number, after: number, blocks: number) => void;

export class PagedWords {
  #pages: Page[];
  /** 1 for each page that no kept moment has: it may be written to. */
  #owned: Uint8Array;
  #frozen: Pages | undefined;

  /**
   * @param count how many blocks there are.
   * @param pages where they begin; all 0 unless told.
   */
  constructor(
    readonly count: number,
    pages?: Pages,
    private readonly changed?: ChangeListener,
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
    const end = start + count;
    for (let at = start; at < end;) {
      const index = Math.floor(at / PAGE_BLOCKS);
      const base = index * PAGE_BLOCKS;
      const to = Math.min(PAGE_BLOCKS, end - base);
      this.#changePage(index, at - base, to, next);
      at = base + to;
    }
  }

  /** What is so now, to be kept; the same list as before where nothing changed since. */
  freeze(): Pages {
    if (this.#frozen) return this.#frozen;
    for (let index = 0; index < this.#pages.length; index++) {
      if (this.#owned[index] === 0) continue;
      this.#owned[index] = 0;
      this.#pages[index] = simplified(this.#pages[index]!);
    }
    this.#frozen = [...this.#pages];
    return this.#frozen;
  }

  #changePage(index: number, from: number, to: number, next: Change): void {
    const page = this.#pages[index]!;
    if (typeof page === 'number') this.#changeUniform(index, page, { from, to }, next(page));
    else this.#changeEach(index, page, { from, to }, next);
  }

  #changeUniform(index: number, before: number, { from, to }: Range, after: number): void {
    if (before === after) return;
    this.#frozen = undefined;
    this.changed?.(before, after, to - from);
    const length = Math.min(PAGE_BLOCKS, this.count - index * PAGE_BLOCKS);
    if (to - from === length) {
      this.#pages[index] = after;
      return;
    }
    this.#pages[index] = new Uint32Array(length).fill(before).fill(after, from, to);
    this.#owned[index] = 1;
  }

  #changeEach(index: number, page: Uint32Array, { from, to }: Range, next: Change): void {
    let mine = this.#owned[index] === 1;
    let words = page;
    for (let at = from; at < to; at++) {
      const before = words[at]!;
      const after = next(before);
      if (before === after) continue;
      if (!mine) {
        words = page.slice();
        mine = true;
        this.#pages[index] = words;
        this.#owned[index] = 1;
        this.#frozen = undefined;
      }
      words[at] = after;
      this.changed?.(before, after, 1);
    }
    if (mine) this.#frozen = undefined;
  }
}

interface Range {
  readonly from: number;
  readonly to: number;
}

/** The number of a block that is there. */
export function wordAt(pages: Pages, block: number): number {
  const index = Math.floor(block / PAGE_BLOCKS);
  const page = pages[index]!;
  return typeof page === 'number' ? page : page[block - index * PAGE_BLOCKS]!;
}

/** Bytes that a moment takes beside another one that is kept already. */
export function bytesBeside(pages: Pages, other: Pages | undefined): number {
  if (pages === other) return 0;
  let bytes = pages.length * 8;
  for (let index = 0; index < pages.length; index++) {
    const page = pages[index]!;
    if (typeof page !== 'number' && page !== other?.[index]) bytes += page.byteLength;
  }
  return bytes;
}

function simplified(page: Page): Page {
  if (typeof page === 'number') return page;
  const first = page[0]!;
  for (let at = 1; at < page.length; at++) if (page[at] !== first) return page;
  return first;
}
