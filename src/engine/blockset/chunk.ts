/**
 * A chunk: which of 65,536 neighbouring blocks are in a set.
 *
 * No chunk is ever changed once it is made, so sets share them freely. An empty chunk is `undefined`.
 * The form follows from the count alone (full, sparse up to SPARSE_LIMIT, else a bitmap), so equal
 * chunks have equal forms. A block's `place` is its number within its chunk.
 */

/** Blocks of a chunk. */
export const CHUNK_BLOCKS = 65_536;
const WORDS = CHUNK_BLOCKS / 32;
/** Most blocks that a chunk keeps as a list: half a KiB, where the bitmap takes 8; beyond, bitmaps are faster. */
const SPARSE_LIMIT = 256;

export type Chunk =
  | { readonly form: 'full'; readonly count: number }
  /** `places` ascend. */
  | { readonly form: 'sparse'; readonly count: number; readonly places: Uint16Array }
  /** Bit `place % 32` of word `place / 32`. */
  | { readonly form: 'bitmap'; readonly count: number; readonly words: Int32Array };

/** Chunk or nothing: nothing stands for the empty chunk. */
export type MaybeChunk = Chunk | undefined;

export const FULL_CHUNK: Chunk = { form: 'full', count: CHUNK_BLOCKS };

/** The chunk with the given bits; takes over `words`, which nobody may change from then on. */
export function chunkOfWords(words: Int32Array, count = countBits(words)): MaybeChunk {
  if (count === 0) return undefined;
  if (count === CHUNK_BLOCKS) return FULL_CHUNK;
  if (count <= SPARSE_LIMIT) return { form: 'sparse', count, places: placesOfWords(words, count) };
  return { form: 'bitmap', count, words };
}

/** The chunk with the given ascending places; takes them over. */
function chunkOfPlaces(places: Uint16Array): MaybeChunk {
  if (places.length === 0) return undefined;
  if (places.length <= SPARSE_LIMIT) return { form: 'sparse', count: places.length, places };
  const words = new Int32Array(WORDS);
  setPlaces(words, places);
  return { form: 'bitmap', count: places.length, words };
}

/** The chunk with the places from `start` up to, not including, `end`. */
export function chunkOfRange(start: number, end: number): MaybeChunk {
  if (start === 0 && end === CHUNK_BLOCKS) return FULL_CHUNK;
  if (end - start <= SPARSE_LIMIT)
    return chunkOfPlaces(Uint16Array.from({ length: end - start }, (_, index) => start + index));
  const words = new Int32Array(WORDS);
  setBits(words, start, end);
  return { form: 'bitmap', count: end - start, words };
}

/** A fresh copy of the chunk's bits, the caller's to change. */
export function wordsOf(chunk: MaybeChunk): Int32Array {
  if (chunk?.form === 'bitmap') return chunk.words.slice();
  const words = new Int32Array(WORDS);
  if (chunk?.form === 'full') words.fill(-1);
  if (chunk?.form === 'sparse') setPlaces(words, chunk.places);
  return words;
}

export function chunkHas(chunk: MaybeChunk, place: number): boolean {
  if (chunk === undefined) return false;
  if (chunk.form === 'full') return true;
  if (chunk.form === 'bitmap') return ((chunk.words[place >>> 5]! >>> (place & 31)) & 1) === 1;
  return chunk.places[lowerBound(chunk.places, place)] === place;
}

export function chunksEqual(a: MaybeChunk, b: MaybeChunk): boolean {
  if (a === b) return true;
  if (a?.count !== b?.count) return false;
  if (a?.form === 'sparse' && b?.form === 'sparse') return sameNumbers(a.places, b.places);
  return a?.form === 'bitmap' && b?.form === 'bitmap' && sameNumbers(a.words, b.words);
}

export function chunkUnion(a: MaybeChunk, b: MaybeChunk): MaybeChunk {
  if (a === b || b === undefined) return a;
  if (a === undefined) return b;
  if (a.form === 'full' || b.form === 'full') return FULL_CHUNK;
  if (a.form === 'sparse') return b.form === 'sparse' ? mergeSparse(a, b) : addPlaces(b, a);
  if (b.form === 'sparse') return addPlaces(a, b);
  const words = new Int32Array(WORDS);
  const count = orWords(a.words, b.words, words);
  if (count === a.count) return a;
  return count === b.count ? b : chunkOfWords(words, count);
}

/** Where unions of many are put together; nothing is left in it from call to call. */
const scratch = new Int32Array(WORDS);

