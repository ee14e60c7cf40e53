/** Ctrl-C and the like: cancel in order, or leave the run to itself; a second Ctrl-C leaves at once. */
import { CancelledError } from '../base/errors.js';
import { EXIT } from './exit-codes.js';
import type { World } from './world.js';

export interface InterruptActions {
  readonly press: 'cancel' | 'leave';
  /** `cancel` where the run is the command's own, which can't leave it. */
  readonly hangUp: 'cancel' | 'leave';
}

export class Interrupt {
  readonly #cancel = new AbortController();
  readonly #leave = new AbortController();
  readonly #unlisten: () => void;

  /**
   * Listens to the process's signals until `close`.
   * @param onCancel is called at the first one, with what to tell the person.
   * @param describe says what stopping at once would leave behind; asked at the second one.
   * @param actions what the first Ctrl-C and a terminal that is gone do.
   */
  constructor(
    private readonly world: Pick<World, 'onEndSignal' | 'exit' | 'stderr'>,
    private readonly onCancel: (message: string) => void,
    private readonly describe: () => string,
    private readonly actions: InterruptActions = { press: 'cancel', hangUp: 'cancel' },
  ) {
    this.#unlisten = world.onEndSignal((signal) => {
      if (signal === 'SIGHUP' && actions.hangUp === 'leave') this.leave();
      else this.press();
    });
  }

  /** Aborts when the run is to be cancelled. */
  get signal(): AbortSignal {
    return this.#cancel.signal;
  }

  /** Aborts when the command is to end and the run goes on. */
  get left(): AbortSignal {
    return this.#leave.signal;
  }

  /** Whether the run goes on without the command. */
  get canLeave(): boolean {
    return this.actions.hangUp === 'leave';
  }

  /** Somebody pressed Ctrl-C, or a signal came. */
  press(): void {
    if (this.signal.aborted || this.left.aborted) {
      this.world.stderr.write(`migrascope: stopped at once. ${this.describe()}\n`);
      this.world.exit(EXIT.cancelled);
    } else if (this.actions.press === 'leave') this.leave();
    else this.cancel('cancelling: putting things back, press Ctrl-C again to stop at once');
  }

  /** Cancels, once; later calls do nothing. */
  cancel(message: string): void {
    if (this.signal.aborted) return;
    this.#cancel.abort(new CancelledError('The person cancelled.'));
    this.onCancel(message);
  }

  /** Leaves the run to itself, or cancels it where it can't go on. */
  leave(): void {
    if (!this.canLeave) this.cancel('cancelling: nobody is here to see it');
    else this.#leave.abort(new CancelledError('The person left.'));
  }

  /** Leaves the signals to the process again. */
  close(): void {
    this.#unlisten();
  }
}
