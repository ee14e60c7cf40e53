/** Ctrl-C: the first one cancels in order, the second one stops at once. */
import { CancelledError } from '../base/errors.js';
import { EXIT } from './exit-codes.js';
import type { World } from './world.js';

export class Interrupt {
  readonly #controller = new AbortController();
  readonly #unlisten: () => void;

  /**
   * Listens to the process's signals until `close`.
   * @param onCancel is called at the first one, with what to tell the person.
   * @param describe says what stopping at once would leave behind; asked at the second one.
   */
  constructor(
    private readonly world: Pick<World, 'onEndSignal' | 'exit' | 'stderr'>,
    private readonly onCancel: (message: string) => void,
    private readonly describe: () => string,
  ) {
    this.#unlisten = world.onEndSignal(() => this.press());
  }

  /** Aborts at the first press. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Somebody pressed Ctrl-C, or a signal came. */
  press(): void {
    if (!this.signal.aborted) {
      this.cancel('cancelling: putting things back, press Ctrl-C again to stop at once');
      return;
    }
    this.world.stderr.write(`migrascope: stopped at once. ${this.describe()}\n`);
    this.world.exit(EXIT.cancelled);
  }

  /** Cancels, once; later calls do nothing. */
  cancel(message: string): void {
    if (this.signal.aborted) return;
    this.#controller.abort(new CancelledError('The person cancelled.'));
    this.onCancel(message);
  }

  /** Leaves the signals to the process again. */
  close(): void {
    this.#unlisten();
  }
}
