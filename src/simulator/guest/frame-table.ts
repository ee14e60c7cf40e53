/**
 * The frames of memory that hold pages: which page of which inode each holds, a hash to find it by,
 * and the links of two lists: the inode's, and that of clean pages by use. All of a frame lies side by
 * side in one array, so that it is one line of the processor's cache.
 */

/** No frame. */
export const NONE = -1;

/** Buckets for each frame: most have one page, so that what is looked for is found at once, or is not there. */
const BUCKETS_OF_FRAME = 4;

/** Words of a frame; a frame is the place of its first word. */
const FRAME_WORDS = 8;

/** Where in a frame each word is: links of the inode's lists, links of the list of clean pages … */
export const PREVIOUS = 0;
export const NEXT = 1;
export const OLDER = 2;
export const NEWER = 3;
/** … state bits, and in steps of `WRITE` the writes on their way … */
export const STATE = 4;
export const WRITE = 4;
/** … and what it holds: the slot of the inode, and the page (of 32 bits). */
const SLOT = 5;
const PAGE = 6;
const CHAINED = 7;

/** Grows as it is needed. */
export class FrameTable {
  words = new Int32Array(0);
  /** Frames in use. */
  used = 0;
  #heads = new Int32Array(0);
  #mask = 0;
  #free = NONE;

  constructor() {
    this.#grow(1024);
  }

  page(frame: number): number {
    return this.words[frame + PAGE]! >>> 0;
  }

  slot(frame: number): number {
    return this.words[frame + SLOT]!;
  }

  /** Whether a frame has that page; it may be forgotten all the same. */
  holds(frame: number, slot: number, page: number): boolean {
    const words = this.words;
    return words[frame + PAGE] === (page | 0) && words[frame + SLOT] === slot;
  }

  /** The frame that holds a page; NONE when it is not cached. */
  find(slot: number, page: number): number {
    const words = this.words;
    const held = page | 0;
    let frame = this.#heads[this.#bucket(slot, page)]!;
    while (frame !== NONE && (words[frame + PAGE] !== held || words[frame + SLOT] !== slot))
      frame = words[frame + CHAINED]!;
    return frame;
  }

  /** Takes a frame for a page that is not cached. */
  take(slot: number, page: number): number {
    if (this.#free === NONE) this.#grow((this.words.length / FRAME_WORDS) * 2);
    const frame = this.#free;
    this.#free = this.words[frame + NEXT]!;
    this.words[frame + PAGE] = page;
    this.words[frame + SLOT] = slot;
    this.#chain(frame);
    this.used++;
    return frame;
  }

  /** Makes the page not be found any more. */
  forget(frame: number): void {
    const words = this.words;
    const bucket = this.#bucket(this.slot(frame), this.page(frame));
    let at = this.#heads[bucket]!;
    if (at === frame) {
      this.#heads[bucket] = words[frame + CHAINED]!;
      return;
    }
    while (words[at + CHAINED] !== frame) at = words[at + CHAINED]!;
    words[at + CHAINED] = words[frame + CHAINED]!;
  }

  /** Gives a frame back whose page is forgotten. */
  release(frame: number): void {
    this.words[frame + STATE] = 0;
    this.words[frame + SLOT] = NONE;
    this.words[frame + NEXT] = this.#free;
    this.#free = frame;
    this.used--;
  }

  #chain(frame: number): void {
    const bucket = this.#bucket(this.slot(frame), this.page(frame));
    this.words[frame + CHAINED] = this.#heads[bucket]!;
    this.#heads[bucket] = frame;
  }

  /** Neighbours have neighbouring buckets, so that long runs are quick. */
  #bucket(slot: number, page: number): number {
    let mixed = Math.imul((page >>> 4) ^ Math.imul(slot, 0x9e3779b1), 0x85ebca6b);
    mixed ^= mixed >>> 15;
    return ((mixed << 4) | (page & 15)) & this.#mask;
  }

  /** @param frames how many there are then. */
  #grow(frames: number): void {
    const listed = this.#listed();
    const before = this.words.length;
    const words = new Int32Array(frames * FRAME_WORDS);
    words.set(this.words);
    this.words = words;
    this.#heads = new Int32Array(BUCKETS_OF_FRAME * frames).fill(NONE);
    this.#mask = BUCKETS_OF_FRAME * frames - 1;
    for (const frame of listed) this.#chain(frame);
    for (let frame = words.length - FRAME_WORDS; frame >= before; frame -= FRAME_WORDS) {
      words[frame + SLOT] = NONE;
      words[frame + NEXT] = this.#free;
      this.#free = frame;
    }
  }

  /** The frames that can be found. */
  #listed(): number[] {
    const found: number[] = [];
    for (let frame = 0; frame < this.words.length; frame += FRAME_WORDS) {
      const slot = this.slot(frame);
      if (slot !== NONE && this.find(slot, this.page(frame)) === frame) found.push(frame);
    }
    return found;
  }
}