/** The union of many; cheaper than one by one. */
export function chunkUnionOf(chunks: readonly Chunk[]): MaybeChunk {
  if (chunks.length <= 2) return chunkUnion(chunks[0], chunks[1]);
  if (chunks.includes(FULL_CHUNK)) return FULL_CHUNK;
  scratch.fill(0);
  for (const chunk of chunks) {
    if (chunk.form === 'sparse') setPlaces(scratch, chunk.places);
    if (chunk.form === 'bitmap') addWords(scratch, chunk.words);
  }
  const count = countBits(scratch);
  return chunkOfWords(count <= SPARSE_LIMIT ? scratch : scratch.slice(), count);
}

export function chunkDifference(a: MaybeChunk, b: MaybeChunk): MaybeChunk {
  if (a === undefined || b === undefined) return a;
  if (a === b || b.form === 'full') return undefined;
  if (a.form === 'sparse') return keepPlaces(a, (place) => !chunkHas(b, place));
  if (b.form === 'sparse') return removePlaces(a, b);
  const words = new Int32Array(WORDS);
  const count = a.form === 'full' ? notWords(b.words, words) : andNotWords(a.words, b.words, words);
  return count === a.count ? a : chunkOfWords(words, count);
}

export function chunkIntersection(a: MaybeChunk, b: MaybeChunk): MaybeChunk {
  if (a === undefined || b === undefined) return undefined;
  if (a === b || b.form === 'full') return a;
  if (a.form === 'full') return b;
  if (a.form === 'sparse') return keepPlaces(a, (place) => chunkHas(b, place));
  if (b.form === 'sparse') return keepPlaces(b, (place) => chunkHas(a, place));
  const words = new Int32Array(WORDS);
  const count = andWords(a.words, b.words, words);
  return count === a.count ? a : chunkOfWords(words, count);
}

/** The chunk with every group of `size` places (32 to 65,536, a power of two) whole of which it has at least `least`. */
export function chunkWithGroups(chunk: MaybeChunk, size: number, least: number): MaybeChunk {
  if (chunk === undefined || chunk.form === 'full' || chunk.count < least) return chunk;
  const words = wordsOf(chunk);
  const step = size / 32;
  for (let group = 0; group < WORDS; group += step) {
    let count = 0;
    for (let word = group; word < group + step; word++) count += countWord(words[word]!);
    if (count >= least) words.fill(-1, group, group + step);
  }
  return chunkOfWords(words);
}

/** Calls `visit` for each maximal run within the chunk, ascending: `start` and `end` (exclusive) are places. */
export function chunkRuns(chunk: Chunk, visit: (start: number, end: number) => void): void {
  if (chunk.form === 'full') visit(0, CHUNK_BLOCKS);
  else if (chunk.form === 'sparse') placeRuns(chunk.places, visit);
  else wordRuns(chunk.words, visit);
}

/** The place of the `index`-th block (from 0) of a chunk that has more than `index`. */
export function placeAt(chunk: Chunk, index: number): number {
  if (chunk.form === 'full') return index;
  if (chunk.form === 'sparse') return chunk.places[index]!;
  let word = 0;
  let left = index;
  for (let bits = countWord(chunk.words[0]!); bits <= left; bits = countWord(chunk.words[word]!)) {
    left -= bits;
    word++;
  }
  let rest = chunk.words[word]!;
  for (; left > 0; left--) rest &= rest - 1;
  return word * 32 + lowestBit(rest);
}

/** Sets the bits from `start` up to, not including, `end`. */
export function setBits(words: Int32Array, start: number, end: number): void {
  forRange(start, end, (word, mask) => (words[word]! |= mask));
}

/** Clears the bits from `start` up to, not including, `end`. */
export function clearBits(words: Int32Array, start: number, end: number): void {
  forRange(start, end, (word, mask) => (words[word]! &= ~mask));
}

function forRange(start: number, end: number, change: (word: number, mask: number) => void): void {
  if (start >= end) return;
  const first = start >>> 5;
  const last = (end - 1) >>> 5;
  const fromStart = -1 << (start & 31);
  const toEnd = -1 >>> (31 - ((end - 1) & 31));
  if (first === last) {
    change(first, fromStart & toEnd);
    return;
  }
  change(first, fromStart);
  for (let word = first + 1; word < last; word++) change(word, -1);
  change(last, toEnd);
}

type Bitmap = Extract<Chunk, { form: 'bitmap' }>;
type Sparse = Extract<Chunk, { form: 'sparse' }>;

function addPlaces(bitmap: Bitmap, sparse: Sparse): MaybeChunk {
  let words: Int32Array | undefined;
  let { count } = bitmap;
  for (const place of sparse.places) {
    if (chunkHas(bitmap, place)) continue;
    words ??= bitmap.words.slice();
    setBit(words, place);
    count++;
  }
  return words ? chunkOfWords(words, count) : bitmap;
}

