/** A way through an inode's dirty pages in the order of the file, as it goes to the disk. */
import type { CachedInode } from './cached-inode.js';
import { NONE } from './frame-table.js';
import type { PageCache } from './page-cache.js';

/** What is sent to the disk at once, at most. */
const BATCH_PAGES = 1024;
const BATCH_RUNS = 256;

/** Pages that were dirty when it began; each is looked at again when its turn comes. */
export class Pass {
  position = 0;

  constructor(
    readonly inode: CachedInode,
    readonly pages: Uint32Array,
    /** The frames that had them when it began, where they were told. */
    readonly frames?: Int32Array,
  ) {}

  get finished(): boolean {
    return this.position >= this.pages.length;
  }
}

/** Begins where the last one ended, and goes on from the file's beginning. */
export function beginPass(cache: PageCache, inode: CachedInode): Pass {
  const { pages, frames } = cache.dirtyFramesOf(inode);
  const from = lowerBound(pages, inode.cyclePage);
  if (from === pages.length) return new Pass(inode, pages, frames);
  return new Pass(inode, turned(pages, from), turned(frames, from));
}

/** What is at `from` is first, what was before it last. */
function turned<T extends Uint32Array | Int32Array>(numbers: T, from: number): T {
  const before = numbers.slice(0, from);
  numbers.copyWithin(0, from);
  numbers.set(before, numbers.length - from);
  return numbers;
}

/** The first of the pages, which ascend, that is `page` or more. */
function lowerBound(pages: Uint32Array, page: number): number {
  let [low, high] = [0, pages.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (pages[middle]! < page) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Pages that go to the disk together. */
export class Batch {
  readonly runs: number[] = [];
  readonly frames: number[] = [];
  readonly inodes = new Set<CachedInode>();

  get isFull(): boolean {
    return this.frames.length >= BATCH_PAGES || this.runs.length >= 2 * BATCH_RUNS;
  }

  add(frame: number, place: number): void {
    const last = this.runs.length - 2;
    if (last >= 0 && this.runs[last]! + this.runs[last + 1]! === place) this.runs[last + 1]!++;
    else this.runs.push(place, 1);
    this.frames.push(frame);
  }
}

/**
 * Takes pages from a pass into a batch, at most `limit` and until the batch is full.
 * @param again takes pages, too, that are dirty again while under write-back.
 * @returns how many pages it was.
 */
export function fill(
  cache: PageCache,
  pass: Pass,
  batch: Batch,
  limit: number,
  again: boolean,
): number {
  const { inode, pages, frames } = pass;
  const { places, isHeld, written } = inode.options;
  const before = batch.frames.length;
  while (!pass.finished && !batch.isFull && batch.frames.length - before < limit) {
    const page = pages[pass.position]!;
    const frame = cache.dirtyFrame(inode, page, frames?.[pass.position]);
    const waits = frame !== NONE && !again && cache.isUnderWriteback(frame);
    if (frame === NONE || waits) {
      pass.position++;
      continue;
    }
    if (isHeld?.(page)) cache.clean(inode, frame);
    else {
      if (places.placeOf(page) < 0) allocateRun(cache, pass);
      cache.beginWrite(inode, frame);
      batch.add(frame, places.placeOf(page));
      written?.(page);
    }
    pass.position++;
    inode.cyclePage = page + 1;
  }
  if (batch.frames.length > before) batch.inodes.add(inode);
  return batch.frames.length - before;
}

/** Gives the run of dirty pages at the pass's position its place. */
function allocateRun(cache: PageCache, pass: Pass): void {
  const { inode, pages, position } = pass;
  const first = pages[position]!;
  const room = inode.options.places.roomAt(first);
  let count = 1;
  while (
    count < room &&
    pages[position + count] === first + count &&
    cache.isDirty(inode, first + count)
  )
    count++;
  inode.options.allocate!(first, count);
}
