/**
 * An ext4-like file system: names, inodes, and where files lie. Places are given when pages are
 * written back, and promised when they become dirty, so that write-back always finds room; every
 * change touches the pages of metadata that hold it.
 */
import { UsageError } from '../../base/errors.js';
import { NoSpaceError } from '../workload/no-space.js';
import { BlockAllocator } from './block-allocator.js';
import { Directories } from './directories.js';
import { SimulatedFile } from './file.js';
import { FreeSpace } from './free-space.js';
import { InodeNumbers } from './inode-numbers.js';
import type { Transaction } from './journal.js';
import { GROUP_PAGES, type Layout, type PageRun } from './layout.js';
import { PAGE_BYTES } from './types.js';

/** Takes changes of metadata. */
export interface MetadataLog {
  touch(page: number): void;
  /** These pages are free once the change is durable. */
  free(run: PageRun): void;
  /** The disk is full: a commit is forced, and what was freed before it is free now (ext4 does so and tries again). */
  forceFree(): void;
  /** What changes now belongs to. */
  readonly running: Transaction | undefined;
}

export class FileSystem {
  readonly journalPlace: PageRun;
  /** By path. */
  readonly files = new Map<string, SimulatedFile>();
  readonly #byInode = new Map<number, SimulatedFile>();
  readonly #space: FreeSpace;
  readonly #allocator: BlockAllocator;
  readonly #inodes: InodeNumbers;
  readonly #directories: Directories;
  /** Groups of which nothing became free since they were trimmed. */
  readonly #trimmed: Uint8Array;
  /** Pages that are free, and kept for dirty pages of files that have no place yet. */
  #promised = 0;

