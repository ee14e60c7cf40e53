/**
 * Where ext4 puts what files write (fs/ext4/mballoc.c): a file of some size has room kept for it up to
 * the next power of two, at a multiple of that; small ones share a run, one behind the other; what is
 * larger than that lies where it fits.
 */
import type { SimulatedFile } from './file.js';
import type { FreeSpace } from './free-space.js';
import { GROUP_PAGES, type Layout, type PageRun } from './layout.js';

/** Up to so many pages a file is small (`mb_stream_req`). */
const SMALL_PAGES = 16;
/** Small files share runs of so many (`mb_group_prealloc`). */
const SHARED_PAGES = 512;
/** Room is kept for files of up to so many: 1 MiB. */
const KEPT_PAGES = 256;

/** What is asked for at once (`MAX_WRITEPAGES_EXTENT_LEN`). */
const LARGEST_PAGES = 2048;

export class BlockAllocator {
  #shared: PageRun | undefined;

  constructor(
    private readonly layout: Layout,
    private readonly space: FreeSpace,
  ) {}

  /**
   * Takes up to so many pages in one run, for pages of a file from its page `first` on.
   * @returns undefined when nothing is free.
   */
  take(file: SimulatedFile, first: number, pages: number): PageRun | undefined {
    const wanted = Math.min(pages, LARGEST_PAGES);
    const goal = file.extents.goalFor(first);
    if (file.kept && file.kept.first === goal) return this.#takeKept(file, wanted);
    const size = Math.max(file.pages, first + pages);
    if (size <= SMALL_PAGES) return this.#takeShared(goal ?? this.#goalOf(file), wanted);
    if (size > KEPT_PAGES || goal !== undefined)
      return this.space.take(goal ?? this.#goalOf(file), wanted);
    const room = this.space.takeAligned(this.#goalOf(file), 2 ** Math.ceil(Math.log2(size)));
    if (!room) return this.space.take(this.#goalOf(file), wanted);
    this.giveBack(file);
    file.kept = room;
    return this.#takeKept(file, wanted);
  }

  /** The room that is kept for a file is free. */
  giveBack(file: SimulatedFile): void {
    if (file.kept) this.space.release(file.kept.first, file.kept.count);
    file.kept = undefined;
  }

  /** The run that small files share is free, as far as none of them has it. */
  giveBackShared(): void {
    if (this.#shared) this.space.release(this.#shared.first, this.#shared.count);
    this.#shared = undefined;
  }

  #takeKept(file: SimulatedFile, wanted: number): PageRun {
    const [run, rest] = split(file.kept!, wanted);
    file.kept = rest;
    return run;
  }

  #takeShared(goal: number, wanted: number): PageRun | undefined {
    if (!this.#shared || this.#shared.count < wanted) {
      this.giveBackShared();
      this.#shared = this.space.takeAligned(goal, SHARED_PAGES);
    }
    if (!this.#shared) return this.space.take(goal, wanted);
    const [run, rest] = split(this.#shared, wanted);
    this.#shared = rest;
    return run;
  }

  /** Files begin in the group behind that of the folders, where there is one. */
  #goalOf({ inode }: SimulatedFile): number {
    return this.layout.dataGroup(this.layout.groupOfInode(inode)) * GROUP_PAGES;
  }
}

function split({ first, count }: PageRun, wanted: number): [PageRun, PageRun | undefined] {
  if (wanted >= count) return [{ first, count }, undefined];
  return [
    { first, count: wanted },
    { first: first + wanted, count: count - wanted },
  ];
}
