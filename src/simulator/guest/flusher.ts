/**
 * The kernel's flusher (fs/fs-writeback.c): from time to time it writes the inodes that have been
 * dirty for long, and in the background the oldest while too much is dirty. One batch is on its way
 * at a time.
 */
import type { CachedInode } from './cached-inode.js';
import { submit, type Kernel } from './kernel.js';
import { Batch, Pass, beginPass, fill } from './pass.js';
import { PAGE_BYTES } from './types.js';

/** The kernel writes at least so many pages of an inode before it turns to the next. */
const CHUNK_PAGES = 1024;
/** How long it goes on in the background before it looks whether enough is written. */
const ROUND_MS = 100;

interface Work {
  readonly background: boolean;
  /** Inodes whose turn comes; those that have more than a chunk come again after the others. */
  waiting: (CachedInode | Pass)[];
  again: Pass[];
  current: { readonly pass: Pass; left: number } | undefined;
  roundMs: number;
  /** Whether anything was sent since the inodes were listed. */
  sent: boolean;
}

export class Flusher {
  #work: Work | undefined;
  #periodicMs = Infinity;
  /** A batch is on its way. */
  #waits = false;

  constructor(private readonly kernel: Kernel) {}

  /** When it acts next. */
  get nextMs(): number {
    if (this.#waits) return Infinity;
    return this.#work ? this.kernel.nowMs : this.#periodicMs;
  }

  /** Something became dirty. */
  arm(): void {
    if (this.#periodicMs === Infinity && this.kernel.cache.dirtyInodes.size > 0) this.#setAlarm();
  }

  /** The interval was changed; the kernel wakes the flusher for that. */
  rearm(): void {
    this.#periodicMs = Infinity;
    this.arm();
  }

  /** Begins to write in the background where too much is dirty. */
  startBackground(): void {
    if (!this.#work && this.#isOverBackground()) this.#work = newWork(true, this.#dirtyInodes());
  }

  act(): void {
    const { kernel } = this;
    const work = (this.#work ??= newWork(false, this.#expiredInodes()));
    const batch = new Batch();
    while (!batch.isFull && this.#advance(work, batch));
    if (batch.frames.length > 0) {
      work.sent = true;
      this.#waits = true;
      submit(kernel, batch, () => (this.#waits = false));
    } else {
      this.#work = undefined;
      this.#setAlarm();
      if (!work.background) this.startBackground();
    }
  }

  /** Puts pages of the inode whose turn it is into the batch. @returns false when nothing is left. */
  #advance(work: Work, batch: Batch): boolean {
    if (!work.current && !this.#turn(work)) return false;
    const { pass, left } = work.current!;
    const taken = fill(this.kernel.cache, pass, batch, left, false);
    work.current!.left -= taken;
    if (pass.finished) {
      pass.inode.pass = undefined;
      this.kernel.cache.passed(pass.inode, this.kernel.nowMs);
      work.current = undefined;
    } else if (work.current!.left <= 0) {
      work.again.push(pass);
      work.current = undefined;
    }
    return true;
  }

  /** Turns to the next inode. @returns false when there is none, or enough is written. */
  #turn(work: Work): boolean {
    const { nowMs } = this.kernel;
    const roundOver = work.waiting.length === 0 || nowMs - work.roundMs >= ROUND_MS;
    if (work.background && roundOver) {
      if (!this.#isOverBackground()) return false;
      work.roundMs = nowMs;
    }
    if (work.waiting.length === 0) {
      work.waiting = work.again;
      work.again = [];
    }
    if (work.waiting.length === 0 && work.background && work.sent) {
      work.waiting = this.#dirtyInodes();
      work.sent = false;
    }
    const next = work.waiting.shift();
    if (!next) return false;
    const pass = next instanceof Pass ? next : this.#passFor(next, work);
    pass.inode.pass = work.background ? pass : undefined;
    work.current = { pass, left: this.#chunkPages() };
    return true;
  }

  /** In the background it goes on where it was; otherwise all that is dirty now is written. */
  #passFor(inode: CachedInode, work: Work): Pass {
    return (work.background ? inode.pass : undefined) ?? beginPass(this.kernel.cache, inode);
  }

  #chunkPages(): number {
    const { settings, thresholds } = this.kernel;
    const halfSecond = settings.diskBytesPerSecond / PAGE_BYTES / 2;
    const pages = Math.min(halfSecond, thresholds.limit / 8) + CHUNK_PAGES;
    return Math.floor(pages / CHUNK_PAGES) * CHUNK_PAGES;
  }

  #isOverBackground(): boolean {
    return this.kernel.cache.dirtyPages > this.kernel.thresholds.background;
  }

  #dirtyInodes(): CachedInode[] {
    return [...this.kernel.cache.dirtyInodes];
  }

  #expiredInodes(): CachedInode[] {
    const { cache, nowMs, settings } = this.kernel;
    const expired: CachedInode[] = [];
    for (const inode of cache.dirtyInodes) {
      if (inode.dirtiedMs! > nowMs - settings.dirtyExpireCentisecs * 10) break;
      expired.push(inode);
    }
    return expired;
  }

  #setAlarm(): void {
    const { cache, nowMs, settings } = this.kernel;
    const interval = settings.dirtyWritebackCentisecs * 10;
    this.#periodicMs = cache.dirtyInodes.size > 0 && interval > 0 ? nowMs + interval : Infinity;
  }
}

function newWork(background: boolean, waiting: CachedInode[]): Work {
  return { background, waiting, again: [], current: undefined, roundMs: -Infinity, sent: false };
}
