/** Long work in stretches, so that requests are answered meanwhile. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../base/clock.js';

/** How long a stretch is, in milliseconds. */
const STRETCH_MS = 20;

export class Pace {
  #since: number;

  constructor(private readonly clock: Clock) {
    this.#since = clock.now();
  }

  /** Whether a stretch is over, and somebody else should have a turn. */
  get due(): boolean {
    return this.clock.now() - this.#since >= STRETCH_MS;
  }

  /** Lets others have their turn where a stretch is over. */
  async breathe(): Promise<void> {
    if (!this.due) return;
    await nextTurn();
    this.#since = this.clock.now();
  }
}
