/** How long a writer is held when too much is dirty (balance_dirty_pages in mm/page-writeback.c). */
import type { Kernel } from './kernel.js';

/**
 * For a writer that has just made `pages` dirty, in milliseconds. Writers run freely halfway to the
 * limit; from there to the limit they are brought to the disk's pace and below; at it they wait until
 * enough is written.
 */
export function writerPauseMs(kernel: Kernel, pages: number): number {
  const { cache, disk, thresholds } = kernel;
  const dirty = cache.dirtyPages + cache.writebackPages;
  if (dirty <= thresholds.free) return 0;
  const setpoint = (thresholds.free + thresholds.limit) / 2;
  const span = Math.max(1, thresholds.limit - setpoint);
  const distance = Math.max(-1, Math.min(1, (setpoint - dirty) / span));
  const share = Math.max(1 / 8, 1 + distance ** 3);
  const paced = disk.timeOf(pages) / share;
  return Math.max(paced, disk.timeOf(Math.max(0, dirty - thresholds.limit)));
}
