/** The cells that are drawn, and how they differ between two moments. Pure but for what is remembered of pages. */
import { divide } from '../../base/division.js';
import { combineWords, MOST_CELLS } from '../../heatmap/index.js';
import type { CellsNote } from '../types.js';
import { addRun, filled, PAGE_BLOCKS, visitRuns, type Page, type Runs } from './page.js';
import type { Pages } from './paged-words.js';

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
  const { perPart, parts } = divide(blocks, MOST_CELLS, 4);
  return { blocks, blocksPerCell: perPart, count: parts };
}

/** The differences between moments of one disk. */
export class CellDiffer {
  /** The cells of pages, where cells have several blocks. */
  readonly #combined = new WeakMap<Exclude<Page, number>, Page>();

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
    if (cells === undefined) this.#combined.set(page, (cells = combined(page, blocksPerCell)));
    return cells;
  }
}

function combined(page: Exclude<Page, number>, perCell: number): Page {
  return page instanceof Uint32Array ? combinedEach(page, perCell) : combinedRuns(page, perCell);
}

function combinedEach(page: Uint32Array, perCell: number): Uint32Array {
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

function combinedRuns(runs: Runs, perCell: number): Runs {
  const cells: number[] = [];
  /** The cell that is not at its end yet, and its word so far. */
  let open = -1;
  let word = 0;
  let start = 0;
  for (let at = 0; at < runs.length; at += 2) {
    const [end, value] = [runs[at]!, runs[at + 1]!];
    const first = Math.floor(start / perCell);
    const last = Math.floor((end - 1) / perCell);
    if (first === open) word = combineWords(word, value);
    else word = value;
    if (first < last) {
      addRun(cells, first + 1, word);
      if (first + 1 < last) addRun(cells, last, value);
      word = value;
    }
    open = last;
    if (end % perCell === 0 || at + 2 === runs.length) {
      addRun(cells, last + 1, word);
      open = -1;
    }
    start = end;
  }
  return cells;
}

/** Gathers what changed, cell by cell ascending. */
class Changes {
  readonly #runs: number[] = [];
  readonly #dense: { first: number; words: Uint32Array }[] = [];

  page(first: number, count: number, was: Page, is: Page): void {
    const begun = this.#runs.length;
    const lastCount = this.#runs[begun - 2];
    let [from, to] = [-1, 0];
    visitDifferences(was, is, count, (start, end, word) => {
      if (from < 0) from = start;
      to = end;
      this.#run(first + start, end - start, word);
    });
    if (this.#runs.length - begun <= to - from) return;
    this.#runs.length = begun;
    if (lastCount !== undefined) this.#runs[begun - 2] = lastCount;
    this.#dense.push({ first: first + from, words: filled(is, count).slice(from, to) });
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

/** Calls `visit` for the runs of cells that differ, with their new word. */
function visitDifferences(
  was: Page,
  is: Page,
  count: number,
  visit: (from: number, to: number, word: number) => void,
): void {
  if (was instanceof Uint32Array || is instanceof Uint32Array) {
    const [old, words] = [filled(was, count), filled(is, count)];
    for (let cell = 0; cell < count; cell++)
      if (words[cell] !== old[cell]) visit(cell, cell + 1, words[cell]!);
    return;
  }
  const old = typeof was === 'number' ? [count, was] : was;
  let at = 0;
  visitRuns(is, 0, count, (word, from, to) => {
    for (let start = from; start < to;) {
      while (old[at]! <= start) at += 2;
      const end = Math.min(to, old[at]!);
      if (old[at + 1] !== word) visit(start, end, word);
      start = end;
    }
  });
}
