/**
 * What pre-copy without deferral would have sent for the same writes: a second, imagined migration
 * that sends everything pending in disk order at the bandwidth that was measured, and sees the
 * writes that the real one saw. It is told honestly where its end lies after the real one's.
 */
import type { BlockGeometry, BlockSet } from './blockset/index.js';

export class PlainShadow {
  #pending: BlockSet;
  #rest: BlockSet;
  #sentBytes = 0;
  #credit = 0;
  #done = false;

  constructor(
    allocated: BlockSet,
    private readonly geometry: BlockGeometry,
    /** Whether sending the blocks while the guest stands would fit the downtime limit now. */
    private readonly fits: (blocks: BlockSet) => boolean,
  ) {
    this.#pending = allocated;
    this.#rest = allocated;
  }

  /** `ms` milliseconds passed, in which `written` was written and `bandwidth` bytes a second could be sent. */
  advance(ms: number, bandwidth: number, written: BlockSet): void {
    if (this.#done) return;
    this.#credit += (bandwidth * ms) / 1000;
    while (this.#credit >= this.geometry.granularity) {
      if (this.#rest.isEmpty && !this.#beginRound()) return;
      const batch = this.#rest.take(Math.floor(this.#credit / this.geometry.granularity));
      this.#send(batch);
      this.#credit -= batch.bytes(this.geometry);
    }
    this.#pending = this.#pending.union(written);
  }

  /** What it sent, or would at least have had to send, had it been paused now. */
  result(): { readonly bytes: number; readonly isLowerBound: boolean } {
    return {
      bytes: this.#sentBytes + (this.#done ? 0 : this.#pending.bytes(this.geometry)),
      isLowerBound: !this.#done,
    };
  }

  /** @returns whether there is a round to begin now. */
  #beginRound(): boolean {
    if (this.fits(this.#pending)) {
      this.#send(this.#pending);
      this.#done = true;
      return false;
    }
    this.#rest = this.#pending;
    return true;
  }

  #send(blocks: BlockSet): void {
    this.#sentBytes += blocks.bytes(this.geometry);
    this.#pending = this.#pending.difference(blocks);
    this.#rest = this.#rest.difference(blocks);
  }
}
