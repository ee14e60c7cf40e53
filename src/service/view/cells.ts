/** The cells that are drawn, and how they differ between two moments. Pure but for what is remembered of pages. */
import { combineWords } from '../../heatmap/index.js';
import type { CellsNote } from '../types.js';
import { PAGE_BLOCKS, type Page, type Pages } from './paged-words.js';

/** The most cells that a view is told of. */
const MOST_CELLS = 16_777_216;

/** How a disk is cut into cells. */
export interface Cells {
  /** Of the disk. */
  readonly blocks: number;
  /** A power of 4, no more than a page has blocks. */
  readonly blocksPerCell: number;
  readonly count: number;
}

/** Cuts a disk of `blocks` blocks. */
export function cellsOf(blocks: number): Cells {
  let blocksPerCell = 1;
  while (blocks / blocksPerCell > MOST_CELLS) blocksPerCell *= 4;
  return { blocks, blocksPerCell, count: Math.ceil(blocks / blocksPerCell) };
}

/** The differences between moments of one disk. */
export class CellDiffer {
  /** The cells of pages, where cells have several blocks. */
  readonly #combined = new WeakMap<Uint32Array, Uint32Array>();

  constructor(private readonly cells: Cells) {}

  /** Whatever is in `after` and not in `before`; cells that `before` does not have are zeroes there. */
  diff(before: Pages, after: Pages): Pick<CellsNote, 'runs' | 'dense'> {
    const changes = new Changes();
    const perPage = PAGE_BLOCKS / this.cells.blocksPerCell;
    for (let index = 0; index < after.length; index++) {
      const [was, is] = [before[index] ?? 0, after[index]!];
      if (was === is) continue;
      const first = index * perPage;
      const count = Math.min(perPage, this.cells.count - first);
      changes.page(first, count, this.#cellsOfPage(was), this.#cellsOfPage(is));
    }
    return changes.note();
  }

  #cellsOfPage(page: Page): Page {
    const { blocksPerCell } = this.cells;
    if (typeof page === 'number' || blocksPerCell === 1) return page;
    let cells = this.#combined.get(page);
    if (!cells) this.#combined.set(page, (cells = combined(page, blocksPerCell)));
    return cells;
  }
}

function combined(page: Uint32Array, perCell: number): Uint32Array {
  const cells = new Uint32Array(Math.ceil(page.length / perCell));
  for (let cell = 0; cell < cells.length; cell++) {
    const from = cell * perCell;
    const end = Math.min(page.length, from + perCell);
    let last = page[from]!;
    let word = last;
    for (let block = from + 1; block < end; block++) {
      if (page[block] === last) continue;
      last = page[block]!;
      word = combineWords(word, last);
    }
    cells[cell] = word;
  }
  return cells;
}

function filled(page: Page, count: number): Uint32Array {
  return typeof page === 'number' ? new Uint32Array(count).fill(page) : page;
}

/** Gathers what changed, cell by cell ascending. */
class Changes {
  readonly #runs: number[] = [];
  readonly #dense: { first: number; words: Uint32Array }[] = [];

  page(first: number, count: number, was: Page, is: Page): void {
    if (typeof was === 'number' && typeof is === 'number') {
      this.#run(first, count, is);
      return;
    }
    const words = filled(is, count);
    const old = filled(was, count);
    const begun = this.#runs.length;
    const lastCount = this.#runs[begun - 2];
    let [from, to] = [-1, 0];
    for (let cell = 0; cell < count; cell++) {
      const word = words[cell]!;
      if (word === old[cell]) continue;
      if (from < 0) from = cell;
      to = cell + 1;
      this.#run(first + cell, 1, word);
    }
    if (this.#runs.length - begun <= to - from) return;
    this.#runs.length = begun;
    if (lastCount !== undefined) this.#runs[begun - 2] = lastCount;
    this.#dense.push({ first: first + from, words: words.slice(from, to) });
  }

  note(): Pick<CellsNote, 'runs' | 'dense'> {
    return { runs: Uint32Array.from(this.#runs), dense: this.#dense };
  }

  #run(first: number, count: number, word: number): void {
    const runs = this.#runs;
    const last = runs.length - 3;
    if (last >= 0 && runs[last + 2] === word && runs[last]! + runs[last + 1]! === first)
      runs[last + 1]! += count;
    else runs.push(first, count, word);
  }
}
