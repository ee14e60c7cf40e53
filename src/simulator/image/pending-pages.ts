/**
 * Numbers that single pages get, kept until there are many, and then told by page: writes at random
 * reach what lies side by side in memory one after the other.
 */

/** More would take more memory than it saves time. */
const MOST = 2 ** 20;

/** Pages, ascending, and the number of each. */
export interface PageNumbers {
  readonly pages: Float64Array;
  readonly values: Uint32Array;
}

export class PendingPages {
  /** `page * room + index` for each, so that they sort by page, and those of a page by age. */
  readonly #keys: Float64Array;
  readonly #values: Uint32Array;
  #count = 0;

  /**
   * @param pages how many there are; up to 2^52.
   * @param room for how many numbers there is, at least 1; fewer where keys would not be exact.
   */
  constructor(pages: number, room: number) {
    this.#keys = new Float64Array(Math.min(room, MOST, Math.floor(2 ** 53 / pages)));
    this.#values = new Uint32Array(this.#keys.length);
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  get isFull(): boolean {
    return this.#count === this.#keys.length;
  }

  /** There must be room. */
  add(page: number, value: number): void {
    this.#keys[this.#count] = page * this.#keys.length + this.#count;
    this.#values[this.#count++] = value;
  }

  /** Gives all of them away: for each page the last number that it got. */
  take(): PageNumbers {
    const room = this.#keys.length;
    const keys = this.#keys.subarray(0, this.#count).sort();
    const pages = new Float64Array(keys.length);
    const values = new Uint32Array(keys.length);
    let count = 0;
    for (const key of keys) {
      const page = Math.floor(key / room);
      if (count === 0 || pages[count - 1] !== page) count++;
      pages[count - 1] = page;
      values[count - 1] = this.#values[key - page * room]!;
    }
    this.#count = 0;
    return { pages: pages.subarray(0, count), values: values.subarray(0, count) };
  }
}
