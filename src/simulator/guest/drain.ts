/** A write-back that the probe asked for: of what is dirty in some bytes of the disk, or of everything. */
import type { CachedInode } from './cached-inode.js';
import { submit, type Kernel } from './kernel.js';
import { Batch, Pass, beginPass, fill } from './pass.js';
import { PAGE_BYTES, type Drain } from './types.js';

/** Bytes of the disk. */
interface Range {
  readonly offset: number;
  readonly length: number;
}

export class DrainJob implements Drain {
  writtenBytes = 0;
  skippedBytes = 0;
  #doneMs: number | undefined;
  #waits = false;
  readonly #everything: boolean;
  readonly #passes: Pass[];
  /** A drain of everything commits the journal after the files, and then writes metadata. */
  #metadata: 'commit' | 'write' | 'none';

  constructor(
    private readonly kernel: Kernel,
    extents: readonly Range[] | undefined,
    /** Turns a time of the guest's clock into one of the lab's. */
    private readonly toLab: (guestMs: number) => number,
  ) {
    const inodes = [...kernel.cache.inodes()].filter((inode) => inode.dirtyPages > 0);
    const files = inodes.filter((inode) => inode !== kernel.journal.metadata);
    this.#everything = extents === undefined;
    this.#metadata = extents ? 'none' : 'commit';
    this.#passes = extents
      ? this.#named(inodes, extents)
      : files.map((inode) => beginPass(kernel.cache, inode));
    // What is on its way now is part of it.
    this.#send(new Batch());
  }

  get done(): boolean {
    return this.#doneMs !== undefined;
  }

  get dueMs(): number {
    if (this.#doneMs !== undefined) return this.#doneMs;
    const left = this.#passes.reduce((sum, each) => sum + each.pages.length - each.position, 0);
    const metadata = this.#metadata === 'none' ? 0 : this.kernel.journal.metadata.dirtyPages;
    const { disk, nowMs } = this.kernel;
    const begins = Math.max(nowMs, disk.busyUntilMs);
    return this.toLab(begins + disk.timeOf(left + metadata));
  }

  /** When it acts next. */
  get nextMs(): number {
    return this.#waits || this.done ? Infinity : this.kernel.nowMs;
  }

  act(): void {
    const batch = new Batch();
    while (!batch.isFull && this.#advance(batch));
    if (batch.frames.length > 0) {
      this.writtenBytes += batch.frames.length * PAGE_BYTES;
      this.#send(batch);
    } else if (this.#metadata === 'commit') {
      this.kernel.journal.commit();
      this.#metadata = 'write';
      this.#send(batch);
    } else if (this.#metadata === 'write') {
      this.#metadata = 'none';
      this.#passes.push(beginPass(this.kernel.cache, this.kernel.journal.metadata));
    } else this.#doneMs = this.toLab(this.kernel.nowMs);
  }

  #send(batch: Batch): void {
    this.#waits = true;
    submit(this.kernel, batch, () => (this.#waits = false));
  }

  /** Puts pages into the batch. @returns false when no pass is left. */
  #advance(batch: Batch): boolean {
    const pass = this.#passes[0];
    if (!pass) return false;
    fill(this.kernel.cache, pass, batch, Infinity, true);
    if (!pass.finished) return true;
    this.#passes.shift();
    if (this.#everything) this.kernel.cache.passed(pass.inode, this.kernel.nowMs);
    return true;
  }

  /** The dirty pages of files in these bytes; those of metadata are counted. */
  #named(inodes: readonly CachedInode[], extents: readonly Range[]): Pass[] {
    const isNamed = within(extents);
    const passes: Pass[] = [];
    for (const inode of inodes) {
      const { places } = inode.options;
      const pages = this.kernel.cache
        .dirtyPagesOf(inode)
        .filter((page) => isNamed(places.placeOf(page)));
      if (inode === this.kernel.journal.metadata) this.skippedBytes = pages.length * PAGE_BYTES;
      else if (pages.length > 0) passes.push(new Pass(inode, pages));
    }
    return passes;
  }
}

/** Whether a page of the disk has a byte in the ranges. */
function within(ranges: readonly Range[]): (place: number) => boolean {
  const sorted = [...ranges].sort((one, other) => one.offset - other.offset);
  const starts = sorted.map(({ offset }) => offset);
  let reach = 0;
  const ends = sorted.map(({ offset, length }) => (reach = Math.max(reach, offset + length)));
  return (place) => {
    if (place < 0) return false;
    const [from, to] = [place * PAGE_BYTES, (place + 1) * PAGE_BYTES];
    let [low, high] = [0, starts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (starts[middle]! < to) low = middle + 1;
      else high = middle;
    }
    return low > 0 && ends[low - 1]! > from;
  };
}
