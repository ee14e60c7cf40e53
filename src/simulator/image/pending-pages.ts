/**
 * Numbers that single pages get, kept until there are many, so that whoever takes them has them by
 * page: writes at random then reach what lies side by side in memory one after the other.
 */

/** More would not be told apart by `#keys`: 2^34 pages (64 TiB) times this are exact numbers. */
const MOST = 2 ** 19;

export class PendingPages {
  /** `page * MOST + index` for each, so that they sort by page, and those of a page by age. */
  readonly #keys: Float64Array;
  readonly #values: Uint32Array;
  #count = 0;

  /** @param room for how many there is; 1 to 2^19. */
  constructor(room: number) {
    this.#keys = new Float64Array(Math.min(room, MOST));
    this.#values = new Uint32Array(this.#keys.length);
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  get isFull(): boolean {
    return this.#count === this.#keys.length;
  }

  /** There must be room. @param page below 2^34. */
  add(page: number, value: number): void {
    this.#keys[this.#count] = page * MOST + this.#count;
    this.#values[this.#count++] = value;
  }

  /** Gives all of them away: for each page the last number that it got, as ascending runs. */
  take(give: (first: number, count: number, value: number) => void): void {
    const keys = this.#keys.subarray(0, this.#count).sort();
    this.#count = 0;
    let [first, count, value] = [0, 0, 0];
    keys.forEach((key, index) => {
      const page = Math.floor(key / MOST);
      if (keys[index + 1]! < (page + 1) * MOST) return;
      const own = this.#values[key - page * MOST]!;
      if (page === first + count && own === value) {
        count++;
        return;
      }
      if (count > 0) give(first, count, value);
      [first, count, value] = [page, 1, own];
    });
    if (count > 0) give(first, count, value);
  }
}
