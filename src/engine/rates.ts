/** Rates that change over time, in bytes a second. */

/** A mean over the last while, in which older samples count less and less. */
export class Rate {
  #bytes = 0;
  #ms = 0;

  /** @param memoryMs a sample of this age counts for about a third. */
  constructor(private readonly memoryMs: number) {}

  /** Adds `bytes` in `ms` milliseconds; a sample of no duration is left out. */
  add(bytes: number, ms: number): void {
    if (ms <= 0) return;
    const keep = Math.exp(-ms / this.memoryMs);
    this.#bytes = this.#bytes * keep + bytes;
    this.#ms = this.#ms * keep + ms;
  }

  /** Undefined before the first sample. */
  get bytesPerSecond(): number | undefined {
    return this.#ms === 0 ? undefined : (this.#bytes * 1000) / this.#ms;
  }
}