  constructor(
    private readonly layout: Layout,
    /** Where changes go; another takes its place once the file system is made. */
    public log: MetadataLog,
    /** Is told a file whose pages from `from` on are gone. */
    private readonly dropPages: (file: SimulatedFile, from: number) => void,
  ) {
    this.#space = new FreeSpace(layout.free());
    this.#allocator = new BlockAllocator(layout, this.#space);
    this.#trimmed = new Uint8Array(layout.groups);
    this.#inodes = new InodeNumbers(layout);
    const middle = Math.floor(layout.groups / 2) * GROUP_PAGES;
    this.journalPlace = this.#take(middle, layout.journalPages);
    this.#directories = new Directories({
      layout,
      inodes: this.#inodes,
      takePage: (goal) => this.#take(goal, 1, true),
      touch: (page) => this.log.touch(page),
    });
    this.log.touch(layout.superblock);
  }

  byInode(inode: number): SimulatedFile | undefined {
    return this.#byInode.get(inode);
  }

  /**
   * Makes an empty file.
   * @throws UsageError when the path is not absolute or is taken; NoSpaceError, and nothing has changed.
   */
  create(path: string): SimulatedFile {
    if (!/^(\/[^/]+)+$/.test(path) || this.files.has(path))
      throw new UsageError(
        `The file ${path} can't be made in the guest: its path must be absolute, and not taken.`,
      );
    this.requireRoom(this.#directories.pagesFor(path));
    const group = this.#directories.groupFor(path);
    const inode = this.#inodes.take(group);
    const file = new SimulatedFile(inode, path, (...run) => this.#keepPromise(...run));
    this.files.set(path, file);
    this.#byInode.set(inode, file);
    this.#directories.enter(path);
    this.log.touch(this.layout.inodeBitmap(this.layout.groupOfInode(inode)));
    this.log.touch(this.layout.descriptor(this.layout.groupOfInode(inode)));
    this.touchInode(file, true);
    return file;
  }

  /** The inode of a file changes. @param grows what a reader of its data needs, too. */
  touchInode(file: SimulatedFile, grows: boolean): void {
    this.log.touch(this.layout.inodePage(file.inode));
    file.changedIn = this.log.running;
    if (grows) file.grownIn = file.changedIn;
  }

  /**
   * How many pages are free and promised to nobody. Where they are fewer than `wanted`, what is being
   * freed is free first.
   */
  roomFor(wanted: number): number {
    if (this.#space.pages - this.#promised < wanted) this.#reclaim();
    return this.#space.pages - this.#promised;
  }

  /** @throws NoSpaceError unless so many pages are free and promised to nobody. */
  requireRoom(pages: number): void {
    if (pages > 0 && this.roomFor(pages) < pages) throw this.#full();
  }

  /** Keeps so many pages free for dirty pages of a file, of which there is room; fewer where negative. */
  promise(file: SimulatedFile, pages: number): void {
    file.promised += pages;
    this.#promised += pages;
  }

  /** Gives pages of a file that have none their places. @throws NoSpaceError. */
  allocate(file: SimulatedFile, first: number, count: number): void {
    for (let page = first; page < first + count;) {
      const left = first + count - page;
      const run = this.#mustTake(() => this.#allocator.take(file, page, left));
      this.#touchBitmaps(run);
      file.extents.add(page, run.first, run.count);
      page += run.count;
    }
    this.touchInode(file, true);
  }

  /** The places of pages `first` to `end - 1` as runs of the disk, given where there were none. */
  place(file: SimulatedFile, first: number, end: number): number[] {
    const { extents } = file;
    const runs: number[] = [];
    for (let page = first; page < end;) {
      const gap = Math.min(end - page, extents.roomAt(page));
      if (extents.placeOf(page) < 0) this.allocate(file, page, gap);
      const count = Math.min(end - page, extents.roomAt(page));
      runs.push(extents.placeOf(page), count);
      page += count;
    }
    return runs;
  }

  /** Makes a file shorter, or longer by a hole. */
  truncate(file: SimulatedFile, pages: number): void {
    if (pages < file.pages || file.removed) {
      this.dropPages(file, pages);
      this.#allocator.giveBack(file);
      for (const run of file.extents.cut(pages)) {
        this.#touchBitmaps(run);
        this.log.free(run);
      }
      this.log.touch(this.layout.superblock);
    }
    file.pages = pages;
    this.touchInode(file, true);
  }

  unlink(file: SimulatedFile): void {
    file.removed = true;
    this.truncate(file, 0);
    this.files.delete(file.path);
    this.#byInode.delete(file.inode);
    this.#directories.leave(file.path);
    this.#inodes.give(file.inode);
    this.log.touch(this.layout.inodeBitmap(this.layout.groupOfInode(file.inode)));
  }

  /**
   * Gives a file another path; what has that path is unlinked.
   * @throws NoSpaceError, and nothing has changed.
   */
  rename(file: SimulatedFile, to: string): void {
    const replaced = this.files.get(to);
    if (replaced === file) return;
    if (replaced) this.unlink(replaced);
    else this.requireRoom(this.#directories.pagesFor(to));
    this.files.delete(file.path);
    this.#directories.leave(file.path);
    file.path = to;
    this.files.set(to, file);
    this.#directories.enter(to);
    this.touchInode(file, true);
  }

  /** What was freed can be used again. */
  release(freed: readonly PageRun[]): void {
    for (const { first, count } of freed) {
      this.#space.release(first, count);
      const last = this.layout.groupOf(first + count - 1);
      this.#trimmed.fill(0, this.layout.groupOf(first), last + 1);
    }
  }

  /** Visits what is free in groups that were not trimmed since something became free. @returns pages. */
  trim(discard: (first: number, count: number) => void): number {
    let pages = 0;
    this.#space.visit((first, count) => {
      for (let from = first; from < first + count;) {
        const group = this.layout.groupOf(from);
        let end = from;
        for (let next = group; end < first + count; next++) {
          if (this.#trimmed[next] !== this.#trimmed[group]) break;
          end = next + 1 < this.layout.groups ? (next + 1) * GROUP_PAGES : first + count;
        }
        const length = Math.min(end, first + count) - from;
        if (this.#trimmed[group] === 0) {
          discard(from, length);
          pages += length;
        }
        from += length;
      }
    });
    this.#trimmed.fill(1);
    return pages;
  }

  #take(goal: number, wanted: number, isData = false): PageRun {
    const run = this.#mustTake(() => this.#space.take(goal, wanted));
    if (isData) this.#touchBitmaps(run);
    return run;
  }

  /** Frees what is kept for files that grow, and what waits for a commit. */
  #reclaim(): void {
    for (const file of this.files.values()) this.#allocator.giveBack(file);
    this.#allocator.giveBackShared();
    this.log.forceFree();
  }

  #mustTake(take: () => PageRun | undefined): PageRun {
    let run = take();
    if (!run) {
      this.#reclaim();
      run = take();
    }
    if (!run) throw this.#full();
    return run;
  }

  #keepPromise(file: SimulatedFile, first: number, count: number): void {
    this.promise(file, -count);
    this.allocate(file, first, count);
  }

  #full(): NoSpaceError {
    return new NoSpaceError(`The guest's disk of ${this.layout.pages * PAGE_BYTES} bytes is full`);
  }

  #touchBitmaps({ first, count }: PageRun): void {
    const last = this.layout.groupOf(first + count - 1);
    for (let group = this.layout.groupOf(first); group <= last; group++) {
      this.log.touch(this.layout.blockBitmap(group));
      this.log.touch(this.layout.descriptor(group));
    }
  }
}
