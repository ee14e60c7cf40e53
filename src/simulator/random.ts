/** Chance that follows from a seed: the same numbers in each run, one stream for each use. */

export interface Random {
  /** From 0 on, below 1; 53 bits. */
  next(): number;
  /** An integer from 0 on, below `n`. */
  below(n: number): number;
  /** An integer from 0 on, below 2^32. */
  uint32(): number;
}

/** Hashes a stream's name into 32 bits (FNV-1a over UTF-16 units). */
function hash(text: string): number {
  let state = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    state = Math.imul(state ^ text.charCodeAt(index), 0x01000193);
  }
  return state | 0;
}

/**
 * A generator (sfc32). Streams of one seed that have different names are independent.
 * @param seed any number that is exact; its lower 53 bits count.
 */
export function createRandom(seed: number, stream: string): Random {
  let a = seed | 0;
  let b = Math.floor(seed / 2 ** 32) | 0;
  let c = hash(stream);
  let counter = 1;
  function uint32(): number {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }
  function next(): number {
    return ((uint32() >>> 5) * 2 ** 26 + (uint32() >>> 6)) / 2 ** 53;
  }
  // Until every bit of the seed has reached every bit of the state.
  for (let round = 0; round < 16; round++) uint32();
  return { next, uint32, below: (n) => Math.floor(next() * n) };
}
