/** The words of all cells, in the order of their places on the map, and which rows of places changed. */
import { createLayout, placeOf, type Layout } from '../../src/heatmap/index.js';
import type { CellsNote } from '../../src/service/types.js';

export class MapCells {
  layout: Layout;
  /** By place. */
  words: Uint32Array;
  /** By cell. */
  readonly #byCell: Uint32Array;
  #firstChanged = 0;
  #lastChanged: number;

  constructor(kind: Layout['kind'], cells: number) {
    this.#byCell = new Uint32Array(cells);
    this.layout = createLayout(kind, cells);
    this.words = new Uint32Array(this.layout.width * this.layout.height);
    this.#lastChanged = this.layout.height - 1;
  }

  /** Word of a cell. */
  wordOf(cell: number): number {
    return this.#byCell[cell] ?? 0;
  }

  take({ runs, dense }: CellsNote): void {
    for (let index = 0; index + 2 < runs.length; index += 3) {
      const first = runs[index]!;
      const end = first + runs[index + 1]!;
      for (let cell = first; cell < end; cell++) this.#set(cell, runs[index + 2]!);
    }
    for (const { first, words } of dense) {
      words.forEach((word, index) => this.#set(first + index, word));
    }
  }

  relay(kind: Layout['kind']): void {
    if (kind === this.layout.kind) return;
    this.layout = createLayout(kind, this.#byCell.length);
    this.words = new Uint32Array(this.layout.width * this.layout.height);
    this.#byCell.forEach((word, cell) => (this.words[placeOf(this.layout, cell)] = word));
    this.#firstChanged = 0;
    this.#lastChanged = this.layout.height - 1;
  }

  /** Rows of places that changed since it was asked last; undefined for none. */
  takeChanged(): { readonly first: number; readonly count: number } | undefined {
    if (this.#lastChanged < this.#firstChanged) return undefined;
    const changed = {
      first: this.#firstChanged,
      count: this.#lastChanged - this.#firstChanged + 1,
    };
    this.#firstChanged = this.layout.height;
    this.#lastChanged = -1;
    return changed;
  }

  #set(cell: number, word: number): void {
    if (cell >= this.#byCell.length) return;
    this.#byCell[cell] = word;
    const place = placeOf(this.layout, cell);
    this.words[place] = word;
    const row = Math.floor(place / this.layout.width);
    if (row < this.#firstChanged) this.#firstChanged = row;
    if (row > this.#lastChanged) this.#lastChanged = row;
  }
}
