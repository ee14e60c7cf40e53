/** A look at the page cache: its pages as runs of the disk. Costs in proportion to what is told. */
import type { CachedInode } from './cached-inode.js';
import type { Disk } from './disk.js';
import type { PageCache } from './page-cache.js';
import { PAGE_BYTES, type CachedRun, type CacheLook, type CacheState } from './types.js';

/** @param clean tells clean pages, too. */
export function lookAt(cache: PageCache, disk: Disk, nowMs: number, clean: boolean): CacheLook {
  const looking = new Looking(nowMs);
  for (const inode of cache.inodes()) {
    if (inode.dirtyPages > 0) looking.add(inode, cache.dirtyPagesOf(inode), 'dirty');
    if (clean) looking.add(inode, cache.cleanPagesOf(inode), 'clean');
  }
  for (const [inode, pages] of pagesUnderWay(cache, disk))
    looking.add(inode, Uint32Array.from(pages).sort(), 'writeback');
  for (const { runs, journal } of disk.underWay())
    if (journal)
      for (let index = 0; index < runs.length; index += 2)
        looking.journal(runs[index]!, runs[index + 1]!);
  return looking.finish();
}

/** The pages of each inode that are under write-back and not dirty again. */
function pagesUnderWay(cache: PageCache, disk: Disk): Map<CachedInode, Set<number>> {
  const found = new Map<CachedInode, Set<number>>();
  for (const { frames } of disk.underWay())
    for (const frame of frames) {
      const held = cache.isOnlyWriteback(frame) ? cache.heldBy(frame) : undefined;
      if (!held) continue;
      const pages = found.get(held.inode);
      if (pages) pages.add(held.page);
      else found.set(held.inode, new Set([held.page]));
    }
  return found;
}

class Looking {
  readonly #runs: CachedRun[] = [];
  #delayedPages = 0;

  constructor(private readonly nowMs: number) {}

  /** @param pages of the inode, ascending. */
  add(inode: CachedInode, pages: Uint32Array, state: CacheState): void {
    const { places } = inode.options;
    for (let index = 0; index < pages.length;) {
      const page = pages[index]!;
      const place = places.placeOf(page);
      const room = places.roomAt(page);
      let count = 1;
      while (count < room && pages[index + count] === page + count) count++;
      index += count;
      if (place < 0) this.#delayedPages += count;
      else this.#runs.push(this.#describe(inode, page, place, count, state));
    }
  }

  journal(first: number, count: number): void {
    const [offset, length] = [first * PAGE_BYTES, count * PAGE_BYTES];
    this.#runs.push({ offset, length, state: 'writeback', class: 'journal' });
  }

  finish(): CacheLook {
    this.#runs.sort((one, other) => one.offset - other.offset);
    // Only the journal can be on its way to one place twice.
    let end = 0;
    const runs = this.#runs.filter(({ offset, length }) => {
      const isNew = offset >= end;
      if (isNew) end = offset + length;
      return isNew;
    });
    return { runs, delayedBytes: this.#delayedPages * PAGE_BYTES };
  }

  #describe(
    inode: CachedInode,
    page: number,
    place: number,
    count: number,
    state: CacheState,
  ): CachedRun {
    const { number } = inode.options;
    const isDirty = inode.dirtyPages > 0 && inode.dirtiedMs !== undefined;
    return {
      offset: place * PAGE_BYTES,
      length: count * PAGE_BYTES,
      state,
      class: inode.options.class,
      ...(number === undefined ? {} : { inode: number, fileOffset: page * PAGE_BYTES }),
      ...(isDirty ? { ageMs: this.nowMs - inode.dirtiedMs! } : {}),
    };
  }
}
