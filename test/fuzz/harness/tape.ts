/** The reader's end of a connection in memory, and a clock that goes only when it is told to. */
import { Duplex } from 'node:stream';
import type { Clock } from '../../../src/base/clock.js';
import { CancelledError } from '../../../src/base/errors.js';
import type { Ending } from './input.js';

/** What is kept of what the reader says, in bytes. */
const KEPT = 64 * 1024;

export class Tape extends Duplex {
  #said = '';
  #saidBytes = 0;
  #over = false;

  /** @param allowHalfOpen whether the reader's side stays open when the peer has ended its own. */
  constructor(allowHalfOpen = false) {
    super({ allowHalfOpen });
  }

  /** The beginning of what the reader said. */
  get said(): string {
    return this.#said;
  }

  get saidBytes(): number {
    return this.#saidBytes;
  }

  /** The peer says something; nobody hears it after its end. */
  deliver(bytes: Buffer): void {
    if (!this.#over && !this.destroyed) this.push(bytes);
  }

  /** The peer leaves. */
  hangUp(ending: Ending): void {
    if (this.#over || this.destroyed || ending === 'silence') return;
    this.#over = true;
    if (ending === 'end') this.push(null);
    else this.destroy(new Error('read ECONNRESET'));
  }

  override _read(): void {
    // The peer delivers unasked.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#saidBytes += chunk.length;
    if (this.#said.length < KEPT) this.#said += chunk.toString('latin1');
    done();
  }
}

interface Timer {
  readonly due: number;
  readonly fire: () => void;
}

export class FuzzClock implements Clock {
  #now = 0;
  readonly #timers = new Set<Timer>();

  now(): number {
    return this.#now;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#timers.size;
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = () => {
        this.#timers.delete(timer);
        reject(new CancelledError('Waiting was cancelled.'));
      };
      const timer: Timer = {
        due: this.#now + Math.max(0, milliseconds),
        fire: () => {
          signal?.removeEventListener('abort', cancel);
          resolve();
        },
      };
      if (signal?.aborted) {
        cancel();
        return;
      }
      this.#timers.add(timer);
      signal?.addEventListener('abort', cancel, { once: true });
    });
  }

  /** Leaps to the earliest timer; says whether there was one. */
  leap(): boolean {
    let next: Timer | undefined;
    for (const timer of this.#timers) if (!next || timer.due < next.due) next = timer;
    if (!next) return false;
    this.#timers.delete(next);
    this.#now = next.due;
    next.fire();
    return true;
  }
}
