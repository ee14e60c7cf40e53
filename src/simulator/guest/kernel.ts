/** What the parts of the guest's kernel share: its clock, settings, page cache, disk and file system. */
import type { CachedInode } from './cached-inode.js';
import type { Disk } from './disk.js';
import type { SimulatedFile } from './file.js';
import type { FileSystem } from './file-system.js';
import type { Journal } from './journal.js';
import type { PageCache } from './page-cache.js';
import { Batch, beginPass, fill } from './pass.js';
import type { Thresholds } from './settings.js';
import type { GuestSettings } from './types.js';

export interface Kernel {
  /** On the guest's own clock. */
  nowMs: number;
  settings: GuestSettings;
  thresholds: Thresholds;
  readonly cache: PageCache;
  readonly disk: Disk;
  readonly files: FileSystem;
  readonly journal: Journal;
  /** Says something on the console, once whatever happens again. */
  readonly tell: (subject: string, line: string) => void;
}

/**
 * Takes pages `from` to `to - 1` of a file out of the page cache, dirty or not, and takes back what
 * was promised for them.
 */
export function dropPages(
  { cache, files }: Pick<Kernel, 'cache' | 'files'>,
  file: SimulatedFile,
  from: number,
  to = Infinity,
): void {
  if (file.promised > 0) {
    let promised = 0;
    for (const page of cache.dirtyPagesOf(file.cached))
      if (page >= from && page < to && file.extents.placeOf(page) < 0) promised++;
    files.promise(file, -promised);
  }
  cache.drop(file.cached, from, to);
}

/** Sends a batch to the disk. @returns when it arrives. */
export function submit(kernel: Kernel, batch: Batch, arrived?: () => void): number {
  const { runs, frames, inodes } = batch;
  const dueMs = kernel.disk.submit(kernel.nowMs, {
    runs,
    frames,
    journal: false,
    ...(arrived ? { arrived } : {}),
  });
  for (const inode of inodes) inode.arriveMs = dueMs;
  return dueMs;
}

/**
 * Sends what is dirty of an inode on its way.
 * @param again what is dirty again while a write of it is under way, too.
 */
export function startWriting(kernel: Kernel, inode: CachedInode, again: boolean): void {
  if (inode.dirtyPages === 0) return;
  const pass = beginPass(kernel.cache, inode);
  while (!pass.finished) {
    const batch = new Batch();
    fill(kernel.cache, pass, batch, Infinity, again);
    if (batch.frames.length > 0) submit(kernel, batch);
  }
}
