/** A file of the guest: its name, its length, where it lies, and what the page cache knows of it. */
import type { OpenFile } from '../workload/types.js';
import { CachedInode } from './cached-inode.js';
import { Extents } from './extents.js';
import type { Transaction } from './journal.js';
import type { PageRun } from './layout.js';
import { PAGE_BYTES, type GuestFile } from './types.js';

export class SimulatedFile implements OpenFile {
  pages = 0;
  removed = false;
  /** Dirty pages that have no place yet; the file system keeps as many free for them. */
  promised = 0;
  /** It was cut to nothing since somebody closed it last. */
  emptied = false;
  readonly extents = new Extents();
  /** Room on the disk behind its last page that is kept for it. */
  kept: PageRun | undefined;
  readonly cached: CachedInode;
  /** The newest transaction that holds its inode, and the newest that a reader of its data needs. */
  changedIn: Transaction | undefined;
  grownIn: Transaction | undefined;

  constructor(
    readonly inode: number,
    public path: string,
    allocate: (file: SimulatedFile, first: number, count: number) => void,
  ) {
    this.cached = new CachedInode({
      class: 'data',
      places: this.extents,
      number: inode,
      allocate: (first, count) => allocate(this, first, count),
    });
  }

  describe(): GuestFile {
    const extents: GuestFile['extents'][number][] = [];
    this.extents.visit((start, place, count) =>
      extents.push({
        fileOffset: start * PAGE_BYTES,
        offset: place * PAGE_BYTES,
        length: count * PAGE_BYTES,
      }),
    );
    const named = this.removed ? {} : { path: this.path };
    return { inode: this.inode, ...named, size: this.pages * PAGE_BYTES, extents };
  }
}
