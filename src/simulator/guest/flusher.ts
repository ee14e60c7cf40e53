/**
 * The kernel's flusher (fs/fs-writeback.c): from time to time it writes the inodes that have been
 * dirty for long, and in the background the oldest while too much is dirty. One batch is on its way
 * at a time.
 *
 * An inode has its turn until a chunk of it is written; what is left of it comes again after the
 * others. When background work ends before that, the inode stays queued, and the next work of either
 * kind goes on with it, however young it is: periodic work then writes all of it.
 */
import type { CachedInode } from './cached-inode.js';
import { submit, type Kernel } from './kernel.js';
import { Batch, type Pass, beginPass, fill } from './pass.js';
import { timerDueMs } from './timer-wheel.js';
import { PAGE_BYTES } from './types.js';

/** The kernel writes at least so many pages of an inode before it turns to the next. */
const CHUNK_PAGES = 1024;
/** How long it goes on before it looks whether enough is written. */
const ROUND_MS = 100;

interface Work {
  readonly background: boolean;
  /** Pages that it may write still. */
  pages: number;
  current: { readonly pass: Pass; left: number } | undefined;
  roundMs: number;
  /** Whether anything was written in the round. */
  progress: boolean;
}

export class Flusher {
  #work: Work | undefined;
  /** When it wakes, if it has no work. */
  #wakeMs = Infinity;
  /** When it looked for old inodes last. */
  #periodicMs = 0;
  /** A batch is on its way. */
  #waits = false;
  /** Inodes whose turn comes, and those that come after them. */
  #queue: CachedInode[] = [];
  #more: CachedInode[] = [];
  readonly #queued = new Set<CachedInode>();

  /** @param timerPhaseMs where the steps of the kernel's timers begin. */
  constructor(
    private readonly kernel: Kernel,
    private readonly timerPhaseMs: number,
  ) {}

  /** When it acts next. */
  get nextMs(): number {
    if (this.#waits) return Infinity;
    return this.#work ? this.kernel.nowMs : this.#wakeMs;
  }

  /** Something became dirty. */
  arm(): void {
    if (this.#wakeMs === Infinity && this.kernel.cache.dirtyInodes.size > 0) this.#setAlarm();
  }

  /** The interval was changed; the kernel wakes the flusher for that. */
  rearm(): void {
    this.#wakeMs = Infinity;
    this.arm();
  }

  /** Begins to write in the background where too much is dirty. */
  startBackground(): void {
    if (!this.#work && this.#isOverBackground()) this.#wakeMs = this.kernel.nowMs;
  }

  act(): void {
    const work = (this.#work ??= this.#begin());
    const batch = new Batch();
    while (work && !batch.isFull && this.#advance(work, batch));
    if (batch.frames.length > 0) {
      this.#waits = true;
      submit(this.kernel, batch, () => (this.#waits = false));
    } else {
      this.#work = work?.background === false ? this.#beginBackground() : undefined;
      if (!this.#work) this.#setAlarm();
    }
  }

  #begin(): Work | undefined {
    const { cache, nowMs } = this.kernel;
    const dueMs = this.#intervalMs > 0 ? this.#periodicMs + this.#intervalMs : Infinity;
    if (nowMs < dueMs) return this.#beginBackground();
    this.#periodicMs = nowMs;
    return newWork(false, cache.dirtyPages + cache.dirtyInodes.size);
  }

  #beginBackground(): Work | undefined {
    return this.#isOverBackground() ? newWork(true, Infinity) : undefined;
  }

  /** Puts pages of the inode whose turn it is into the batch. @returns false when nothing is left. */
  #advance(work: Work, batch: Batch): boolean {
    if (!work.current && !this.#turn(work)) return false;
    const { pass, left } = work.current!;
    const taken = fill(this.kernel.cache, pass, batch, left, false);
    work.current!.left -= taken;
    work.pages -= taken;
    work.progress ||= taken > 0;
    if (pass.finished) {
      this.#queued.delete(pass.inode);
      this.kernel.cache.passed(pass.inode, this.kernel.nowMs);
      work.current = undefined;
    } else if (work.current!.left <= 0) {
      this.#more.push(pass.inode);
      work.current = undefined;
    }
    return true;
  }

  /** Turns to the next inode. @returns false when there is none, or enough is written. */
  #turn(work: Work): boolean {
    const { nowMs } = this.kernel;
    if (this.#queue.length === 0 || nowMs - work.roundMs >= ROUND_MS) {
      if (work.pages <= 0 || (work.background && !this.#isOverBackground())) return false;
      if (work.roundMs >= 0 && !work.progress && this.#more.length === 0) return false;
      work.roundMs = nowMs;
      work.progress = false;
      if (this.#queue.length === 0) this.#fillQueue(work);
    }
    const next = this.#queue.shift();
    if (!next) return false;
    work.current = { pass: beginPass(this.kernel.cache, next), left: this.#chunkPages() };
    return true;
  }

  /** Queues what was begun, and then, the oldest first, what is old enough for the work. */
  #fillQueue({ background }: Work): void {
    const { cache, nowMs, settings } = this.kernel;
    this.#queue = this.#more;
    this.#more = [];
    const before = background ? nowMs : nowMs - settings.dirtyExpireCentisecs * 10;
    for (const inode of cache.dirtyInodes) {
      if (this.#queued.has(inode)) continue;
      if (inode.dirtiedMs! > before) break;
      this.#queue.push(inode);
      this.#queued.add(inode);
    }
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

  get #intervalMs(): number {
    return this.kernel.settings.dirtyWritebackCentisecs * 10;
  }

  #setAlarm(): void {
    const { cache, nowMs } = this.kernel;
    const interval = this.#intervalMs;
    this.#wakeMs =
      cache.dirtyInodes.size > 0 && interval > 0
        ? timerDueMs(nowMs, interval, this.timerPhaseMs)
        : Infinity;
  }
}

function newWork(background: boolean, pages: number): Work {
  return { background, pages, current: undefined, roundMs: -Infinity, progress: false };
}
