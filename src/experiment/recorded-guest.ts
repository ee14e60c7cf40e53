/**
 * A guest that does again what a trace tells of another one. It writes what was written, when it was
 * written, whatever the migration does now; only a block that is drained is not written once more by
 * the write-back that it would have met later. After the end of the recording it begins anew.
 */
import { BlockSet, BlockSetBuilder } from '../engine/index.js';
import type {
  CachedRun,
  CacheLook,
  Drain,
  Guest,
  GuestDevice,
  GuestFile,
  GuestSettings,
} from '../simulator/index.js';
import type { RecordedLook, Recording } from './recording.js';

/** The writes of a step are spread over its time in portions of so many milliseconds. */
const PORTION_MS = 250;
const PAGE_BYTES = 4096;

/** What the recorded guest was set to is not known, and changes nothing here. */
const SETTINGS: GuestSettings = {
  cacheBytes: 0,
  dirtyBackgroundRatio: 10,
  dirtyRatio: 20,
  dirtyWritebackCentisecs: 500,
  dirtyExpireCentisecs: 3000,
  journalCommitMs: 5000,
  diskBytesPerSecond: 200 * 1024 ** 2,
  diskFlushMs: 2,
};

/** Some blocks that are written at one moment of the recording. */
interface Portion {
  readonly atMs: number;
  readonly blocks: BlockSet;
}

export class RecordedGuest implements Guest {
  readonly settings = SETTINGS;
  readonly journal = { offset: 0, length: 0 };
  running = true;
  writtenBytes = 0;
  readonly #portions: readonly Portion[];
  /** On the guest's own clock, and on the lab's. */
  #monotonicMs = 0;
  #seenAt = 0;
  /** Which portion comes next, and how often the recording was gone through before. */
  #next = 0;
  #laps = 0;
  /** Drained, and so not written by the next write-back. */
  #spared = BlockSet.empty;

  constructor(
    private readonly recording: Recording,
    private readonly device: GuestDevice,
  ) {
    this.#portions = recording.steps.flatMap(portionsOf);
    this.#write(recording.allocated);
    this.writtenBytes = 0;
  }

  get monotonicMs(): number {
    return this.#monotonicMs;
  }

  /** How often the recording has been gone through to its end. */
  get laps(): number {
    return this.#laps;
  }

  get dirtyBytes(): number {
    const { geometry } = this.recording;
    const look = this.#lookNow();
    return look ? look.dirty.bytes(geometry) + look.writeback.bytes(geometry) : 0;
  }

  advance(nowMs: number): void {
    if (this.running) this.#monotonicMs += nowMs - this.#seenAt;
    this.#seenAt = nowMs;
    for (;;) {
      const portion = this.#portions[this.#next];
      const dueMs = this.#laps * this.recording.endMs + (portion?.atMs ?? this.recording.endMs);
      if (dueMs > this.#monotonicMs || this.recording.endMs === 0) return;
      if (!portion) {
        this.#next = 0;
        this.#laps++;
        continue;
      }
      this.#next++;
      this.#write(portion.blocks.difference(this.#spared));
      this.#spared = this.#spared.difference(portion.blocks);
    }
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
    const now = this.#lookNow();
    if (!now) return { runs: [], delayedBytes: 0 };
    const dirty = now.dirty.difference(this.#spared);
    const runs = [
      ...this.#runs(dirty, 'dirty'),
      ...this.#runs(now.writeback.difference(dirty), 'writeback'),
      ...(clean ? this.#runs(now.clean.union(this.#spared), 'clean') : []),
    ];
    return { runs: runs.sort((a, b) => a.offset - b.offset), delayedBytes: 0 };
  }

  drain(extents?: readonly { readonly offset: number; readonly length: number }[]): Drain {
    let blocks = this.#lookNow()?.dirty.difference(this.#spared) ?? BlockSet.empty;
    if (extents) {
      const named = new BlockSetBuilder();
      const add = named.extentVisitor(this.recording.geometry);
      for (const { offset, length } of extents) add(offset, length);
      blocks = blocks.intersection(named.build());
    }
    this.#write(blocks);
    this.#spared = this.#spared.union(blocks);
    const writtenBytes = blocks.bytes(this.recording.geometry);
    return { dueMs: this.#seenAt, done: true, writtenBytes, skippedBytes: 0 };
  }

  file(): GuestFile | undefined {
    return undefined;
  }

  files(): Iterable<GuestFile> {
    return [];
  }

  trim(): number {
    return 0;
  }

  set(): void {
    // What it writes is recorded, whatever its kernel is set to.
  }

  /** The newest look of the recording at this time. */
  #lookNow(): RecordedLook | undefined {
    const atMs = this.#monotonicMs - this.#laps * this.recording.endMs;
    const { looks } = this.recording;
    return looks.findLast((look) => look.atMs <= atMs) ?? looks[0];
  }

  #write(blocks: BlockSet): void {
    blocks.extents(this.recording.geometry, (offset, length) => {
      this.device.writePages(Math.floor(offset / PAGE_BYTES), Math.ceil(length / PAGE_BYTES));
      this.writtenBytes += length;
    });
  }

  *#runs(blocks: BlockSet, state: CachedRun['state']): Generator<CachedRun> {
    const found: CachedRun[] = [];
    blocks.extents(this.recording.geometry, (offset, length) => {
      found.push({ offset, length, state, class: 'data' });
    });
    yield* found;
  }
}

function portionsOf({ fromMs, untilMs, blocks }: Recording['steps'][number]): readonly Portion[] {
  const all = blocks.toArray();
  const count = Math.min(all.length, Math.max(1, Math.ceil((untilMs - fromMs) / PORTION_MS)));
  return Array.from({ length: count }, (_, index) => {
    const part = all.slice(
      Math.floor((index * all.length) / count),
      Math.floor(((index + 1) * all.length) / count),
    );
    return {
      atMs: fromMs + ((index + 1) * (untilMs - fromMs)) / count,
      blocks: BlockSet.of(...part),
    };
  });
}
