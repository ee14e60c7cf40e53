/**
 * The clairvoyant schedule: what a migration sends at least when it knows every write in advance.
 * docs/experiments.md says what it assumes.
 *
 * A block is done when it is sent after its last write before the pause. So with a pause at T, of the
 * blocks that are written last at r or later, all have to go between r and the end of the pause: that
 * fits when their bytes do. T is the first time at which it fits for every r, and each block that
 * holds anything by then is sent once.
 */
import { UsageError } from '../base/errors.js';
import { BlockSetBuilder, type BlockGeometry, type BlockSet } from '../engine/index.js';

/** What a guest wrote, as dirty bitmaps tell it. */
export interface RecordedWrites {
  readonly geometry: BlockGeometry;
  /** What held anything when the recording began. */
  readonly allocated: BlockSet;
  /** In order; each may have been written at any time from `fromMs` on, up to the next one's. */
  readonly steps: readonly { readonly fromMs: number; readonly blocks: BlockSet }[];
  /** When the recording ended, in milliseconds since its beginning. */
  readonly endMs: number;
}

export interface BoundLimits {
  /** What can be sent, in bytes a second; above 0, may be Infinity. */
  readonly bytesPerSecond: number;
  /** How long the guest may be paused, in milliseconds. */
  readonly downtimeLimitMs: number;
}

export interface Bound {
  /** No schedule sends less. */
  readonly boundBytes: number;
  /** When the guest can be paused at the earliest, in milliseconds; absent where the recording ends before. */
  readonly pauseMs?: number;
}

/** @throws UsageError for a bandwidth that is not above 0. */
export function clairvoyantBound(writes: RecordedWrites, limits: BoundLimits): Bound {
  if (!(limits.bytesPerSecond > 0))
    throw new UsageError(`With ${limits.bytesPerSecond} bytes a second nothing is ever sent.`, {
      hint: 'Give a bandwidth above 0.',
    });
  const schedule = new Schedule(writes, limits);
  for (let step = 0; step <= writes.steps.length; step++) {
    const fromMs = writes.steps[step - 1]?.fromMs ?? 0;
    const untilMs = writes.steps[step]?.fromMs ?? writes.endMs;
    const pauseMs = Math.max(fromMs, schedule.earliestPause());
    if (pauseMs <= untilMs) return { boundBytes: schedule.distinctBytes, pauseMs };
    if (step < writes.steps.length) schedule.take(step);
  }
  return { boundBytes: schedule.distinctBytes };
}

/** The blocks by the step in which they are written last, among the steps taken so far. */
class Schedule {
  /** Bytes of blocks whose last write is in that step; the first place is for those of none. */
  readonly #bytes: number[];
  readonly #times: number[] = [0];
  /** The step in which a block was written last, from 1; blocks of none are absent. */
  readonly #lastStep = new Map<number, number>();
  readonly #bytesPerMs: number;
  readonly #lastBlock: number;
  readonly #lastBytes: number;
  distinctBytes: number;

  constructor(
    private readonly writes: RecordedWrites,
    private readonly limits: BoundLimits,
  ) {
    const { granularity, size } = writes.geometry;
    this.#bytesPerMs = limits.bytesPerSecond / 1000;
    this.#lastBlock = Math.ceil(size / granularity) - 1;
    this.#lastBytes = size - this.#lastBlock * granularity;
    this.distinctBytes = writes.allocated.bytes(writes.geometry);
    this.#bytes = [this.distinctBytes];
  }

  take(step: number): void {
    const { fromMs, blocks } = this.writes.steps[step]!;
    this.#times.push(fromMs);
    const place = this.#times.length - 1;
    let taken = 0;
    blocks.runs((start, count) => {
      for (let block = start; block < start + count; block++) taken += this.#move(block, place);
    });
    this.#bytes.push(taken);
  }

  /** The first time at which all that was written by now can have been sent. */
  earliestPause(): number {
    let later = 0;
    let earliest = 0;
    for (let place = this.#bytes.length - 1; place >= 0; place--) {
      later += this.#bytes[place]!;
      if (later === 0) continue;
      const needed = this.#times[place]! + later / this.#bytesPerMs;
      earliest = Math.max(earliest, needed - this.limits.downtimeLimitMs);
    }
    return earliest;
  }

  #move(block: number, place: number): number {
    const bytes = block === this.#lastBlock ? this.#lastBytes : this.writes.geometry.granularity;
    const before = this.#lastStep.get(block);
    if (before !== undefined) this.#bytes[before]! -= bytes;
    else if (this.writes.allocated.has(block)) this.#bytes[0]! -= bytes;
    else this.distinctBytes += bytes;
    this.#lastStep.set(block, place);
    return bytes;
  }
}

/** Gathers writes as they happen, in steps of a fixed time. */
export class WriteRecorder {
  readonly #steps: { fromMs: number; blocks: BlockSet }[] = [];
  #builder = new BlockSetBuilder();
  #fromMs = 0;

  constructor(
    private readonly geometry: BlockGeometry,
    private readonly stepMs: number,
  ) {}

  /** @param nowMs never goes back. */
  write(offset: number, length: number, nowMs: number): void {
    if (nowMs >= this.#fromMs + this.stepMs) this.#close(nowMs);
    const { granularity } = this.geometry;
    const first = Math.floor(offset / granularity);
    this.#builder.add(first, Math.ceil((offset + length) / granularity) - first);
  }

  end(allocated: BlockSet, endMs: number): RecordedWrites {
    this.#close(endMs);
    return { geometry: this.geometry, allocated, steps: this.#steps, endMs };
  }

  #close(nowMs: number): void {
    const blocks = this.#builder.build();
    if (!blocks.isEmpty) this.#steps.push({ fromMs: this.#fromMs, blocks });
    this.#builder = new BlockSetBuilder();
    this.#fromMs = nowMs - (nowMs % this.stepMs);
  }
}
