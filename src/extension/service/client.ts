/** The extension's end of the service: a forked process that is asked by typed requests. */
import { fork, type ChildProcess } from 'node:child_process';
import { cancellable } from '../../base/cancel.js';
import { systemClock, type Clock } from '../../base/clock.js';
import { CancelledError, messageOf } from '../../base/errors.js';
import type {
  Fault,
  ServiceCancel,
  ServiceMessage,
  ServiceMethod,
  ServiceRequest,
  ServiceRequests,
  ViewNote,
} from '../../service/types.js';

/** A request that failed, as the service told it. */
export class ServiceError extends Error {
  readonly kind: Fault['kind'];
  readonly hint: string | undefined;

  constructor({ kind, message, hint }: Fault) {
    super(message);
    this.name = 'ServiceError';
    this.kind = kind;
    this.hint = hint;
  }
}

export interface ServiceListener {
  /** The hosts of the settings, which each new process is told before anything else. */
  hosts?(): Readonly<Record<string, unknown>>;
  note?(note: ViewNote): void;
  log(level: 'debug' | 'info' | 'warn' | 'error', message: string): void;
  /** The process ended without having been asked to. */
  ended?(fault: Fault): void;
}

interface Waiting {
  resolve(result: never): void;
  reject(error: ServiceError): void;
}

/** What is said of a process that ended, in the person's language. */
export interface ServiceTexts {
  /** @param how its signal, its exit code, or why it could not be started. */
  ended(how: string): Pick<Fault, 'message' | 'hint'>;
}

const ENGLISH: ServiceTexts = {
  ended: (how) => ({ message: `The service of Migrascope ended (${how}).` }),
};
const CLOSED: Fault = { kind: 'cancelled', message: 'The view is closed.' };
/** Number of what a process is told before it is asked anything. */
const HOSTS_ID = 0;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
/** How much of what the process says on its error output is kept, in characters. */
const MOST_SAID = 4000;

/**
 * A service process; ends with {@link dispose} or with the extension host. One that ended by itself is
 * started again for the next request, after a wait that doubles until one answers.
 */
export class ServiceClient {
  readonly #waiting = new Map<number, Waiting>();
  readonly #closing = new AbortController();
  #child: ChildProcess | undefined;
  #starting: Promise<ChildProcess> | undefined;
  /** Why there is no process. */
  #ended: Fault = CLOSED;
  /** Processes that ended by themselves since one answered. */
  #endings = 0;
  #nextId = 1;

  /** @param program path of dist/service.js. */
  constructor(
    private readonly program: string,
    private readonly listener: ServiceListener,
    private readonly texts: ServiceTexts = ENGLISH,
    private readonly clock: Clock = systemClock,
  ) {}

  /**
   * Asks; starts the process where there is none.
   * @throws ServiceError of kind `cancelled` when `signal` aborts or the client is disposed, of kind
   * `internal` when the process ends before it answers, and as the service answers.
   */
  async ask<Method extends ServiceMethod>(
    method: Method,
    params: ServiceRequests[Method]['params'],
    signal?: AbortSignal,
  ): Promise<ServiceRequests[Method]['result']> {
    const child = await this.#started(signal);
    if (child !== this.#child) throw new ServiceError(this.#why());
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const cancel = (): void => this.#send(child, { cancel: id });
      const settled = (): void => signal?.removeEventListener('abort', cancel);
      signal?.addEventListener('abort', cancel, { once: true });
      this.#waiting.set(id, {
        resolve: (result) => {
          settled();
          resolve(result);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      });
      this.#send(child, { id, method, params });
      if (signal?.aborted === true) cancel();
    });
  }

  dispose(): void {
    this.#closing.abort();
    const child = this.#child;
    this.#child = undefined;
    if (child?.connected === true) child.disconnect();
    this.#fail(CLOSED);
  }

  /** The process that goes on, or a new one. @throws ServiceError of kind `cancelled`. */
  async #started(signal: AbortSignal | undefined): Promise<ChildProcess> {
    if (this.#isClosed()) throw new ServiceError(CLOSED);
    try {
      this.#starting ??= this.#start();
      return await cancellable(this.#starting, signal, 'The request');
    } catch (error) {
      if (!(error instanceof CancelledError)) throw error;
      const { message } = error;
      throw new ServiceError(this.#isClosed() ? CLOSED : { kind: 'cancelled', message });
    }
  }

  async #start(): Promise<ChildProcess> {
    if (this.#endings > 0) {
      const wait = Math.min(FIRST_WAIT_MS * 2 ** (this.#endings - 1), LONGEST_WAIT_MS);
      this.listener.log('info', `The service is started again in ${wait / 1000} s.`);
      await this.clock.sleep(wait, this.#closing.signal);
    }
    const child = fork(this.program, [], {
      serialization: 'advanced',
      execArgv: [],
      env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child = child;
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-MOST_SAID);
    });
    child.on('message', (message) => this.#take(child, message as ServiceMessage));
    child.on('error', (error) => {
      this.listener.log('error', error.message);
      // Of a process that was never there no exit is told.
      if (child.pid === undefined) this.#lose(child, messageOf(error), said);
    });
    child.on('exit', (code, by) => this.#lose(child, by ?? `exit code ${code}`, said));
    const hosts = this.listener.hosts?.();
    if (hosts) this.#send(child, { id: HOSTS_ID, method: 'host.settings', params: { hosts } });
    return child;
  }

  #lose(child: ChildProcess, how: string, said: string): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    this.#starting = undefined;
    this.#endings++;
    if (said !== '') this.listener.log('error', said);
    const fault: Fault = { kind: 'internal', ...this.texts.ended(how) };
    this.#ended = fault;
    this.#fail(fault);
    this.listener.ended?.(fault);
  }

  #why(): Fault {
    return this.#isClosed() ? CLOSED : this.#ended;
  }

  #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** What can't be sent is answered by the end of the process. */
  #send(child: ChildProcess, message: ServiceRequest | ServiceCancel): void {
    if (child.connected) child.send(message, () => undefined);
  }

  #take(child: ChildProcess, message: ServiceMessage): void {
    if (this.#child !== child) return;
    if ('note' in message) this.listener.note?.(message.note);
    else if ('log' in message) this.listener.log(message.log.level, message.log.message);
    else if (message.reply !== HOSTS_ID) {
      this.#endings = 0;
      const waiting = this.#waiting.get(message.reply);
      this.#waiting.delete(message.reply);
      if ('fault' in message) waiting?.reject(new ServiceError(message.fault));
      else waiting?.resolve(message.result as never);
    }
  }

  #fail(fault: Fault): void {
    for (const waiting of this.#waiting.values()) waiting.reject(new ServiceError(fault));
    this.#waiting.clear();
  }
}

/** A fault of whatever was thrown. */
export function faultOf(error: unknown): Fault {
  if (error instanceof ServiceError) {
    const { kind, message, hint } = error;
    return hint === undefined ? { kind, message } : { kind, message, hint };
  }
  return { kind: 'internal', message: error instanceof Error ? error.message : String(error) };
}
