/** The clocks of a simulated lab: one whose time is virtual, and one that goes faster or slower than real time. */
import type { Clock } from '../base/clock.js';
import { CancelledError } from '../base/errors.js';

/**
 * The shortest wait, in milliseconds: a time so short that adding it changes nothing would let a loop
 * that waits for it go on for ever.
 */
const SHORTEST_MS = 1e-3;

interface Timer {
  readonly due: number;
  readonly fire: () => void;
}

/**
 * A clock whose time is virtual: it stands while anything can still go on, and leaps to the next
 * timer when nothing can. A day of waiting takes as long as its events take to compute.
 */
export class SimulatedClock implements Clock {
  #now = 0;
  /** Ascending by due time; of the same time, in the order in which they were made. */
  readonly #timers: Timer[] = [];
  #ticking = false;
  #held = 0;

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
        due: this.#now + (milliseconds > 0 ? Math.max(SHORTEST_MS, milliseconds) : 0),
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

  /** Has time stand until `work` is done: for what is outside of the simulation, such as a real process. */
  async standWhile<T>(work: () => Promise<T>): Promise<T> {
    this.#held++;
    try {
      return await work();
    } finally {
      this.#held--;
      this.#tick();
    }
  }

  /** Every microtask has run when an immediate does: the program waits, and time may pass. */
  #tick(): void {
    if (this.#ticking) return;
    this.#ticking = true;
    setImmediate(() => {
      this.#ticking = false;
      if (this.#held > 0) return;
      const timer = this.#timers.shift();
      if (!timer) return;
      this.#now = timer.due;
      timer.fire();
      if (this.#timers.length > 0) this.#tick();
    });
  }
}

/** Real time at another pace: while another clock goes on by a second, this one goes on by `pace` seconds. */
export class PacedClock implements Clock {
  readonly #start: number;

  /**
   * @param pace above 0.
   * @param startMs what it shows now.
   */
  constructor(
    private readonly clock: Clock,
    readonly pace: number,
    private readonly startMs = 0,
  ) {
    this.#start = clock.now();
  }

  now(): number {
    return this.startMs + (this.clock.now() - this.#start) * this.pace;
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return this.clock.sleep(milliseconds / this.pace, signal);
  }
}
