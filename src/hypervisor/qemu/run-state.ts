/** The guest's run state: stopping and resuming it, and telling our own doing from that of others. */
import { cancellable } from '../../base/cancel.js';
import type { Logger } from '../../base/logger.js';
import { messageOf } from '../../base/errors.js';
import type { GuestEvent } from '../types.js';
import { cleanUpTimeoutMs } from './session.js';
import type { QemuSession } from './session.js';

type Listener = (event: GuestEvent) => void;

export class QemuRunState {
  readonly #listeners = new Set<Listener>();
  /** Commands of ours under way: QEMU sends their events before it answers them. */
  readonly #own = { stop: 0, cont: 0 };
  readonly #logger: Logger;
  #pausedByUs = false;

  constructor(private readonly session: QemuSession) {
    const { qmp } = session;
    this.#logger = session.logger;
    qmp.on('STOP', () => {
      if (this.#own.stop === 0) this.#emit({ type: 'stopped' });
    });
    qmp.on('RESUME', () => {
      this.#pausedByUs = false;
      if (this.#own.cont === 0) this.#emit({ type: 'resumed' });
    });
    qmp.on('RESET', () => this.#emit({ type: 'reset' }));
    qmp.on('SHUTDOWN', ({ guest }) => this.#emit({ type: 'shutdown', byGuest: guest }));
    qmp.onLost((error) => this.#emit({ type: 'lost', error }));
  }

  onGuestEvent(listener: Listener): () => void {
    const own: Listener = (event) => listener(event);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  /** Errors as `QmpClient.execute`. */
  async execute(command: 'stop' | 'cont', signal?: AbortSignal): Promise<void> {
    const { session } = this;
    if (command === 'stop') {
      const { running } = await session.qmp.execute('query-status', {}, { signal });
      this.#pausedByUs ||= running;
    }
    const change = { action: command, arguments: {} };
    const resuming = command === 'cont' ? ({ undoes: true } as const) : {};
    await session.act({ ...change, ...resuming }, async () => {
      this.#own[command] += 1;
      const answer = session.qmp.execute(command, {});
      const done = (): void => void (this.#own[command] -= 1);
      answer.then(done, done);
      await cancellable(answer, signal, `${command} on ${session.name}`);
    });
  }

  /** Whether the guest ran before this connection stopped it, and was not resumed since. */
  get pausedByUs(): boolean {
    return this.#pausedByUs;
  }

  /**
   * After a lost connection: lets the guest run again if it still stands because of us.
   * Errors as `QmpClient.execute`.
   */
  async resumeIfLeft(): Promise<void> {
    const { session } = this;
    const options = { timeoutMs: cleanUpTimeoutMs };
    if (!this.#pausedByUs || !session.wasLost || session.qmp.state !== 'running') return;
    const { status } = await session.qmp.execute('query-status', {}, options);
    if (status !== 'paused') return;
    await session.act({ action: 'cont', arguments: {}, undoes: true }, () =>
      session.qmp.execute('cont', {}, options),
    );
    this.#pausedByUs = false;
    this.#logger.log('info', `The guest of ${session.name} runs again.`);
  }

  #emit(event: GuestEvent): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (error) {
        this.#logger.log('error', `A listener to guest events failed: ${messageOf(error)}`);
      }
    }
  }
}