function removePlaces(from: Chunk, sparse: Sparse): MaybeChunk {
  let words: Int32Array | undefined;
  let { count } = from;
  for (const place of sparse.places) {
    if (!chunkHas(from, place)) continue;
    words ??= wordsOf(from);
    words[place >>> 5]! &= ~(1 << (place & 31));
    count--;
  }
  return words ? chunkOfWords(words, count) : from;
}

function keepPlaces(sparse: Sparse, keep: (place: number) => boolean): MaybeChunk {
  const kept = sparse.places.filter(keep);
  return kept.length === sparse.count ? sparse : chunkOfPlaces(kept);
}

function mergeSparse(a: Sparse, b: Sparse): MaybeChunk {
  const places = mergePlaces(a.places, b.places);
  if (places.length === a.count) return a;
  return places.length === b.count ? b : chunkOfPlaces(places);
}

function mergePlaces(a: Uint16Array, b: Uint16Array): Uint16Array {
  const merged = new Uint16Array(a.length + b.length);
  let length = 0;
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const left = a[i]!;
    const right = b[j]!;
    merged[length++] = left < right ? left : right;
    if (left <= right) i++;
    if (right <= left) j++;
  }
  while (i < a.length) merged[length++] = a[i++]!;
  while (j < b.length) merged[length++] = b[j++]!;
  return length === merged.length ? merged : merged.slice(0, length);
}

function placesOfWords(words: Int32Array, count: number): Uint16Array {
  const places = new Uint16Array(count);
  let length = 0;
  for (let word = 0; length < count; word++) {
    for (let rest = words[word]!; rest !== 0; rest &= rest - 1)
      places[length++] = word * 32 + lowestBit(rest);
  }
  return places;
}

function lowerBound(places: Uint16Array, place: number): number {
  let low = 0;
  let high = places.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (places[middle]! < place) low = middle + 1;
    else high = middle;
  }
  return low;
}

function placeRuns(places: Uint16Array, visit: (start: number, end: number) => void): void {
  let start = places[0]!;
  let end = start + 1;
  for (let index = 1; index < places.length; index++) {
    const place = places[index]!;
    if (place !== end) {
      visit(start, end);
      start = place;
    }
    end = place + 1;
  }
  visit(start, end);
}

function wordRuns(words: Int32Array, visit: (start: number, end: number) => void): void {
  let start = -1;
  for (let word = 0; word < WORDS; word++) {
    // Bits of `changes` are set where membership differs from the block before.
    const bits = words[word]!;
    let changes = bits ^ ((bits << 1) | (start < 0 ? 0 : 1));
    for (; changes !== 0; changes &= changes - 1) {
      const place = word * 32 + lowestBit(changes);
      if (start < 0) {
        start = place;
      } else {
        visit(start, place);
        start = -1;
      }
    }
  }
  if (start >= 0) visit(start, CHUNK_BLOCKS);
}

function setBit(words: Int32Array, place: number): void {
  words[place >>> 5]! |= 1 << (place & 31);
}

function setPlaces(words: Int32Array, places: Uint16Array): void {
  for (let index = 0; index < places.length; index++) setBit(words, places[index]!);
}

function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}

function sameNumbers(a: Int32Array | Uint16Array, b: Int32Array | Uint16Array): boolean {
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

function countWord(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

function countBits(words: Int32Array): number {
  let count = 0;
  for (let word = 0; word < WORDS; word++) count += countWord(words[word]!);
  return count;
}

function addWords(to: Int32Array, words: Int32Array): void {
  for (let word = 0; word < WORDS; word++) to[word]! |= words[word]!;
}

function orWords(a: Int32Array, b: Int32Array, into: Int32Array): number {
  let count = 0;
  for (let word = 0; word < WORDS; word++) {
    const bits = a[word]! | b[word]!;
    into[word] = bits;
    count += countWord(bits);
  }
  return count;
}

function andWords(a: Int32Array, b: Int32Array, into: Int32Array): number {
  let count = 0;
  for (let word = 0; word < WORDS; word++) {
    const bits = a[word]! & b[word]!;
    into[word] = bits;
    count += countWord(bits);
  }
  return count;
}

function andNotWords(a: Int32Array, b: Int32Array, into: Int32Array): number {
  let count = 0;
  for (let word = 0; word < WORDS; word++) {
    const bits = a[word]! & ~b[word]!;
    into[word] = bits;
    count += countWord(bits);
  }
  return count;
}

function notWords(b: Int32Array, into: Int32Array): number {
  let count = 0;
  for (let word = 0; word < WORDS; word++) {
    const bits = ~b[word]!;
    into[word] = bits;
    count += countWord(bits);
  }
  return count;
}
