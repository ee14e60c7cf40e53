/** The bandwidth cap: spaces out sending so that no more than `bytesPerSecond` go. */
import type { Clock } from '../base/clock.js';

/** How far sending may run ahead of the cap, in milliseconds' worth of bytes. */
const BURST_MS = 20;
/** The longest sleep, in milliseconds: a cap that was changed is heeded after it. */
const LONGEST_SLEEP_MS = 250;
/** Less than this, in milliseconds, is not worth a sleep. */
const SMALLEST_SLEEP_MS = 0.01;

export class Throttle {
  /** What was taken and has not had its time yet, in bytes; below 0 is what may go at once. */
  #owed = 0;
  #countedAt: number;

  /** @param bytesPerSecond more than 0, or undefined for no cap; may be changed at any time. */
  constructor(
    private readonly clock: Clock,
    public bytesPerSecond: number | undefined,
  ) {
    this.#countedAt = clock.now();
  }

  /**
   * Resolves when `bytes` may be sent.
   * @throws CancelledError when `signal` aborts first.
   */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      const waitMs = this.#waitMs();
      if (waitMs <= 0) break;
      await this.clock.sleep(Math.min(waitMs, LONGEST_SLEEP_MS), signal);
    }
    if (this.bytesPerSecond !== undefined) this.#owed += bytes;
  }

  /** How long until what was taken has had its time, in milliseconds. */
  #waitMs(): number {
    const now = this.clock.now();
    const rate = (this.bytesPerSecond ?? Infinity) / 1000;
    const earned = now > this.#countedAt ? (now - this.#countedAt) * rate : 0;
    this.#countedAt = now;
    if (this.bytesPerSecond === undefined) this.#owed = 0;
    else this.#owed = Math.max(this.#owed - earned, -BURST_MS * rate);
    return this.#owed <= SMALLEST_SLEEP_MS * rate ? 0 : this.#owed / rate;
  }
}
