/**
 * A clock whose time is virtual: it stands while anything can still go on, and leaps to the next
 * timer when nothing can. A day of waiting takes as long as its events take to compute.
 */
import type { Clock } from '../../../src/base/clock.js';
import { CancelledError } from '../../../src/base/errors.js';

interface Timer {
  readonly due: number;
  readonly fire: () => void;
}

export class SimulatedClock implements Clock {
  #now = 0;
  /** Ascending by due time; of the same time, in the order in which they were made. */
  readonly #timers: Timer[] = [];
  #ticking = false;

  now(): number {
    return this.#now;
  }

  /** How many wait now. */
  get waiting(): number {
    return this.#timers.length;
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#timers.splice(this.#timers.indexOf(timer), 1);
        reject(new CancelledError('Waiting was cancelled.', { cause: signal?.reason }));
      };
      const timer = {
        due: this.#now + Math.max(0, milliseconds),
        fire: () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      if (signal?.aborted) {
        reject(new CancelledError('Waiting was cancelled.', { cause: signal.reason }));
        return;
      }
      signal?.addEventListener('abort', onAbort, { once: true });
      const later = this.#timers.findIndex(({ due }) => due > timer.due);
      this.#timers.splice(later < 0 ? this.#timers.length : later, 0, timer);
      this.#tick();
    });
  }

  /** Every microtask has run when an immediate does: the program waits, and time may pass. */
  #tick(): void {
    if (this.#ticking) return;
    this.#ticking = true;
    setImmediate(() => {
      this.#ticking = false;
      const timer = this.#timers.shift();
      if (!timer) return;
      this.#now = timer.due;
      timer.fire();
      if (this.#timers.length > 0) this.#tick();
    });
  }
}
