/** What to have the guest write back just before the last rounds. */
import type { BlockSet } from '../blockset/index.js';

/** Writing back this part of what is asked for in vain is worth the quiet that it brings. */
const EXTRA = 0.25;

/**
 * Whether to drain whole file systems instead of the blocks that are wanted.
 *
 * A drain of parts of a file leaves the file on its kernel's list of what was dirtied long ago, and
 * the kernel writes all of it again within `dirty_writeback` (5 s). Only writing a file system
 * whole begins that time anew, and with it about `dirty_expire` (30 s) of quiet. But it also
 * writes what nobody wanted, which a guest that only appends would then be sent for nothing.
 * @param wanted blocks to drain.
 * @param dirty blocks with dirty pages.
 * @param elsewhereBytes dirty bytes whose place on the disk can't be told.
 */
export function drainsEverything(
  wanted: BlockSet,
  dirty: BlockSet,
  elsewhereBytes: number,
  granularity: number,
): boolean {
  const asked = dirty.intersection(wanted).count * granularity;
  const extra = dirty.difference(wanted).count * granularity + elsewhereBytes;
  return asked > 0 && extra <= asked * EXTRA;
}
