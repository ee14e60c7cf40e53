/**
 * A few pages of a chunk and their numbers, in one array: how many pairs there are, and then pairs of
 * index in the chunk and number, ascending.
 */
import type { PageNumbers } from './pending-pages.js';

/** So many pages that differ are kept as pairs; more as an array of all pages. */
export const MOST_PAIRS = 1024;

export type Pairs = Uint32Array;

const NO_PAIRS: Pairs = new Uint32Array(1);
const scratch = new Uint32Array(2 * MOST_PAIRS + 1);

/** The first pair whose index is `index` or more; from 0 on. */
export function lowerBound(pairs: Pairs, index: number): number {
  let [low, high] = [0, pairs[0]!];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (pairs[2 * middle + 1]! < index) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Puts numbers in; there must not be more than `MOST_PAIRS` in all.
 * @param base what pages have that are in no pair.
 * @param start the first page of the chunk.
 * @returns the pairs, which may be another array, with room for more.
 */
export function mergePairs(
  pairs: Pairs = NO_PAIRS,
  base: number,
  start: number,
  { pages, values }: PageNumbers,
): Pairs {
  const end = 2 * pairs[0]! + 1;
  let [at, out] = [1, 1];
  for (let each = 0; each < pages.length; each++) {
    const index = pages[each]! - start;
    while (at < end && pairs[at]! < index) {
      scratch[out++] = pairs[at++]!;
      scratch[out++] = pairs[at++]!;
    }
    if (at < end && pairs[at] === index) at += 2;
    if (values[each] === base) continue;
    scratch[out++] = index;
    scratch[out++] = values[each]!;
  }
  while (at < end) scratch[out++] = pairs[at++]!;
  scratch[0] = (out - 1) / 2;
  const target = out <= pairs.length ? pairs : new Uint32Array(roomFor(scratch[0]));
  target.set(scratch.subarray(0, out));
  return target;
}

/** Words for so many pairs and some more. */
function roomFor(pairs: number): number {
  return 2 * Math.min(MOST_PAIRS, Math.ceil(pairs * 1.3) + 3) + 1;
}
