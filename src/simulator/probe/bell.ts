/** Wakes whoever waits for a change: that a guest runs again, that a fault is over. */
export class Bell {
  readonly #waiting = new Set<() => void>();

  /** Resolves when the bell is rung next, or when `signal` aborts. */
  wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      if (signal.aborted) {
        resolve();
        return;
      }
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }

  /** Wakes all who wait now, in the order in which they came. */
  ring(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}
