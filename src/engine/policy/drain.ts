/** What to have the guest write back just before the last rounds, and when to do it again. */
import type { BlockSet } from '../blockset/index.js';

/** Writing back so much in vain, as a part of what is sent afterwards, is worth the quiet that it brings. */
const EXTRA = 0.25;

/**
 * Whether to drain whole file systems instead of the blocks that are wanted.
 *
 * A drain of parts of a file leaves the file on its kernel's list of what was dirtied long ago, and
 * the kernel writes all of it again within `dirty_writeback` (5 s). Only writing a file system
 * whole begins that time anew, and with it about `dirty_expire` (30 s) of quiet. But it also
 * writes what nobody wanted, which a guest that only appends would then be sent for nothing.
 * @param wanted blocks that are sent after the drain.
 * @param dirty blocks with dirty pages.
 * @param elsewhereBytes dirty bytes whose place on the disk can't be told.
 */
export function drainsEverything(
  wanted: BlockSet,
  dirty: BlockSet,
  elsewhereBytes: number,
  granularity: number,
): boolean {
  if (dirty.intersection(wanted).isEmpty) return false;
  const extra = dirty.difference(wanted).count * granularity + elsewhereBytes;
  return extra <= wanted.count * granularity * EXTRA;
}

/** A drain helped when, after the sending that followed, at most this part of what was sent is pending again. */
const PROGRESS = 0.5;
/** What this many drains did not bring, another one will not. */
const MOST_DRAINS = 3;

/**
 * When a drain is worthwhile. One that comes while the quiet of the one before still lasts writes
 * what would have waited until after the pause; and a guest that syncs by itself leaves no quiet.
 */
export class Drains {
  #count = 0;
  #at = 0;
  #help = true;

  /** How many there were. */
  get count(): number {
    return this.#count;
  }

  /**
   * @param now in milliseconds, on any clock, the same as that of `done`.
   * @param quietMs how long the guest lets dirty pages wait.
   */
  worthwhile(now: number, quietMs: number): boolean {
    if (this.#count === 0) return true;
    return this.#help && this.#count < MOST_DRAINS && now - this.#at >= quietMs;
  }

  done(now: number): void {
    this.#count++;
    this.#at = now;
  }

  /** Takes note of the round that the last drain was for: what it sent, and what is pending after it, in bytes. */
  judge(sentBytes: number, pendingBytes: number): void {
    this.#help &&= pendingBytes <= sentBytes * PROGRESS;
  }
}
