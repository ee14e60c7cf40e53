/** The extension's end of the service: a forked process that is asked by typed requests. */
import { fork, type ChildProcess } from 'node:child_process';
import type {
  Fault,
  ServiceMessage,
  ServiceMethod,
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
  note?(note: ViewNote): void;
  log(level: 'debug' | 'info' | 'warn' | 'error', message: string): void;
  /** The process ended without having been asked to. */
  ended?(fault: Fault): void;
}

interface Waiting {
  resolve(result: never): void;
  reject(error: ServiceError): void;
}

/** A service process; ends with {@link dispose} or with the extension host. */
export class ServiceClient {
  readonly #waiting = new Map<number, Waiting>();
  #child: ChildProcess | undefined;
  #nextId = 1;
  #disposed = false;

  /** @param program path of dist/service.js. */
  constructor(
    private readonly program: string,
    private readonly listener: ServiceListener,
  ) {}

  /**
   * Asks; starts the process where there is none.
   * @throws ServiceError of kind `cancelled` when `signal` aborts, and as the service answers.
   */
  ask<Method extends ServiceMethod>(
    method: Method,
    params: ServiceRequests[Method]['params'],
    signal?: AbortSignal,
  ): Promise<ServiceRequests[Method]['result']> {
    if (this.#disposed)
      return Promise.reject(
        new ServiceError({ kind: 'cancelled', message: 'The view is closed.' }),
      );
    const child = (this.#child ??= this.#start());
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const cancel = (): void => void child.send({ cancel: id }, () => undefined);
      signal?.addEventListener('abort', cancel, { once: true });
      const settled = (): void => signal?.removeEventListener('abort', cancel);
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
      child.send({ id, method, params }, () => undefined);
      if (signal?.aborted) cancel();
    });
  }

  dispose(): void {
    this.#disposed = true;
    this.#child?.disconnect();
    this.#child = undefined;
    this.#fail({ kind: 'cancelled', message: 'The view is closed.' });
  }

  #start(): ChildProcess {
    const child = fork(this.program, [], {
      serialization: 'advanced',
      execArgv: [],
      env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4000);
    });
    child.on('message', (message) => this.#take(message as ServiceMessage));
    child.on('error', (error) => this.listener.log('error', error.message));
    child.on('exit', (code, by) => {
      if (this.#child !== child) return;
      this.#child = undefined;
      if (said) this.listener.log('error', said);
      const fault: Fault = {
        kind: 'internal',
        message: `The service of Migrascope ended (${by ?? `exit code ${code}`}).`,
        hint: 'Migrations go on in processes of their own. The output channel says more.',
      };
      this.#fail(fault);
      this.listener.ended?.(fault);
    });
    return child;
  }

  #take(message: ServiceMessage): void {
    if ('note' in message) this.listener.note?.(message.note);
    else if ('log' in message) this.listener.log(message.log.level, message.log.message);
    else {
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
