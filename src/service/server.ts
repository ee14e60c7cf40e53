/** Answers the requests of one extension: each by its handler, several at once, each can be cancelled. */
import { CancelledError, messageOf, MigrascopeError } from '../base/errors.js';
import type {
  Fault,
  ServiceCancel,
  ServiceMessage,
  ServiceMethod,
  ServiceRequest,
  ServiceRequests,
} from './types.js';

/** What carries out one method. */
export type Handler<Method extends ServiceMethod> = (
  params: ServiceRequests[Method]['params'],
  signal: AbortSignal,
) => Promise<ServiceRequests[Method]['result']>;

export type Handlers<Methods extends ServiceMethod = ServiceMethod> = {
  readonly [Method in Methods]: Handler<Method>;
};

/** The other end: a process channel, or what a test hands in. */
export interface Channel {
  send(message: ServiceMessage): void;
}

export class ServiceServer {
  readonly #running = new Map<number, AbortController>();

  constructor(
    private readonly channel: Channel,
    private readonly handlers: Handlers,
  ) {}

  /** Takes a message of the extension; its reply is sent when there is one. */
  async take(message: ServiceRequest | ServiceCancel): Promise<void> {
    if ('cancel' in message) {
      this.#running.get(message.cancel)?.abort();
      return;
    }
    const { id, method, params } = message;
    const cancel = new AbortController();
    this.#running.set(id, cancel);
    try {
      const handle = this.handlers[method] as Handler<ServiceMethod>;
      const result = await handle(params, cancel.signal);
      this.channel.send({ reply: id, result });
    } catch (error) {
      this.channel.send({ reply: id, fault: faultOf(error) });
    } finally {
      this.#running.delete(id);
    }
  }

  /** Cancels what goes on. */
  close(): void {
    for (const cancel of this.#running.values()) cancel.abort();
  }
}

/** An error as it travels. */
export function faultOf(error: unknown): Fault {
  if (error instanceof CancelledError) return { kind: 'cancelled', message: error.message };
  if (error instanceof MigrascopeError) {
    const { kind, message, hint } = error;
    return { kind, message, ...(hint === undefined ? {} : { hint }) };
  }
  return { kind: 'internal', message: messageOf(error) };
}
