/** The bandwidth cap: spaces out sending so that no more than `bytesPerSecond` go. */
import type { Clock } from '../base/clock.js';

/** How far sending may run ahead of the cap, in milliseconds' worth of bytes. */
const BURST_MS = 20;

export class Throttle {
  #free = 0;

  /** @param bytesPerSecond more than 0, or undefined for no cap; may be changed at any time. */
  constructor(
    private readonly clock: Clock,
    public bytesPerSecond: number | undefined,
  ) {}

  /**
   * Resolves when `bytes` may be sent.
   * @throws CancelledError when `signal` aborts first.
   */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    if (this.bytesPerSecond === undefined) return;
    const now = this.clock.now();
    const start = Math.max(this.#free, now - BURST_MS);
    this.#free = start + (bytes * 1000) / this.bytesPerSecond;
    if (start > now) await this.clock.sleep(start - now, signal);
  }
}
