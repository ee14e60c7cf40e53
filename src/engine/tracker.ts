/**
 * Knows what the guest wrote to its disk, and when: flips the dirty bitmap at every request and at
 * least every SAMPLE_MS by itself, whatever the program does (also while a person holds the gate).
 */
import type { Clock } from '../base/clock.js';
import { CancelledError } from '../base/errors.js';
import type { SourceDisk } from '../hypervisor/types.js';
import { BlockSet, BlockSetBuilder, type BlockGeometry } from './blockset/index.js';

/** Time between two samples, in milliseconds; with the flip itself, below the 2 s that traces promise. */
const SAMPLE_MS = 1500;

export interface TrackerListener {
  /** The guest wrote these blocks in the last `sinceMs` milliseconds; `flip` is the flip's number. */
  onDirty(blocks: BlockSet, sinceMs: number, flip: number): void;
  /** Sampling failed; what the guest writes is not known any more. */
  onFailure(error: unknown): void;
}

export class Tracker {
  #written = BlockSet.empty;
  #flippedAt: number;
  #turn: Promise<void> = Promise.resolve();
  readonly #stop = new AbortController();
  #sampling: Promise<void> | undefined;

  constructor(
    private readonly source: SourceDisk,
    private readonly geometry: BlockGeometry,
    private readonly clock: Clock,
    private readonly listener: TrackerListener,
  ) {
    this.#flippedAt = clock.now();
  }

  /**
   * Begins to sample. Once, after the source began to track.
   * @param agoMs how long ago that was, in milliseconds.
   */
  start(agoMs = 0): void {
    this.#flippedAt = this.clock.now() - agoMs;
    this.#sampling = this.#sample();
  }

  /**
   * Everything written since the last call (or since tracking began), up to now.
   * @throws what the hypervisor throws; nothing is lost then.
   */
  async take(signal: AbortSignal): Promise<BlockSet> {
    await this.#flip(signal);
    return this.takeNoted();
  }

  /** As much of it as samples have seen already; what was written later is told by the next call. */
  takeNoted(): BlockSet {
    const written = this.#written;
    this.#written = BlockSet.empty;
    return written;
  }

  /** Ends the sampling; `take` goes on to work. Resolves when no sample is under way. */
  async stopSampling(): Promise<void> {
    this.#stop.abort();
    await this.#sampling;
  }

  async #sample(): Promise<void> {
    const { signal } = this.#stop;
    try {
      for (;;) {
        const leftMs = SAMPLE_MS - (this.clock.now() - this.#flippedAt);
        if (leftMs > 0) await this.clock.sleep(Math.ceil(leftMs), signal);
        else {
          signal.throwIfAborted();
          await this.#flip(undefined);
        }
      }
    } catch (error) {
      if (!(error instanceof CancelledError && signal.aborted)) this.listener.onFailure(error);
    }
  }

  /** One flip at a time; a flip that was begun is not cut short, so that none is lost. */
  #flip(signal: AbortSignal | undefined): Promise<void> {
    const flip = this.#turn.then(async () => {
      signal?.throwIfAborted();
      const builder = new BlockSetBuilder();
      const flip = await this.source.flip(builder.extentVisitor(this.geometry));
      const now = this.clock.now();
      const blocks = builder.build();
      this.#written = this.#written.union(blocks);
      const sinceMs = now - this.#flippedAt;
      this.#flippedAt = now;
      this.listener.onDirty(blocks, sinceMs, flip);
    });
    this.#turn = flip.catch(() => undefined);
    return flip;
  }
}
