/** What a workload can do in the guest: the system calls, over the page cache and the file system. */
import { UsageError } from '../../base/errors.js';
import { NoSpaceError } from '../workload/no-space.js';
import type { OpenFile, SystemCalls } from '../workload/types.js';
import { SimulatedFile } from './file.js';
import type { Flusher } from './flusher.js';
import type { Transaction } from './journal.js';
import { dropPages, startWriting, type Kernel } from './kernel.js';
import { writerPauseMs } from './throttle.js';

/** Pages that O_DIRECT sends at once. */
const DIRECT_PAGES = 1024;

export class KernelCalls implements SystemCalls {
  constructor(
    private readonly kernel: Kernel,
    private readonly flusher: Flusher,
  ) {}

  create(path: string): OpenFile {
    const there = this.kernel.files.files.get(path);
    if (!there) return this.#orFull(path, () => this.kernel.files.create(path));
    this.truncate(there, 0);
    return there;
  }

  open(path: string): OpenFile | undefined {
    return this.kernel.files.files.get(path);
  }

  write(open: OpenFile, first: number, count: number): number {
    const file = check(open, 'write', first, count);
    const { kernel } = this;
    const fits = this.#promise(file, first, count);
    if (fits > 0 || count === 0) {
      const grows = first + fits > file.pages;
      if (grows) file.pages = first + fits;
      kernel.cache.dirty(file.cached, first, fits, kernel.nowMs);
      kernel.files.touchInode(file, grows);
      this.flusher.startBackground();
    }
    return fits < count ? this.#full(file.path, fits) : writerPauseMs(kernel, count);
  }

  writeDirect(open: OpenFile, first: number, count: number): number {
    const file = check(open, 'write past the page cache', first, count, true);
    const { cache, disk, files, nowMs } = this.kernel;
    this.#orFull(file.path, () => files.requireRoom(this.#newPages(file, first, count)));
    dropPages(this.kernel, file, first, first + count);
    for (let page = first; page < first + count; page += DIRECT_PAGES) {
      const runs = files.place(file, page, Math.min(first + count, page + DIRECT_PAGES));
      file.cached.arriveMs = disk.submit(nowMs, { runs, frames: [], journal: false });
    }
    cache.dirtyInode(file.cached, nowMs);
    files.touchInode(file, false);
    return count === 0 ? 0 : file.cached.arriveMs - nowMs;
  }

  read(open: OpenFile, first: number, count: number): number {
    const file = check(open, 'read', first, count, true);
    const { cache, disk, nowMs } = this.kernel;
    let absent = 0;
    for (let page = first; page < first + count; page++) {
      const reads = cache.isCached(file.cached, page) || file.extents.placeOf(page) >= 0;
      if (reads && cache.use(file.cached, page)) absent++;
    }
    return absent === 0 ? 0 : disk.occupy(nowMs, absent) - nowMs;
  }

  sync(open: OpenFile, metadata: boolean): number {
    const file = check(open, 'sync', 0, 0);
    const { journal, nowMs, settings } = this.kernel;
    startWriting(this.kernel, file.cached, true);
    const dataMs = Math.max(nowMs, file.cached.arriveMs);
    const transaction = metadata ? file.changedIn : file.grownIn;
    if (transaction && transaction === journal.running)
      return Math.max(dataMs, journal.commit()) - nowMs + 2 * settings.diskFlushMs;
    const durableMs = Math.max(dataMs, committedMs(transaction));
    return durableMs - nowMs + settings.diskFlushMs;
  }

  truncate(open: OpenFile, pages: number): number {
    const file = check(open, 'truncate', pages, 0);
    this.kernel.files.truncate(file, pages);
    if (pages === 0) file.emptied = true;
    return 0;
  }

  rename(from: string, to: string): void {
    const file = this.#named(from, 'rename');
    const replaces = this.kernel.files.files.has(to);
    this.#orFull(to, () => this.kernel.files.rename(file, to));
    // As ext4 does, so that a crash leaves the old content or the new.
    if (replaces) startWriting(this.kernel, file.cached, false);
  }

  unlink(path: string): void {
    this.kernel.files.unlink(this.#named(path, 'unlink'));
  }

  /**
   * Promises places to pages that need one.
   * @returns how many pages from `first` on have, or will have, a place.
   */
  #promise(file: SimulatedFile, first: number, count: number): number {
    const { files } = this.kernel;
    const needed = this.#newPages(file, first, count);
    const room = needed === 0 ? 0 : files.roomFor(needed);
    if (needed <= room) {
      files.promise(file, needed);
      return count;
    }
    let fits = 0;
    for (let left = room; ; fits++) {
      left -= this.#newPages(file, first + fits, 1);
      if (left < 0) break;
    }
    files.promise(file, room);
    return fits;
  }

  /** How many of these pages have no place, and none is promised to them. */
  #newPages(file: SimulatedFile, first: number, count: number): number {
    const { cache } = this.kernel;
    let pages = 0;
    for (let page = first; page < first + count;) {
      const end = page + Math.min(first + count - page, file.extents.roomAt(page));
      const isPlaced = file.extents.placeOf(page) >= 0;
      if (!isPlaced && file.promised === 0) pages += end - page;
      else if (!isPlaced)
        for (let each = page; each < end; each++) if (!cache.isDirty(file.cached, each)) pages++;
      page = end;
    }
    return pages;
  }

  /** Does what needs room, and has the kernel say where there is none. */
  #orFull<T>(path: string, act: () => T): T {
    try {
      return act();
    } catch (error) {
      if (!(error instanceof NoSpaceError)) throw error;
      return this.#full(path, 0);
    }
  }

  #full(path: string, written: number): never {
    this.kernel.tell('full', `vda: ${path} can't be written: No space left on device (28)`);
    throw new NoSpaceError(`There is no room for ${path} on the guest's disk`, written);
  }

  #named(path: string, what: string): SimulatedFile {
    const file = this.kernel.files.files.get(path);
    if (!file)
      throw new UsageError(
        `The workload can't ${what} ${path}: there is no such file in the guest.`,
      );
    return file;
  }
}

/** When a transaction that is not running any more is on the disk. */
function committedMs(transaction: Transaction | undefined): number {
  return transaction?.dueMs ?? 0;
}

/** @throws UsageError when the file is gone, or the pages can't be. */
function check(
  open: OpenFile,
  what: string,
  first: number,
  count: number,
  within = false,
): SimulatedFile {
  if (!(open instanceof SimulatedFile) || open.removed)
    throw new UsageError(`The workload can't ${what} inode ${open.inode}: the file is gone.`);
  const whole = Number.isInteger(first) && Number.isInteger(count) && first >= 0 && count >= 0;
  if (!whole || first + count > (within ? open.pages : 2 ** 32 - 1))
    throw new UsageError(
      `The workload can't ${what} ${count} pages at ${first} of ${open.path}, which has ${open.pages}.`,
    );
  return open;
}
