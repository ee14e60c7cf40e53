/** Where the pages of a file lie on the disk. */
import type { PageRun } from './layout.js';

/** Tells the place of pages of something that is cached. */
export interface Places {
  /** The page of the disk on which a page lies; -1 when it has no place. */
  placeOf(page: number): number;
  /** How many pages from `page` on, itself included, lie one after the other, or have no place. */
  roomAt(page: number): number;
}

/** Each page of the disk is its own place. */
export const ON_ITSELF: Places = { placeOf: (page) => page, roomAt: () => Infinity };

export class Extents implements Places {
  readonly #starts: number[] = [];
  readonly #places: number[] = [];
  readonly #counts: number[] = [];
  #hint = 0;

  get length(): number {
    return this.#starts.length;
  }

  placeOf(page: number): number {
    const index = this.#indexAt(page);
    if (index < 0) return -1;
    const within = page - this.#starts[index]!;
    return within < this.#counts[index]! ? this.#places[index]! + within : -1;
  }

  roomAt(page: number): number {
    const index = this.#indexAt(page);
    const within = index < 0 ? Infinity : page - this.#starts[index]!;
    if (index >= 0 && within < this.#counts[index]!) return this.#counts[index]! - within;
    const next = this.#starts[index + 1];
    return next === undefined ? Infinity : next - page;
  }

  /** The page of the disk behind the last one before `page`; undefined when there is none. */
  goalFor(page: number): number | undefined {
    const index = this.#indexAt(page);
    return index < 0 ? undefined : this.#places[index]! + this.#counts[index]!;
  }

  /** Gives pages that have no place one. */
  add(start: number, place: number, count: number): void {
    const before = this.#indexAt(start);
    const joins =
      before >= 0 &&
      this.#starts[before]! + this.#counts[before]! === start &&
      this.#places[before]! + this.#counts[before]! === place;
    if (joins) {
      this.#counts[before]! += count;
      return;
    }
    this.#starts.splice(before + 1, 0, start);
    this.#places.splice(before + 1, 0, place);
    this.#counts.splice(before + 1, 0, count);
  }

  /** Takes the places of all pages from `from` on away. @returns them. */
  cut(from: number): PageRun[] {
    const freed: PageRun[] = [];
    while (this.#starts.length > 0) {
      const last = this.#starts.length - 1;
      const [start, place, count] = [this.#starts[last]!, this.#places[last]!, this.#counts[last]!];
      if (start + count <= from) break;
      const kept = Math.max(0, from - start);
      freed.push({ first: place + kept, count: count - kept });
      this.#counts[last] = kept;
      if (kept > 0) break;
      this.#starts.pop();
      this.#places.pop();
      this.#counts.pop();
    }
    return freed;
  }

  /** Visits them by place in the file. */
  visit(visit: (start: number, place: number, count: number) => void): void {
    this.#starts.forEach((start, index) =>
      visit(start, this.#places[index]!, this.#counts[index]!),
    );
  }

  /** The last extent that begins at `page` or before; -1 when none does. */
  #indexAt(page: number): number {
    const starts = this.#starts;
    const hint = this.#hint;
    if (hint < starts.length && starts[hint]! <= page) {
      const next = starts[hint + 1];
      if (next === undefined || next > page) return hint;
    }
    let [low, high] = [0, starts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (starts[middle]! <= page) low = middle + 1;
      else high = middle;
    }
    this.#hint = Math.max(0, low - 1);
    return low - 1;
  }
}
