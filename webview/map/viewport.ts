/** What is seen of a map in its room: zoomed and moved, and asked what is where. */
import { cellAt, placeOf, type Layout } from '../../src/heatmap/index.js';
import { reveal, whole, zoom } from './camera.js';
import type { Seen } from './painter.js';

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** First and last cell that are seen, as shares of the disk. */
export interface Covered {
  readonly from: number;
  readonly to: number;
}

/** How much wider than the whole map the view may become. */
const WIDEST = 1.5;
/** Places across when one block is looked at. */
const CLOSE_WIDTH = 24;
/** Points across at which it is asked which cells are seen. */
const SAMPLES = 12;
const MIDDLE: Point = { x: 0.5, y: 0.5 };

export class Viewport {
  #layout: Layout | undefined;
  #kept: Seen | undefined;

  /** @param room is the element that the map is drawn in. */
  constructor(private readonly room: HTMLElement) {}

  /** Another layout: the whole of it is seen. */
  show(layout: Layout): void {
    this.#layout = layout;
    this.#kept = undefined;
  }

  /** Looks there; undefined for the whole map. */
  look(seen: Seen | undefined): void {
    this.#kept = seen;
  }

  /** What a person chose to see; undefined while it is the whole map. */
  get kept(): Seen | undefined {
    return this.#kept && this.seen;
  }

  /** What is seen, in the shape of the room. */
  get seen(): Seen {
    const { width, height } = this.size;
    const seen = this.#kept ?? this.#whole();
    const wanted = seen.width * (height / width);
    return { ...seen, y: seen.y + (seen.height - wanted) / 2, height: wanted };
  }

  get map(): { readonly width: number; readonly height: number } {
    return this.#layout ?? { width: 1, height: 1 };
  }

  /** Of the room, in CSS pixels; never zero. */
  get size(): { readonly width: number; readonly height: number } {
    return { width: this.room.clientWidth || 1, height: this.room.clientHeight || 1 };
  }

  /** CSS pixels of a place. */
  get scale(): number {
    return this.size.width / this.seen.width;
  }

  get widest(): number {
    return this.#whole().width * WIDEST;
  }

  /** Zooms about a cell, or about the middle. */
  zoom(factor: number, cell?: number): void {
    const { seen } = this;
    const place = cell === undefined ? undefined : this.placeOf(cell);
    const at = place
      ? { x: (place.x + 0.5 - seen.x) / seen.width, y: (place.y + 0.5 - seen.y) / seen.height }
      : MIDDLE;
    this.#kept = zoom(seen, factor, at, { widest: this.widest });
  }

  /** So near that a cell and its neighbours can be told apart. */
  zoomTo(cell: number): void {
    const width = CLOSE_WIDTH;
    this.#kept = { ...this.seen, width, height: width * (this.size.height / this.size.width) };
    this.centre(cell);
  }

  centre(cell: number): void {
    const { x, y } = this.placeOf(cell);
    const { seen } = this;
    this.#kept = { ...seen, x: x + 0.5 - seen.width / 2, y: y + 0.5 - seen.height / 2 };
  }

  /** Moves as little as is needed to have a cell in sight. */
  reveal(cell: number): void {
    const { seen } = this;
    const shown = reveal(seen, this.placeOf(cell));
    if (shown.x !== seen.x || shown.y !== seen.y) this.#kept = shown;
  }

  /** Column and row of a cell. */
  placeOf(cell: number): Point {
    if (!this.#layout) return { x: 0, y: 0 };
    const place = placeOf(this.#layout, cell);
    return { x: place % this.#layout.width, y: Math.floor(place / this.#layout.width) };
  }

  /** The middle of a cell in CSS pixels of the room; undefined where it is not seen. */
  pixelOf(cell: number): Point | undefined {
    if (!this.#layout) return undefined;
    const { seen, size, scale } = this;
    const place = this.placeOf(cell);
    const x = (place.x + 0.5 - seen.x) * scale;
    const y = (place.y + 0.5 - seen.y) * scale;
    return x >= 0 && y >= 0 && x < size.width && y < size.height ? { x, y } : undefined;
  }

  /** The cell at a point of the room, whose sides are 0 to 1. */
  cellAt(at: Point): number | undefined {
    if (!this.#layout) return undefined;
    const { seen } = this;
    const x = Math.floor(seen.x + at.x * seen.width);
    const y = Math.floor(seen.y + at.y * seen.height);
    return cellAt(this.#layout, x, y);
  }

  get covered(): Covered {
    const layout = this.#layout;
    const { seen } = this;
    if (!layout || (seen.width >= layout.width && seen.height >= layout.height))
      return { from: 0, to: 1 };
    let from = Infinity;
    let to = -Infinity;
    for (let row = 0; row <= SAMPLES; row++) {
      for (let column = 0; column <= SAMPLES; column++) {
        const cell = this.cellAt({ x: column / SAMPLES, y: row / SAMPLES });
        if (cell === undefined) continue;
        from = Math.min(from, cell);
        to = Math.max(to, cell + 1);
      }
    }
    return to < from ? { from: 0, to: 1 } : { from: from / layout.cells, to: to / layout.cells };
  }

  #whole(): Seen {
    return whole(this.map, this.size);
  }
}
