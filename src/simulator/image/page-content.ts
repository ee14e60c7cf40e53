/**
 * What a simulated guest writes: each page follows from a seed, its number and its version. It begins
 * with a header that tells the three; the rest is a piece of a pool of chance, which is fast to copy
 * and to compare.
 *
 *   bytes 0-3    "MSpg"         little-endian throughout
 *   bytes 4-7    seed
 *   bytes 8-15   number of the page
 *   bytes 16-19  version
 */
import { createRandom } from '../random.js';
import { PAGE_BYTES } from '../guest/types.js';

/** The highest version of a page; the lowest is 1. */
export const MAXIMUM_VERSION = 2 ** 32 - 4;

const MAGIC = 0x6770534d;
const HEADER_BYTES = 20;
const POOL_BYTES = 256 * 1024;
/** Where in the pool a page can begin: at each fourth byte. */
const PLACES = (POOL_BYTES - PAGE_BYTES) / 4;

const pool = makePool();

function makePool(): Buffer {
  const random = createRandom(0, 'page content');
  const made = Buffer.alloc(POOL_BYTES);
  for (let at = 0; at < POOL_BYTES; at += 4) made.writeUInt32LE(random.uint32(), at);
  return made;
}

function placeInPool(seed: number, page: number, version: number): number {
  let mixed = Math.imul(page ^ Math.imul(version, 0x9e3779b1), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 15) ^ seed, 0xc2b2ae35);
  return (((mixed ^ (mixed >>> 13)) >>> 0) % PLACES) * 4;
}

/** Puts a page's content at `at` of `target`, which `view` shows, too. */
export function putContent(
  target: Uint8Array,
  view: DataView,
  at: number,
  seed: number,
  page: number,
  version: number,
): void {
  const place = placeInPool(seed, page, version);
  target.set(pool.subarray(place, place + PAGE_BYTES), at);
  view.setUint32(at, MAGIC, true);
  view.setUint32(at + 4, seed, true);
  view.setUint32(at + 8, page, true);
  view.setUint32(at + 12, Math.floor(page / 2 ** 32), true);
  view.setUint32(at + 16, version, true);
}

/** The seed that the page at `at` of `view` names; whether it is content is not said. */
export function readSeed(view: DataView, at: number): number {
  return view.getUint32(at + 4, true);
}

/** The version of the page at `at` of `data`, when every byte is a guest's content of `page`; else 0. */
export function recogniseContent(
  data: Uint8Array,
  view: DataView,
  at: number,
  page: number,
): number {
  if (view.getUint32(at, true) !== MAGIC) return 0;
  const named = view.getUint32(at + 8, true) + view.getUint32(at + 12, true) * 2 ** 32;
  const version = view.getUint32(at + 16, true);
  if (named !== page || version > MAXIMUM_VERSION) return 0;
  const place = placeInPool(readSeed(view, at), page, version);
  const [from, to] = [at + HEADER_BYTES, at + PAGE_BYTES];
  const difference = pool.compare(data, from, to, place + HEADER_BYTES, place + PAGE_BYTES);
  return difference === 0 ? version : 0;
}
