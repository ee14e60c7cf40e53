/**
 * Requests and their replies on one connection: what is in flight, and how it settles, whether by
 * the server's answer, by cancelling, or because the connection ends.
 */
import type { Clock } from '../base/clock.js';
import { CancelledError, ConnectionLostError } from '../base/errors.js';
import { Cancellations } from './cancellations.js';
import { NBD_CMD_DISC, NBD_ESHUTDOWN } from './protocol.js';
import { ReplyStream, type WaitingReplies } from './reply-stream.js';
import { WriteReply, type Reply, type Settle } from './reply.js';
import { describeRequest, encodeRequest, type Request } from './request.js';
import type { Wire } from './wire.js';

/** How long `close` waits for a server that answers nothing any more, in milliseconds. */
const CLOSE_PATIENCE = 10_000;
/** How long an aborted write may take to leave, in milliseconds. */
const SEND_PATIENCE = 1000;
/** Cookies are whole numbers below this, so that half of the field is always zero. */
const COOKIES = 2 ** 32;

const DISCONNECT: Request = { command: NBD_CMD_DISC, flags: 0, offset: 0, length: 0 };

export class Exchange implements WaitingReplies {
  readonly #waiting = new Map<number, Reply>();
  readonly #cancellations = new Cancellations();
  readonly #stream: ReplyStream;
  #cookie = 0;
  #answers = 0;
  /** Why no command can be sent any more. */
  #ended: ConnectionLostError | undefined;
  #closing: Promise<void> | undefined;
  /** Ends all waiting of `close`: nothing is in flight any more, or the connection is lost. */
  #onIdle: () => void = () => undefined;
  #onLost: () => void = () => undefined;

  constructor(
    private readonly wire: Wire,
    structured: boolean,
    /** How people know the server. */
    readonly server: string,
    private readonly clock: Clock,
  ) {
    this.#stream = new ReplyStream(wire.inbox, this, structured, server);
    wire.inbox.onArrival = () => this.#run();
    wire.onLost = (cause) => this.#lose(this.#lossError(cause));
    if (wire.lost) this.#lose(this.#lossError(undefined));
    else if (wire.inbox.length > 0) this.#run();
  }

  /** Requests whose answers have not come, those that nobody waits for any more included. */
  get inFlight(): number {
    return this.#waiting.size;
  }

  /**
   * Sends a request, and settles as the reply does that `make` returns.
   * @throws ConnectionLostError, CancelledError, and what the reply rejects with.
   */
  request<T>(
    request: Request,
    make: (settle: Settle<T>) => Reply,
    signal?: AbortSignal,
    data?: readonly Uint8Array[],
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#ended) throw this.#endedError(request, this.#ended);
      if (signal?.aborted) throw cancelled(request, this.server, signal);
      let unwatch: (() => void) | undefined;
      const reply = make({
        resolve(value) {
          unwatch?.();
          resolve(value);
        },
        reject(error) {
          unwatch?.();
          reject(error);
        },
      });
      const cookie = this.#nextCookie();
      this.#waiting.set(cookie, reply);
      const sent = reply instanceof WriteReply ? () => reply.onSent() : undefined;
      this.wire.send(encodeRequest(request, cookie), data, sent);
      if (signal) {
        unwatch = this.#cancellations.watch(signal, () => {
          this.#cancel(reply, cancelled(request, this.server, signal));
        });
      }
    });
  }

  find(cookie: number): Reply | undefined {
    return this.#waiting.get(cookie);
  }

  remove(cookie: number): void {
    this.#waiting.delete(cookie);
    this.#answers++;
    if (this.#waiting.size === 0) this.#onIdle();
  }

  /** A server that shuts down wants to be left ("Terminating the transmission phase"). */
  onError(errno: number): void {
    if (errno === NBD_ESHUTDOWN) void this.close();
  }

  /** See `NbdConnection.close`. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** See `NbdConnection.destroy`. */
  destroy(error?: Error): void {
    this.#lose(
      error ?? new ConnectionLostError(`The connection to ${this.server} was destroyed here.`),
    );
  }

  #run(): void {
    try {
      this.#stream.run();
    } catch (error) {
      this.#lose(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #nextCookie(): number {
    do this.#cookie = (this.#cookie + 1) % COOKIES;
    while (this.#waiting.has(this.#cookie));
    return this.#cookie;
  }

  #cancel(reply: Reply, error: CancelledError): void {
    reply.refuse(error);
    if (!(reply instanceof WriteReply) || reply.sent) return;
    void this.#sleep(SEND_PATIENCE).then(() => {
      if (reply.settled) return;
      const what = `${describeRequest(reply.request)} was cancelled on its way`;
      this.destroy(new ConnectionLostError(`${what}, and ${this.server} does not take the rest.`));
    });
  }

  async #close(): Promise<void> {
    this.#ended ??= new ConnectionLostError(`The connection to ${this.server} was closed.`);
    if (!this.wire.lost) {
      const lost = new Promise<void>((resolve) => (this.#onLost = resolve));
      await Promise.race([this.#idle(), lost]);
      this.wire.send(encodeRequest(DISCONNECT, 0));
      this.wire.end();
      await this.#within(CLOSE_PATIENCE, lost);
    }
    this.#lose(this.#ended);
    await this.wire.closed();
  }

  /** Resolves when nothing is in flight, or the server has answered nothing for a while. */
  async #idle(): Promise<void> {
    if (this.#waiting.size === 0) return;
    const idle = new Promise<void>((resolve) => (this.#onIdle = resolve));
    let seen: number;
    do {
      seen = this.#answers;
      await this.#within(CLOSE_PATIENCE, idle);
    } while (this.#waiting.size > 0 && this.#answers > seen);
  }

  async #within(milliseconds: number, event: Promise<void>): Promise<void> {
    const over = new AbortController();
    await Promise.race([event, this.#sleep(milliseconds, over.signal)]);
    over.abort();
  }

  async #sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    await this.clock.sleep(milliseconds, signal).catch(() => undefined);
  }

  #lose(error: Error): void {
    this.#ended ??= new ConnectionLostError(`The connection to ${this.server} has ended.`, {
      cause: error,
    });
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const reply of waiting) reply.fail(error);
    this.wire.destroy();
    this.#onIdle();
    this.#onLost();
  }

  #lossError(cause: Error | undefined): ConnectionLostError {
    const count = this.#waiting.size;
    const meanwhile =
      count === 0 ? '' : ` while ${count} command${count === 1 ? ' was' : 's were'} in flight`;
    return new ConnectionLostError(`${this.server} ended the connection${meanwhile}.`, {
      ...(cause ? { cause } : {}),
      hint: 'Check whether the server still runs, and its own log; then connect anew.',
    });
  }

  #endedError(request: Request, ended: ConnectionLostError): ConnectionLostError {
    return new ConnectionLostError(
      `${describeRequest(request)} can't be sent: ${ended.message}`,
      ended.cause === undefined ? {} : { cause: ended.cause },
    );
  }
}

function cancelled(request: Request, server: string, signal: AbortSignal): CancelledError {
  return new CancelledError(`${describeRequest(request)} on ${server} was cancelled.`, {
    cause: signal.reason,
  });
}
