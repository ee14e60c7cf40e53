/** Time, handed in from outside so that tests run on a simulated clock. */
import { setTimeout as delay } from 'node:timers/promises';
import { CancelledError } from './errors.js';

/** A source of time. All times are milliseconds on a monotonic scale of its own. */
export interface Clock {
  /** Milliseconds since an arbitrary start; never goes back. */
  now(): number;
  /**
   * Resolves after `milliseconds`.
   * @throws CancelledError when `signal` aborts first.
   */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's own monotonic clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  async sleep(milliseconds, signal) {
    try {
      await delay(milliseconds, undefined, signal ? { signal } : {});
    } catch (error) {
      throw new CancelledError('Waiting was cancelled.', { cause: error });
    }
  },
};

/** The machine's wall-clock time, for people; it may be set back, so nothing is measured by it. */
export const systemToday = (): Date => new Date();
