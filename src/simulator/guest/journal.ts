/**
 * The file system's journal: metadata that changes joins the running transaction; a commit writes all
 * of it into the journal, one after the other around a circle, and makes it dirty in the page cache
 * after that. What is on its place on the disk gives its room in the journal back.
 */
import { CachedInode } from './cached-inode.js';
import type { Disk } from './disk.js';
import { ON_ITSELF } from './extents.js';
import type { PageRun } from './layout.js';
import type { PageCache } from './page-cache.js';
import { Batch, Pass, fill } from './pass.js';

/** Pages that one descriptor tells of. */
const TAGS = 254;

export class Transaction {
  readonly pages = new Set<number>();
  /** Runs that files had, free once it is committed. */
  readonly freed: PageRun[] = [];
  /** When it is on the disk; known once its commit has begun. */
  dueMs = Infinity;
  /** Pages of the journal that it takes. */
  taken = 0;
  /** Pages that the journal must keep until they are written to their places. */
  remaining = 0;

  constructor(readonly expiresMs: number) {}
}

export interface JournalOptions {
  readonly place: PageRun;
  readonly cache: PageCache;
  readonly disk: Disk;
  readonly now: () => number;
  readonly commitMs: () => number;
  /** Is told what a committed transaction made free. */
  readonly release: (freed: readonly PageRun[]) => void;
}

export class Journal {
  running: Transaction | undefined;
  /** The pages of metadata in the page cache, written back by age as a file's. */
  readonly metadata: CachedInode;
  readonly #capacity: number;
  /** Committed, the oldest first, whose room is not free yet. */
  readonly #kept: Transaction[] = [];
  readonly #committing = new Set<Transaction>();
  /** The newest committed transaction of each page that is not on its place yet. */
  readonly #newest = new Map<number, Transaction>();
  #used = 0;
  #head = 0;

  constructor(private readonly options: JournalOptions) {
    this.#capacity = options.place.count - 1;
    this.metadata = new CachedInode({
      class: 'metadata',
      places: ON_ITSELF,
      isHeld: (page) => this.#isHeld(page),
      written: (page) => this.#settle(page),
    });
  }

  /** When the running transaction is committed; Infinity when there is none. */
  get nextMs(): number {
    return this.running?.expiresMs ?? Infinity;
  }

  /** A page of metadata changes. */
  touch(page: number): void {
    if (this.running && this.running.pages.size >= this.#capacity / 4) this.commit();
    this.#join().pages.add(page);
  }

  /** A run of pages is free once the running transaction is committed. */
  free(run: PageRun): void {
    this.#join().freed.push(run);
  }

  /** Writes the running transaction. @returns when it is on the disk. */
  commit(): number {
    const { disk, now } = this.options;
    const transaction = this.running;
    if (!transaction) return Math.max(now(), ...this.#pendingDue());
    this.running = undefined;
    const pages = transaction.pages.size;
    transaction.taken = pages + Math.ceil(pages / TAGS) + 1;
    this.#makeRoom(transaction.taken);
    this.#used += transaction.taken;
    this.#committing.add(transaction);
    transaction.dueMs = disk.submit(now(), {
      runs: this.#advance(transaction.taken),
      frames: [],
      journal: true,
      arrived: () => this.#committed(transaction),
    });
    return transaction.dueMs;
  }

  /** Commits at once; what the transactions under way free is free without waiting for them. */
  forceFree(): void {
    this.commit();
    for (const transaction of this.#committing) this.options.release(transaction.freed.splice(0));
  }

  #join(): Transaction {
    return (this.running ??= new Transaction(this.options.now() + this.options.commitMs()));
  }

  #pendingDue(): number[] {
    return [...this.#committing].map(({ dueMs }) => dueMs);
  }

  #isHeld(page: number): boolean {
    if (this.running?.pages.has(page)) return true;
    for (const transaction of this.#committing) if (transaction.pages.has(page)) return true;
    return false;
  }

  #committed(transaction: Transaction): void {
    const { cache, now, release } = this.options;
    this.#committing.delete(transaction);
    this.#kept.push(transaction);
    for (const page of transaction.pages) {
      this.#settle(page);
      this.#newest.set(page, transaction);
      transaction.remaining++;
      cache.dirty(this.metadata, page, 1, now());
    }
    transaction.pages.clear();
    release(transaction.freed);
  }

  #settle(page: number): void {
    const transaction = this.#newest.get(page);
    if (!transaction) return;
    transaction.remaining--;
    this.#newest.delete(page);
  }

  /** The next pages around the circle, as runs. */
  #advance(pages: number): number[] {
    const runs: number[] = [];
    for (let left = Math.min(pages, this.#capacity); left > 0;) {
      const count = Math.min(left, this.#capacity - this.#head);
      runs.push(this.options.place.first + 1 + this.#head, count);
      this.#head = (this.#head + count) % this.#capacity;
      left -= count;
    }
    return runs;
  }

  /** Frees what the oldest transactions take, until a quarter of the journal would stay free. */
  #makeRoom(pages: number): void {
    this.#dropSettled();
    const wanted = pages + this.#capacity / 4;
    if (this.#capacity - this.#used >= wanted) return;
    while (this.#kept.length > 0 && this.#capacity - this.#used < wanted) {
      this.#checkpoint(this.#kept[0]!);
      this.#dropSettled();
    }
    const { disk, now, place } = this.options;
    disk.submit(now(), { runs: [place.first, 1], frames: [], journal: true });
  }

  #dropSettled(): void {
    while (this.#kept[0]?.remaining === 0) this.#used -= this.#kept.shift()!.taken;
  }

  /** Writes what a transaction still keeps to its places. */
  #checkpoint(transaction: Transaction): void {
    const pages = [...this.#newest]
      .filter(([, kept]) => kept === transaction)
      .map(([page]) => page);
    const { cache, disk, now } = this.options;
    const pass = new Pass(this.metadata, Uint32Array.from(pages).sort());
    while (!pass.finished) {
      const batch = new Batch();
      fill(cache, pass, batch, Infinity, true);
      if (batch.frames.length > 0)
        disk.submit(now(), { runs: batch.runs, frames: batch.frames, journal: false });
    }
    for (const page of pages) this.#settle(page);
  }
}
