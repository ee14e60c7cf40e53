/** The words of all cells, in the order of their places on the map, and which tiles of it changed. */
import {
  MARKED,
  PRESENT,
  STRETCH,
  TILE,
  TOLD_MASK,
  createLayout,
  eachStretch,
  placeOf,
  type Layout,
} from '../../src/heatmap/index.js';
import type { CellsNote } from '../../src/service/types.js';

export class MapCells {
  layout!: Layout;
  /** By place; with PRESENT where there is a cell, and MARKED for the file that is marked. */
  words!: Uint32Array;
  #tilesAcross = 0;
  #isChanged = new Uint8Array();
  #changed: number[] = [];
  #file: Uint32Array | undefined;

  constructor(kind: Layout['kind'], cells: number) {
    this.#lay(createLayout(kind, cells));
    const { width, height } = this.layout;
    if (cells === width * height) this.words.fill(PRESENT);
    else this.#write(0, cells, 0);
  }

  /** Whether some cells are marked. */
  get marking(): boolean {
    return this.#file !== undefined;
  }

  /** Word of a cell as it was told. */
  wordOf(cell: number): number {
    if (cell >= this.layout.cells) return 0;
    return this.words[placeOf(this.layout, cell)]! & TOLD_MASK;
  }

  take({ runs, dense }: CellsNote): void {
    for (let index = 0; index + 2 < runs.length; index += 3)
      this.#write(runs[index]!, runs[index]! + runs[index + 1]!, runs[index + 2]!);
    for (const { first, words } of dense) this.#write(first, first + words.length, words);
  }

  /** Marks the cells of a file, instead of those before; undefined for none. Pairs: first cell, number of cells. */
  mark(runs: Uint32Array | undefined): void {
    this.#setMarks(this.#file, 0);
    this.#setMarks(runs, MARKED);
    this.#file = runs;
  }

  relay(kind: Layout['kind']): void {
    if (kind === this.layout.kind) return;
    const { layout, words } = this;
    this.#lay(createLayout(kind, layout.cells));
    const stretch = new Uint32Array(STRETCH);
    eachStretch(layout, 0, layout.cells, (cell, count, places) => {
      for (let index = 0; index < count; index++) stretch[index] = words[places[index]!]!;
      this.#write(cell, cell + count, stretch);
    });
    this.mark(this.#file);
  }

  /**
   * Numbers of the tiles of TILE × TILE places, row by row, that changed since it was asked last; none
   * that is only new in this layout.
   */
  takeChanged(): readonly number[] {
    const changed = this.#changed;
    for (const tile of changed) this.#isChanged[tile] = 0;
    this.#changed = [];
    return changed;
  }

  #lay(layout: Layout): void {
    this.layout = layout;
    this.words = new Uint32Array(layout.width * layout.height);
    this.#tilesAcross = Math.ceil(layout.width / TILE);
    this.#isChanged = new Uint8Array(this.#tilesAcross * Math.ceil(layout.height / TILE));
    this.#changed = [];
  }

  #write(first: number, end: number, told: number | Uint32Array): void {
    const { layout, words } = this;
    eachStretch(layout, first, Math.min(end, layout.cells), (cell, count, places) => {
      for (let index = 0; index < count; index++) {
        const word = typeof told === 'number' ? told : told[cell - first + index]!;
        const place = places[index]!;
        words[place] = (word & TOLD_MASK) | PRESENT | (words[place]! & MARKED);
      }
      this.#touch(places, count);
    });
  }

  #setMarks(runs: Uint32Array | undefined, mark: number): void {
    const { layout, words } = this;
    for (let index = 0; runs && index + 1 < runs.length; index += 2) {
      const first = runs[index]!;
      const end = Math.min(first + runs[index + 1]!, layout.cells);
      eachStretch(layout, first, end, (_, count, places) => {
        for (let each = 0; each < count; each++) {
          const place = places[each]!;
          words[place] = (words[place]! & ~MARKED) | mark;
        }
        this.#touch(places, count);
      });
    }
  }

  /** The places are those of one stretch. */
  #touch(places: Uint32Array, count: number): void {
    const { kind, width } = this.layout;
    const step = kind === 'hilbert' ? count : TILE;
    for (let index = 0; index < count; index += step) this.#touchTile(places[index]!, width);
    this.#touchTile(places[count - 1]!, width);
  }

  #touchTile(place: number, width: number): void {
    const row = Math.floor(place / width / TILE);
    const tile = row * this.#tilesAcross + Math.floor((place % width) / TILE);
    if (this.#isChanged[tile] === 1) return;
    this.#isChanged[tile] = 1;
    this.#changed.push(tile);
  }
}
