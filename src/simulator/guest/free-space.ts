/** The pages of the disk that nothing uses, as runs. */
import type { PageRun } from './layout.js';

/** So many runs are looked at for one that is large enough. */
const LOOKED_AT = 512;

export class FreeSpace {
  readonly #firsts: number[] = [];
  readonly #counts: number[] = [];
  /** How many pages are free. */
  pages = 0;

  /** @param runs ascending, apart from each other. */
  constructor(runs: readonly PageRun[]) {
    for (const { first, count } of runs) {
      this.#firsts.push(first);
      this.#counts.push(count);
      this.pages += count;
    }
  }

  /**
   * Takes up to `wanted` pages in one run: from `goal` on where that is free, else the next run that
   * has room for all, else the largest of those that were looked at.
   * @returns undefined when nothing is free.
   */
  take(goal: number, wanted: number): PageRun | undefined {
    if (this.#firsts.length === 0) return undefined;
    const at = this.#indexAt(goal);
    const behind = at < 0 ? 0 : this.#firsts[at]! + this.#counts[at]! - goal;
    if (behind > 0) return this.#cut(at, goal, Math.min(wanted, behind));
    const index = this.#search(at + 1, wanted);
    return this.#cut(index, this.#firsts[index]!, Math.min(wanted, this.#counts[index]!));
  }

  /**
   * Takes `size` pages in one run at a multiple of `size`: the first from `goal` on, or in the runs before it.
   * @returns undefined where none of those that were looked at has room.
   */
  takeAligned(goal: number, size: number): PageRun | undefined {
    const runs = this.#firsts.length;
    const at = Math.max(0, this.#indexAt(goal));
    for (let step = 0; step < Math.min(runs, LOOKED_AT); step++) {
      const index = (at + step) % runs;
      const start = this.#firsts[index]!;
      const from = index === at && step === 0 ? Math.max(start, goal) : start;
      const first = Math.ceil(from / size) * size;
      if (first + size <= start + this.#counts[index]!) return this.#cut(index, first, size);
    }
    return undefined;
  }

  /** Gives pages back that were taken. */
  release(first: number, count: number): void {
    const before = this.#indexAt(first);
    const joinsBefore = before >= 0 && this.#firsts[before]! + this.#counts[before]! === first;
    const after = before + 1;
    const joinsAfter = after < this.#firsts.length && this.#firsts[after] === first + count;
    this.pages += count;
    if (joinsBefore) {
      this.#counts[before]! += count + (joinsAfter ? this.#counts[after]! : 0);
      if (joinsAfter) this.#remove(after);
    } else if (joinsAfter) {
      this.#firsts[after] = first;
      this.#counts[after]! += count;
    } else {
      this.#firsts.splice(after, 0, first);
      this.#counts.splice(after, 0, count);
    }
  }

  /** Visits the free runs, ascending. */
  visit(visit: (first: number, count: number) => void): void {
    this.#firsts.forEach((first, index) => visit(first, this.#counts[index]!));
  }

  /** The last run that begins at `page` or before; -1 when none does. */
  #indexAt(page: number): number {
    let [low, high] = [0, this.#firsts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#firsts[middle]! <= page) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #search(from: number, wanted: number): number {
    const runs = this.#firsts.length;
    let largest = from % runs;
    for (let step = 0; step < Math.min(runs, LOOKED_AT); step++) {
      const index = (from + step) % runs;
      if (this.#counts[index]! >= wanted) return index;
      if (this.#counts[index]! > this.#counts[largest]!) largest = index;
    }
    return largest;
  }

  #cut(index: number, first: number, count: number): PageRun {
    const start = this.#firsts[index]!;
    const end = start + this.#counts[index]!;
    this.pages -= count;
    if (first === start && first + count === end) this.#remove(index);
    else if (first === start) {
      this.#firsts[index] = first + count;
      this.#counts[index]! -= count;
    } else {
      this.#counts[index] = first - start;
      if (first + count < end) {
        this.#firsts.splice(index + 1, 0, first + count);
        this.#counts.splice(index + 1, 0, end - first - count);
      }
    }
    return { first, count };
  }

  #remove(index: number): void {
    this.#firsts.splice(index, 1);
    this.#counts.splice(index, 1);
  }
}
