/** What was made for a run and has to be unmade, in reverse order, whatever fails meanwhile. */
import { ConnectionLostError, TimeoutError, messageOf } from '../base/errors.js';
import type { Logger } from '../base/logger.js';

/** One thing that was made. */
export interface Made {
  /** It is gone, or now belongs to somebody else. */
  forget(): void;
}

interface Entry {
  readonly what: string;
  readonly undo: () => Promise<void>;
}

export class UndoStack {
  #entries: Entry[] = [];

  /**
   * @param reachAgain is asked when a connection is found lost: whether there is a new one, so that
   * what failed is worth a second try. Undoing must be fit for being done twice.
   */
  constructor(
    readonly logger: Logger,
    private readonly reachAgain: () => Promise<boolean> = () => Promise.resolve(false),
  ) {}

  /** @param what names the thing, for the log, e.g. `bitmap migrascope-x-1 of disk0`. */
  add(what: string, undo: () => Promise<void>): Made {
    const entry = { what, undo };
    this.#entries.push(entry);
    return {
      forget: () => {
        this.#entries = this.#entries.filter((other) => other !== entry);
      },
    };
  }

  /** Unmakes everything, newest first. Never throws: what can't be unmade is logged as a warning. */
  async unwind(): Promise<void> {
    const unreachable: string[] = [];
    for (let entry = this.#entries.pop(); entry; entry = this.#entries.pop()) {
      try {
        await this.#undo(entry);
      } catch (error) {
        if (error instanceof ConnectionLostError) unreachable.push(entry.what);
        else this.logger.log('warn', `Removing ${entry.what} failed: ${messageOf(error)}`);
        if (error instanceof TimeoutError) this.#giveUp();
      }
    }
    if (unreachable.length > 0) {
      this.logger.log('warn', `The connection is lost; not removed: ${unreachable.join(', ')}.`);
    }
  }

  async #undo({ undo }: Entry): Promise<void> {
    try {
      await undo();
    } catch (error) {
      if (!(error instanceof ConnectionLostError) || !(await this.reachAgain())) throw error;
      await undo();
    }
  }

  #giveUp(): void {
    const rest = this.#entries.splice(0).map(({ what }) => what);
    if (rest.length > 0) {
      this.logger.log('warn', `No answer comes; not removed: ${rest.join(', ')}.`);
    }
  }
}

/** Runs one task after the other, in the order in which they were given. */
export class Serial {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
