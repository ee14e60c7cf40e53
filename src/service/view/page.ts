/** The numbers of neighbouring blocks, one for each, in the smallest of three forms. Pure. */

/** Blocks of a page. */
export const PAGE_BLOCKS = 4096;

/** Runs of blocks with one number: the end of a run, and its number, and so on; the last end is the page's. */
export type Runs = readonly number[];

/** One number for all blocks, runs, or a number for each; the disk's last page may be shorter. */
export type Page = number | Runs | Uint32Array;

/** The number that a block gets instead of the one that it has. */
export type Change = (before: number) => number;

/** Is told what changes: `blocks` blocks had `before`, and have `after`. */
export type ChangeListener = (before: number, after: number, blocks: number) => void;

/** A page with more runs has a number for each block. */
const MOST_RUNS = 256;

/** Such a page becomes one of runs again where it has no more than this; less, so that it does not go to and fro. */
const FEW_RUNS = MOST_RUNS / 2;

/** What of a page's memory is not its numbers, in bytes. */
const BESIDE = 32;

/** The number of a block of the page. */
export function numberAt(page: Page, block: number): number {
  if (typeof page === 'number') return page;
  if (page instanceof Uint32Array) return page[block]!;
  return page[firstAfter(page, block) + 1]!;
}

/** Calls `visit` for the runs of one number among the blocks from `from` up to, not including, `to`. */
export function visitRuns(
  page: Page,
  from: number,
  to: number,
  visit: (value: number, from: number, to: number) => void,
): void {
  if (typeof page === 'number') {
    visit(page, from, to);
    return;
  }
  let start = from;
  if (page instanceof Uint32Array) {
    while (start < to) {
      const value = page[start]!;
      let end = start + 1;
      while (end < to && page[end] === value) end++;
      visit(value, start, end);
      start = end;
    }
    return;
  }
  for (let at = firstAfter(page, from); start < to; at += 2) {
    const end = Math.min(to, page[at]!);
    visit(page[at + 1]!, start, end);
    start = end;
  }
}

/** What the page takes in memory, in bytes, beside its place in a list. */
export function bytesOf(page: Page): number {
  if (typeof page === 'number') return 0;
  return BESIDE + (page instanceof Uint32Array ? page.byteLength : page.length * 8);
}

/** A number for each of the page's `length` blocks; the page itself where it is so already. */
export function filled(page: Page, length: number): Uint32Array {
  if (page instanceof Uint32Array) return page;
  const numbers = new Uint32Array(length);
  visitRuns(page, 0, length, (value, from, to) => void numbers.fill(value, from, to));
  return numbers;
}

/** The page in a smaller form, where it has few runs. */
export function simplified(page: Uint32Array): Page {
  const runs: number[] = [];
  let before = page[0]!;
  for (let at = 1; at < page.length; at++) {
    const value = page[at]!;
    if (value === before) continue;
    if (runs.length === 2 * (FEW_RUNS - 1)) return page;
    runs.push(at, before);
    before = value;
  }
  if (runs.length === 0) return before;
  return [...runs, page.length, before];
}

/**
 * The page with the numbers of some blocks changed; the same one where none of them did. Costs time
 * in proportion to the runs from the first that changes to the last, and a copy of the others.
 * @param length blocks of the page.
 * @param ranges pairs: first block, and the one after the last; ascending, at least one.
 */
export function changed(
  page: number | Runs,
  length: number,
  ranges: readonly number[],
  next: Change,
  listener?: ChangeListener,
): Page {
  const old = typeof page === 'number' ? [length, page] : page;
  const first = firstChanged(old, ranges, next);
  if (!first) return page;
  let { at } = first;
  const runs = old.slice(0, at);
  let start = at === 0 ? 0 : old[at - 2]!;
  for (let range = first.range; range < ranges.length; range += 2) {
    const [from, to] = [ranges[range]!, ranges[range + 1]!];
    while (start < to) {
      const isNamed = start >= from;
      const end = Math.min(isNamed ? to : from, old[at]!);
      const before = old[at + 1]!;
      const after = isNamed ? next(before) : before;
      addRun(runs, end, after);
      if (after !== before) listener?.(before, after, end - start);
      start = end;
      if (end === old[at]) at += 2;
    }
  }
  // The rest of a run of which a part was changed, or one that may be like the last that was.
  if (at < old.length) {
    addRun(runs, old[at]!, old[at + 1]!);
    at += 2;
  }
  if (runs.length === 2 && at === old.length) return runs[1]!;
  const all = at < old.length ? runs.concat(old.slice(at)) : runs;
  return all.length > 2 * MOST_RUNS ? filled(all, length) : all;
}

/** The first range in which a number changes, and the place of its run. */
function firstChanged(
  runs: Runs,
  ranges: readonly number[],
  next: Change,
): { readonly range: number; readonly at: number } | undefined {
  for (let range = 0; range < ranges.length; range += 2) {
    let at = firstAfter(runs, ranges[range]!);
    for (; ; at += 2) {
      if (next(runs[at + 1]!) !== runs[at + 1]) return { range, at };
      if (runs[at]! >= ranges[range + 1]!) break;
    }
  }
  return undefined;
}

/** Place of the run that a block is in. */
function firstAfter(runs: Runs, block: number): number {
  let [low, high] = [0, runs.length >> 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (runs[2 * middle]! > block) high = middle;
    else low = middle + 1;
  }
  return 2 * low;
}

/** Adds a run up to `end`; one with the number of the last run is a part of it. */
export function addRun(runs: number[], end: number, value: number): void {
  const { length } = runs;
  if (length > 0 && runs[length - 1] === value) runs[length - 2] = end;
  else runs.push(end, value);
}
