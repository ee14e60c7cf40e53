/** A guest that does nothing by itself: what it caches and has on its disk is what a test says. */
import type {
  CachedRun,
  CacheLook,
  Drain,
  Guest,
  GuestFile,
  GuestSettings,
} from '../../../../src/simulator/guest/types.js';

export const fakeSettings: GuestSettings = {
  cacheBytes: 1 << 30,
  dirtyBackgroundRatio: 10,
  dirtyRatio: 20,
  dirtyWritebackCentisecs: 500,
  dirtyExpireCentisecs: 3000,
  journalCommitMs: 5000,
  diskBytesPerSecond: 1_000_000,
  diskFlushMs: 1,
};

type Range = { readonly offset: number; readonly length: number };

export class FakeGuest implements Guest {
  settings: GuestSettings = fakeSettings;
  running = true;
  monotonicMs = 0;
  writtenBytes = 0;
  journal = { offset: 1 << 20, length: 1 << 16 };
  /** Of the page cache; ascending. */
  runs: CachedRun[] = [];
  delayedBytes = 0;
  trimmable = 0;
  readonly allFiles = new Map<number, GuestFile>();
  /** Every drain's extents, in order; undefined for all. */
  readonly drains: (readonly Range[] | undefined)[] = [];
  /** Is called at each look. */
  onLook: () => void = () => undefined;
  #nowMs = 0;
  #draining: FakeDrain | undefined;

  get dirtyBytes(): number {
    return this.#dirty().reduce((sum, { length }) => sum + length, 0);
  }

  advance(nowMs: number): void {
    const passedMs = Math.max(0, nowMs - this.#nowMs);
    this.#nowMs += passedMs;
    if (!this.running) return;
    this.monotonicMs += passedMs;
    this.#draining?.advance(passedMs);
  }

  pause(nowMs: number): void {
    this.advance(nowMs);
    this.running = false;
  }

  resume(nowMs: number): void {
    this.advance(nowMs);
    this.running = true;
  }

  look({ clean }: { readonly clean: boolean }): CacheLook {
    this.onLook();
    const runs = clean ? this.runs : this.#dirty();
    return { runs, delayedBytes: this.delayedBytes };
  }

  file(inode: number): GuestFile | undefined {
    return this.allFiles.get(inode);
  }

  files(): Iterable<GuestFile> {
    return this.allFiles.values();
  }

  drain(extents?: readonly Range[]): Drain {
    this.drains.push(extents);
    const named = this.#dirty().filter(
      (run) =>
        !extents ||
        extents.some(
          ({ offset, length }) => offset < run.offset + run.length && offset + length > run.offset,
        ),
    );
    const isSkipped = (run: CachedRun) => extents !== undefined && run.class !== 'data';
    const sum = (runs: readonly CachedRun[]) => runs.reduce((all, { length }) => all + length, 0);
    const written = named.filter((run) => !isSkipped(run));
    const bytes = sum(written);
    const leftMs = (bytes / this.settings.diskBytesPerSecond) * 1000;
    this.#draining = new FakeDrain(
      () => this.#nowMs,
      leftMs,
      bytes,
      sum(named.filter(isSkipped)),
      () => {
        this.writtenBytes += bytes;
        this.runs = this.runs.map((run) => (written.includes(run) ? cleaned(run) : run));
      },
    );
    return this.#draining;
  }

  trim(): number {
    const bytes = this.trimmable;
    this.trimmable = 0;
    return bytes;
  }

  set(change: Partial<GuestSettings>): void {
    this.settings = { ...this.settings, ...change };
  }

  #dirty(): CachedRun[] {
    return this.runs.filter(({ state }) => state !== 'clean');
  }
}

class FakeDrain implements Drain {
  done: boolean;

  constructor(
    private readonly now: () => number,
    private leftMs: number,
    private readonly bytes: number,
    readonly skippedBytes: number,
    private readonly onDone: () => void,
  ) {
    this.done = leftMs === 0;
  }

  get dueMs(): number {
    return this.now() + this.leftMs;
  }

  get writtenBytes(): number {
    return this.done ? this.bytes : 0;
  }

  advance(passedMs: number): void {
    if (this.done) return;
    this.leftMs -= passedMs;
    if (this.leftMs > 1e-6) return;
    this.done = true;
    this.onDone();
  }
}

function cleaned(run: CachedRun): CachedRun {
  const clean: { -readonly [Name in keyof CachedRun]: CachedRun[Name] } = {
    ...run,
    state: 'clean',
  };
  delete clean.ageMs;
  return clean;
}
