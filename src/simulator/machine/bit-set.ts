/**
 * A set of block numbers that takes memory only where it is not empty: chunks of bits, made when
 * the first of their bits is set. A disk of 10 TiB in blocks of 64 KiB has 160 million of them.
 */

const CHUNK_BITS = 32_768;
const WORDS = CHUNK_BITS / 32;
const ALL = 0xffff_ffff;

/** How many bits of a 32-bit word are set. */
function ones(word: number): number {
  const pairs = word - ((word >>> 1) & 0x5555_5555);
  const fours = (pairs & 0x3333_3333) + ((pairs >>> 2) & 0x3333_3333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}

/** Bits `from` to `to - 1` of a word; 0 <= from < to <= 32. */
function maskOf(from: number, to: number): number {
  return (ALL << from) & (ALL >>> (32 - to));
}

export class BitSet {
  #chunks: (Uint32Array | undefined)[];
  #count = 0;

  /** @param size the numbers in it are less than this. */
  constructor(readonly size: number) {
    this.#chunks = new Array<Uint32Array | undefined>(Math.ceil(size / CHUNK_BITS)).fill(undefined);
  }

  /** How many are in it. */
  get count(): number {
    return this.#count;
  }

  has(bit: number): boolean {
    const within = bit % CHUNK_BITS;
    const word = this.#chunks[(bit - within) / CHUNK_BITS]?.[within >>> 5] ?? 0;
    return ((word >>> (within & 31)) & 1) === 1;
  }

  add(bit: number): void {
    const within = bit % CHUNK_BITS;
    const chunk = this.#chunk((bit - within) / CHUNK_BITS);
    const before = chunk[within >>> 5]!;
    const after = before | (1 << (within & 31));
    if (after === (before | 0)) return;
    chunk[within >>> 5] = after;
    this.#count += 1;
  }

  /** Adds `first` to `end - 1`. */
  addRange(first: number, end: number): void {
    let bit = first;
    while (bit < end) {
      const within = bit % CHUNK_BITS;
      const chunk = this.#chunk((bit - within) / CHUNK_BITS);
      const stop = Math.min(CHUNK_BITS, within + end - bit);
      this.#fill(chunk, within, stop);
      bit += stop - within;
    }
  }

  copy(): BitSet {
    const copy = new BitSet(this.size);
    copy.#chunks = this.#chunks.map((chunk) => chunk?.slice());
    copy.#count = this.#count;
    return copy;
  }

  /** Adds all that are in another one. */
  union(other: BitSet): void {
    other.#chunks.forEach((theirs, index) => {
      if (!theirs) return;
      const chunk = this.#chunk(index);
      for (let word = 0; word < WORDS; word++) {
        const before = chunk[word]!;
        chunk[word] = before | theirs[word]!;
        this.#count += ones(chunk[word]!) - ones(before);
      }
    });
  }

  /** The first bit from `bit` on, and before `end`, that is in it (or is not); `end` when there is none. */
  next(bit: number, end: number, wanted: boolean): number {
    let at = bit;
    while (at < end) {
      const within = at % CHUNK_BITS;
      const start = at - within;
      const chunk = this.#chunks[start / CHUNK_BITS];
      if (!chunk && !wanted) return at;
      const found = chunk ? search(chunk, within, wanted) : CHUNK_BITS;
      if (found < CHUNK_BITS) return Math.min(end, start + found);
      at = start + CHUNK_BITS;
    }
    return end;
  }

  #chunk(index: number): Uint32Array {
    return (this.#chunks[index] ??= new Uint32Array(WORDS));
  }

  #fill(chunk: Uint32Array, from: number, to: number): void {
    for (let word = from >>> 5; word <= (to - 1) >>> 5; word++) {
      const base = word * 32;
      const mask = maskOf(Math.max(0, from - base), Math.min(32, to - base));
      const before = chunk[word]!;
      chunk[word] = before | mask;
      this.#count += ones(chunk[word]!) - ones(before);
    }
  }
}

/** The first bit of a chunk from `from` on that is set, or is not; CHUNK_BITS when there is none. */
function search(chunk: Uint32Array, from: number, wanted: boolean): number {
  for (let word = from >>> 5; word < WORDS; word++) {
    const bits = wanted ? chunk[word]! : ~chunk[word]!;
    const left = word === from >>> 5 ? bits & (ALL << (from & 31)) : bits;
    if (left !== 0) return word * 32 + (31 - Math.clz32(left & -left));
  }
  return CHUNK_BITS;
}
