/** What the page cache knows of an inode: which pages it has there, and since when it is dirty. */
import type { Places } from './extents.js';
import { NONE } from './frame-table.js';
import type { CacheClass } from './types.js';

export interface CachedInodeOptions {
  readonly class: CacheClass;
  readonly places: Places;
  /** A file's inode number. */
  readonly number?: number;
  /** Gives pages that have no place one; only files have such pages. */
  readonly allocate?: (first: number, count: number) => void;
  /** Is asked before a page is written: true when it need not be. */
  readonly isHeld?: (page: number) => boolean;
  /** Is told each page that goes to the disk. */
  readonly written?: (page: number) => void;
}

export class CachedInode {
  /** Of the page cache's own; NONE when it has none. */
  slot = NONE;
  /** The first frame of its list of dirty pages, and of its list of others. */
  dirtyHead = NONE;
  otherHead = NONE;
  dirtyPages = 0;
  /** When it was first dirtied; undefined when it is not on the flusher's list. */
  dirtiedMs: number | undefined;
  /** Where the next write-back begins. */
  cyclePage = 0;
  /** When the last of its writes that are known of arrives. */
  arriveMs = 0;

  constructor(readonly options: CachedInodeOptions) {}
}
