/** What a workload can do in the guest: the system calls, over the page cache and the file system. */
import { UsageError } from '../../base/errors.js';
import type { OpenFile, SystemCalls } from '../workload/types.js';
import { SimulatedFile } from './file.js';
import type { Flusher } from './flusher.js';
import type { Transaction } from './journal.js';
import { startWriting, type Kernel } from './kernel.js';
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
    if (!there) return this.kernel.files.create(path);
    this.truncate(there, 0);
    return there;
  }

  open(path: string): OpenFile | undefined {
    return this.kernel.files.files.get(path);
  }

  write(open: OpenFile, first: number, count: number): number {
    const file = check(open, 'write', first, count);
    const grows = first + count > file.pages;
    if (grows) file.pages = first + count;
    this.kernel.cache.dirty(file.cached, first, count, this.kernel.nowMs);
    this.kernel.files.touchInode(file, grows);
    this.flusher.startBackground();
    return writerPauseMs(this.kernel, count);
  }

  writeDirect(open: OpenFile, first: number, count: number): number {
    const file = check(open, 'write past the page cache', first, count, true);
    const { cache, disk, files, nowMs } = this.kernel;
    cache.drop(file.cached, first, first + count);
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
    this.kernel.files.rename(file, to);
    // As ext4 does, so that a crash leaves the old content or the new.
    if (replaces) startWriting(this.kernel, file.cached, false);
  }

  unlink(path: string): void {
    this.kernel.files.unlink(this.#named(path, 'unlink'));
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
