/**
 * How many bytes of the disk are in each state of each layer: kept up to date by what changes, so
 * that it costs nothing to ask.
 */
import { blockCount, type BlockGeometry } from '../../engine/index.js';
import {
  cacheStateOf,
  CACHE_STATES,
  diskStateOf,
  DISK_STATES,
  frequencyStateOf,
  FREQUENCY_STATES,
  migrationStateOf,
  MIGRATION_STATES,
  MOST_REASONS,
  PENDING,
  REASON_MASK,
  reasonOf,
  type LayerName,
} from '../../heatmap/index.js';

/** Where the counts of each kind begin in the list of counts. */
const CACHE_AT = MIGRATION_STATES.length;
const DISK_AT = CACHE_AT + CACHE_STATES.length;
const FREQUENCY_AT = DISK_AT + DISK_STATES.length;
const REASONS_AT = FREQUENCY_AT + FREQUENCY_STATES.length;
const PENDING_AT = REASONS_AT + MOST_REASONS;
const DEFERRED_AT = PENDING_AT + 1;
const LENGTH = DEFERRED_AT + 1;

const DEFERRED = MIGRATION_STATES.indexOf('deferred');

export type LegendBytes = Readonly<Record<LayerName, readonly number[]>>;

/** Blocks in each state; a value. */
export type Counts = Float64Array;

export class Legend {
  readonly #counts: Counts;
  /** What changed last, as often as it did; neighbours mostly change alike. */
  #before = 0;
  #after = 0;
  #blocks = 0;

  /** @param counts where it begins; all words are 0 unless told. */
  constructor(
    private readonly geometry: BlockGeometry,
    counts?: Counts,
  ) {
    this.#counts = counts?.slice() ?? new Float64Array(LENGTH);
    if (!counts) this.#add(0, blockCount(geometry));
  }

  /** Takes note that `blocks` blocks had the word `before`, and have `after`. */
  change(before: number, after: number, blocks: number): void {
    if (before !== this.#before || after !== this.#after) {
      this.#settle();
      this.#before = before;
      this.#after = after;
    }
    this.#blocks += blocks;
  }

  freeze(): Counts {
    this.#settle();
    return this.#counts.slice();
  }

  /** @param last word of the disk's last block, which may be shorter. */
  bytes(last: number): LegendBytes {
    const layer = (at: number, states: readonly string[], lastState: number) =>
      states.map((_, state) => this.#bytesOf(at + state, state === lastState));
    return {
      migration: layer(0, MIGRATION_STATES, migrationStateOf(last)),
      cache: layer(CACHE_AT, CACHE_STATES, cacheStateOf(last)),
      disk: layer(DISK_AT, DISK_STATES, diskStateOf(last)),
      frequency: layer(FREQUENCY_AT, FREQUENCY_STATES, frequencyStateOf(last)),
    };
  }

  /** Bytes that are put off for the reason with this number. */
  reasonBytes(reason: number, last: number): number {
    const isLast = migrationStateOf(last) === DEFERRED && reasonOf(last) === reason;
    return this.#bytesOf(REASONS_AT + reason, isLast);
  }

  /** Bytes that the destination lacks in their newest form, put off or not. */
  pendingBytes(last: number): number {
    return this.#bytesOf(PENDING_AT, (last & PENDING) !== 0);
  }

  /** Bytes that are put off. */
  deferredBytes(last: number): number {
    return this.#bytesOf(DEFERRED_AT, isDeferred(last));
  }

  #bytesOf(at: number, last: boolean): number {
    this.#settle();
    const { granularity, size } = this.geometry;
    const shorter = last ? blockCount(this.geometry) * granularity - size : 0;
    return this.#counts[at]! * granularity - shorter;
  }

  #settle(): void {
    if (this.#blocks === 0) return;
    this.#add(this.#before, -this.#blocks);
    this.#add(this.#after, this.#blocks);
    this.#blocks = 0;
  }

  #add(word: number, blocks: number): void {
    const counts = this.#counts;
    const state = migrationStateOf(word);
    counts[state]! += blocks;
    counts[CACHE_AT + cacheStateOf(word)]! += blocks;
    counts[DISK_AT + diskStateOf(word)]! += blocks;
    counts[FREQUENCY_AT + frequencyStateOf(word)]! += blocks;
    if (state === DEFERRED) counts[REASONS_AT + reasonOf(word)!]! += blocks;
    if ((word & PENDING) !== 0) counts[PENDING_AT]! += blocks;
    if (isDeferred(word)) counts[DEFERRED_AT]! += blocks;
  }
}

function isDeferred(word: number): boolean {
  return (word & PENDING) !== 0 && (word & REASON_MASK) !== 0;
}
