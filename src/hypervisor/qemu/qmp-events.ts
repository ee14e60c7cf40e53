/** Who listens to a QMP connection's events, and who waits for one of them. */
import { CancelledError, TimeoutError } from '../../base/errors.js';
import type { Clock } from '../../base/clock.js';
import type { QmpEventName, QmpEvents } from './schema.js';

/** One event that somebody waits for; opened before the command that fires it, awaited after. */
export interface EventWaiter<E extends QmpEventName> {
  /**
   * The event's data.
   * Rejects with ConnectionLostError, TimeoutError or CancelledError; nobody has to be listening then.
   */
  readonly data: Promise<QmpEvents[E]>;
  /** Stops waiting: `data` never settles by an event any more. For a command that failed. */
  cancel(): void;
}

export interface ExpectOptions {
  readonly signal?: AbortSignal | undefined;
  /** In milliseconds; without it there is no limit. */
  readonly timeoutMs?: number;
}

type Listener = (data: unknown) => void;

export class QmpEventHub {
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #waiters = new Set<(error: Error) => void>();

  constructor(
    /** Of the peer, for errors. */
    readonly name: string,
    readonly clock: Clock,
  ) {}

  on<E extends QmpEventName>(event: E, listener: (data: QmpEvents[E]) => void): () => void {
    const own: Listener = (data) => listener(data as QmpEvents[E]);
    const set = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, set.add(own));
    return () => set.delete(own);
  }

  expect<E extends QmpEventName>(
    event: E,
    predicate: (data: QmpEvents[E]) => boolean,
    { signal, timeoutMs }: ExpectOptions,
  ): EventWaiter<E> {
    const what = `Waiting for the event ${event} of ${this.name}`;
    const timer = new AbortController();
    let settle = (): void => undefined;
    const data = new Promise<QmpEvents[E]>((resolve, reject) => {
      const fail = (error: Error): void => {
        settle();
        reject(error);
      };
      const onAbort = (): void =>
        fail(new CancelledError(`${what} was cancelled.`, { cause: signal?.reason }));
      const off = this.on(event, (eventData) => {
        if (!predicate(eventData)) return;
        settle();
        resolve(eventData);
      });
      settle = () => {
        off();
        timer.abort();
        signal?.removeEventListener('abort', onAbort);
        this.#waiters.delete(fail);
      };
      this.#waiters.add(fail);
      signal?.addEventListener('abort', onAbort, { once: true });
      if (timeoutMs !== undefined) {
        this.clock.sleep(timeoutMs, timer.signal).then(
          () => fail(new TimeoutError(`${what} took longer than ${timeoutMs / 1000} s.`)),
          () => undefined,
        );
      }
      if (signal?.aborted) onAbort();
    });
    data.catch(() => undefined);
    return { data, cancel: () => settle() };
  }

  emit(event: string, data: unknown): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) listener(data);
  }

  /** Rejects all that wait; listeners simply hear nothing more. */
  fail(error: Error): void {
    for (const reject of [...this.#waiters]) reject(error);
  }
}
