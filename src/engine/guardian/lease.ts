/** The engine's side of a lease: starts a guardian, renews, and knows at once when it is lost. */
import { cancellable } from '../../base/cancel.js';
import type { Clock } from '../../base/clock.js';
import { LeaseError, MigrascopeError, messageOf } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import type { FromGuardian, GuardianTask, ToGuardian } from './messages.js';
import type { SingleLease } from './pair.js';

/** The wire to a guardian that was started. */
export interface GuardianLink {
  send(message: ToGuardian): void;
  /** Calls `listener` for each message; once. */
  onMessage(listener: (message: FromGuardian) => void): void;
  /**
   * Calls `listener` when the guardian can't be heard any more.
   * @param listener is told why, as part of a sentence, and whether its process is gone.
   */
  onClosed(listener: (why: string, gone: boolean) => void): void;
  /** Ends the guardian's input: what it makes of that depends on what it was told before. */
  close(): void;
}

export interface GuardianLeaseOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly task: GuardianTask;
  /** Starts a guardian. */
  readonly start: () => Promise<GuardianLink>;
}

/** How long a guardian may take to start and to find the guest, in milliseconds. */
const START_MS = 15_000;
/** Renewals in the time that a lease lasts. */
const RENEWALS = 5;

const HINT =
  'Use --no-guardian to go without one: if this process is then killed while the guest is paused, nobody resumes it.';

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class GuardianLease implements SingleLease {
  gone = false;
  #link: GuardianLink | undefined;
  #ready: Promise<void> | undefined;
  #state: 'free' | 'held' | 'lost' | 'ended' = 'free';
  #number = 0;
  #onLost: (error: Error) => void = () => undefined;
  #lostBy: LeaseError | undefined;
  #answer: { resolve: (message: FromGuardian) => void; reject: (error: Error) => void } | undefined;
  readonly #waiting = new Map<number, Waiting>();
  readonly #end = new AbortController();

  constructor(private readonly options: GuardianLeaseOptions) {}

  prepare(signal: AbortSignal): Promise<void> {
    if (this.gone && this.#state === 'free') {
      this.gone = false;
      this.#ready = undefined;
    }
    this.#ready ??= this.#start();
    this.#ready.catch(() => undefined);
    return cancellable(this.#ready, signal, 'Starting the guardian');
  }

  async take(signal: AbortSignal, onLost: (error: Error) => void): Promise<void> {
    if (this.#state !== 'free') throw this.#notHeld();
    if (this.#ready && !this.#link) this.#ready = undefined;
    await this.prepare(signal);
    await this.#ask('take', signal);
    this.#state = 'held';
    this.#onLost = onLost;
    void this.#renew();
  }

  async confirm(signal: AbortSignal): Promise<void> {
    if (this.#state !== 'held') throw this.#notHeld();
    await this.#ask('renew', signal);
  }

  release(): Promise<void> {
    this.#link?.send({ type: 'release' });
    this.#close();
    return Promise.resolve();
  }

  abandon(): Promise<void> {
    this.#close();
    return Promise.resolve();
  }

  #close(): void {
    this.#state = 'ended';
    this.#end.abort();
    const link = this.#link;
    this.#link = undefined;
    link?.close();
    this.#settleAll(new LeaseError('The lease was given back.'));
  }

  async #start(): Promise<void> {
    const { task } = this.options;
    try {
      const link = await this.options.start();
      this.#link = link;
      const answer = new Promise<FromGuardian>((resolve, reject) => {
        this.#answer = { resolve, reject };
      });
      link.onMessage((message) => this.#receive(message));
      link.onClosed((why, gone) => this.#closed(link, why, gone));
      link.send({ type: 'begin', task });
      const message = await this.#inTime(answer, START_MS);
      if (message.type === 'refused') throw new LeaseError(message.message);
      if (message.type === 'ready' && message.warning !== undefined)
        this.options.logger.log('warn', message.warning);
    } catch (error) {
      this.#link?.close();
      this.#link = undefined;
      const hint = error instanceof MigrascopeError ? error.hint : undefined;
      const message = `No guardian could be started, so the guest of ${task.name} is not paused: ${messageOf(error)}`;
      throw new LeaseError(message, { cause: error, hint: hint ?? HINT });
    }
  }

  #receive(message: FromGuardian): void {
    if (message.type === 'held') {
      this.#waiting.get(message.number)?.resolve();
      this.#waiting.delete(message.number);
    } else if (message.type === 'lost') {
      this.#lose(`${message.message} It has the guest resumed.`);
    } else {
      this.#answer?.resolve(message);
    }
  }

  #closed(link: GuardianLink, why: string, gone: boolean): void {
    if (this.#link !== link) return;
    this.gone = gone;
    this.#link = undefined;
    const error = new LeaseError(`The guardian ${why}.`);
    this.#answer?.reject(error);
    if (this.#state === 'held') this.#lose(error.message);
    else this.#settleAll(error);
  }

  #lose(why: string): void {
    if (this.#state !== 'held') return;
    this.#state = 'lost';
    this.#end.abort();
    this.#lostBy = new LeaseError(`The lease on the guest's pause was lost: ${why}`, {
      hint: 'The guest goes on with the disk that it has. Start the migration again.',
    });
    this.#settleAll(this.#lostBy);
    this.#onLost(this.#lostBy);
  }

  #settleAll(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  /** Asks and waits for the answer; a guardian that gives none in time is as good as none. */
  async #ask(type: 'take' | 'renew', signal: AbortSignal): Promise<void> {
    const number = ++this.#number;
    const held = new Promise<void>((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
    });
    held.catch(() => undefined);
    this.#link?.send({ type, number });
    if (!this.#link) this.#settleAll(new LeaseError('The guardian is gone.'));
    const { leaseMs } = this.options.task;
    try {
      await cancellable(this.#inTime(held, leaseMs), signal, 'Asking the guardian');
    } catch (error) {
      if (error instanceof LeaseError && this.#state === 'held') this.#lose(error.message);
      throw this.#lostBy ?? error;
    } finally {
      this.#waiting.delete(number);
    }
  }

  async #renew(): Promise<void> {
    const { clock, task } = this.options;
    const { signal } = this.#end;
    try {
      for (;;) {
        await clock.sleep(task.leaseMs / RENEWALS, signal);
        await this.#ask('renew', signal);
      }
    } catch {
      // The lease ended: whoever has to know was told by #lose.
    }
  }

  async #inTime<T>(promise: Promise<T>, milliseconds: number): Promise<T> {
    const timer = new AbortController();
    const late = this.options.clock.sleep(milliseconds, timer.signal).then(() => {
      throw new LeaseError(`The guardian did not answer for ${milliseconds / 1000} s.`);
    });
    late.catch(() => undefined);
    try {
      return await Promise.race([promise, late]);
    } finally {
      timer.abort();
    }
  }

  #notHeld(): LeaseError {
    return this.#lostBy ?? new LeaseError(`The lease on the guest's pause is ${this.#state}.`);
  }
}
