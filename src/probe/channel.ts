/**
 * Requests and replies over one connection to the probe.
 *
 *   greeting → open → ended
 *
 * While greeting, the host asks for a hello and passes over whatever else comes: up to some MiB of
 * an earlier connection may still be in the port. From the hello on every line must be sound;
 * one that is not ends the connection. Lines that answer no request of this connection are stale
 * and are dropped.
 */
import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { Duplex } from 'node:stream';
import type { Clock } from '../base/clock.js';
import {
  CancelledError,
  ConnectionLostError,
  messageOf,
  ProbeError,
  ProtocolError,
  TimeoutError,
} from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import { Pieces } from '../base/pieces.js';
import { deferred } from './deferred.js';
import { asObject, asText, type Message } from './fields.js';
import { LINE_LIMIT, LineSplitter } from './lines.js';

/** What a request waits for. */
export interface RequestOptions {
  /** How messages name it, e.g. `Reporting the page cache`. */
  readonly what: string;
  /** In milliseconds. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Takes the lines that come before the last one. */
  readonly onPart?: (message: Message, line: Buffer) => void;
}

interface Pending {
  readonly options: RequestOptions;
  /** Stops waiting; the request stays known until the probe's last line for it, which is dropped. */
  settle(error: Error | undefined, result?: unknown): void;
  /** Is called after the probe's last line for it, or at the end of the connection. */
  over(): void;
}

/** What may be passed over before the hello, in bytes: the port's ring and what the host buffers. */
const STALE_LIMIT = 16 << 20;
const HELLO_INTERVAL_MS = 1_000;
/** Hellos that are asked for because the probe says hello by itself; a sound one does so once. */
const MOST_HELLOS = 32;
const QUOTE_LENGTH = 60;

export class ProbeChannel {
  #state: 'greeting' | 'open' | 'ended' = 'greeting';
  readonly #pending = new Map<string, Pending>();
  readonly #splitter = new LineSplitter();
  readonly #session = randomBytes(6).toString('hex');
  readonly #ended = deferred<Error>();
  #count = 0;
  #passedOver = 0;
  #dropped = 0;
  #onHello: (() => void) | undefined;

  constructor(
    private readonly stream: Duplex,
    private readonly name: string,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    stream.on('error', (error) => this.#lose(messageOf(error), error));
    stream.on('end', () => this.#lose('the other side ended it'));
    stream.on('close', () => this.#lose('it was closed'));
  }

  /** Resolves, with the reason, when the connection has ended. */
  get ended(): Promise<Error> {
    return this.#ended.promise;
  }

  /** Lines that answered no request of this connection. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Asks for a hello until one comes, and opens the channel.
   * @throws TimeoutError, ProbeError, ConnectionLostError, ProtocolError, CancelledError
   */
  async greet(timeoutMs: number, signal?: AbortSignal): Promise<unknown> {
    const all = new AbortController();
    const what = `Greeting the guest's probe at ${this.name}`;
    const anySignal = AbortSignal.any([all.signal, ...(signal ? [signal] : [])]);
    // Each attempt listens to the same signal.
    setMaxListeners(0, anySignal);
    const attempts: Promise<unknown>[] = [];
    const answer = deferred<unknown>();
    const ask = () => {
      this.#write(Buffer.from('\n'));
      const attempt = this.#send('hello', {}, { what, timeoutMs, signal: anySignal });
      attempts.push(attempt.then(answer.resolve, answer.reject));
    };
    this.#onHello = () => {
      if (attempts.length < MOST_HELLOS) ask();
    };
    ask();
    void this.#repeat(ask, all.signal);
    try {
      return await answer.promise;
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
      throw new TimeoutError(`${what} had no answer within ${timeoutMs} ms.`, {
        hint: 'Look whether the probe runs in the guest, and whether another client holds its port.',
      });
    } finally {
      this.#onHello = undefined;
      all.abort();
      await Promise.allSettled(attempts);
    }
  }

  /**
   * Sends a request and waits for its result.
   * @returns the result, and `over`, which resolves when the probe is done with the request even
   * where waiting for it ended early.
   */
  request(
    method: string,
    params: object,
    options: RequestOptions,
  ): { readonly result: Promise<unknown>; readonly over: Promise<void> } {
    const over = deferred<undefined>();
    const result = this.#send(method, params, options, () => over.resolve(undefined));
    return { result, over: over.promise };
  }

  /** Ends the connection; whatever waits is rejected. */
  destroy(error: Error): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.stream.destroy();
    for (const pending of this.#pending.values()) {
      pending.settle(error);
      pending.over();
    }
    this.#pending.clear();
    this.#ended.resolve(error);
  }

  async #repeat(action: () => void, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.clock.sleep(HELLO_INTERVAL_MS, signal);
      } catch (error) {
        if (error instanceof CancelledError) return;
        throw error;
      }
      action();
    }
  }

  #send(
    method: string,
    params: object,
    options: RequestOptions,
    over: () => void = () => undefined,
  ): Promise<unknown> {
    const { promise, resolve, reject } = deferred<unknown>();
    if (this.#state === 'ended') {
      over();
      reject(new ConnectionLostError(`${options.what} failed: the connection has ended.`));
      return promise;
    }
    if (options.signal?.aborted) {
      over();
      reject(new CancelledError(`${options.what} was cancelled.`));
      return promise;
    }
    const id = `${this.#session}-${++this.#count}`;
    const timer = new AbortController();
    const onAbort = () =>
      this.#abandon(
        id,
        new CancelledError(`${options.what} was cancelled.`, { cause: options.signal?.reason }),
      );
    this.#pending.set(id, {
      options,
      over,
      settle: (error, result) => {
        timer.abort();
        options.signal?.removeEventListener('abort', onAbort);
        if (error) reject(error);
        else resolve(result);
      },
    });
    options.signal?.addEventListener('abort', onAbort, { once: true });
    void this.#expire(id, options, timer.signal);
    this.#write(Buffer.from(`${JSON.stringify({ id, method, params })}\n`));
    return promise;
  }

  async #expire(id: string, options: RequestOptions, signal: AbortSignal): Promise<void> {
    try {
      await this.clock.sleep(options.timeoutMs, signal);
    } catch (error) {
      if (error instanceof CancelledError) return;
      throw error;
    }
    this.#abandon(
      id,
      new TimeoutError(
        `${options.what} took longer than ${options.timeoutMs} ms in the guest's probe.`,
        { hint: 'The guest may be paused or very busy.' },
      ),
    );
  }

  /** Stops waiting and tells the probe so; a hello is not carried out by anything that could stop. */
  #abandon(id: string, error: Error): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    pending.settle(error);
    if (this.#state !== 'open') return;
    const cancel = { id: `${this.#session}-${++this.#count}`, method: 'cancel', params: { id } };
    this.#write(Buffer.from(`${JSON.stringify(cancel)}\n`));
  }

  #write(line: Buffer): void {
    if (line.length > LINE_LIMIT)
      throw new ProtocolError(`A request of ${line.length} bytes is longer than a line may be.`);
    if (this.stream.writable) this.stream.write(line);
  }

  #lose(reason: string, cause?: Error): void {
    this.destroy(
      new ConnectionLostError(
        `The connection to the guest's probe at ${this.name} was lost: ${reason}.`,
        {
          cause,
          hint: 'The guest may have rebooted, or its probe ended.',
        },
      ),
    );
  }

  #receive(chunk: Buffer): void {
    try {
      if (this.#state === 'greeting') this.#receiveGreeting(chunk);
      else if (this.#state === 'open') this.#splitter.push(chunk, (line) => this.#takeLine(line));
    } catch (error) {
      this.destroy(error instanceof Error ? error : new ProtocolError(String(error)));
    }
  }

  /** Passes over what is no line of ours, however long, within a bound. */
  #receiveGreeting(chunk: Buffer): void {
    this.#passedOver += chunk.length;
    if (this.#passedOver > STALE_LIMIT)
      throw new ProtocolError(`The guest's probe sent ${STALE_LIMIT} bytes without a hello.`);
    let rest = chunk;
    while (rest.length > 0 && this.#state === 'greeting') {
      const end = rest.indexOf(0x0a);
      const piece = end < 0 ? rest : rest.subarray(0, end + 1);
      rest = rest.subarray(piece.length);
      this.#greetingPiece(piece);
    }
    if (rest.length > 0) this.#splitter.push(rest, (line) => this.#takeLine(line));
  }

  readonly #greetingPieces = new Pieces();
  #greetingLength = 0;

  #greetingPiece(piece: Buffer): void {
    this.#greetingLength += piece.length;
    if (this.#greetingLength <= LINE_LIMIT) this.#greetingPieces.add(piece);
    if (piece.at(-1) !== 0x0a) return;
    const line = this.#greetingPieces.take();
    const whole = this.#greetingLength <= LINE_LIMIT;
    this.#greetingLength = 0;
    if (whole) this.#takeGreeting(line);
  }

  #takeGreeting(line: Buffer): void {
    const message = parseLoosely(line);
    if (!message) return;
    const id = message['id'];
    if (typeof id === 'string' && this.#pending.has(id)) {
      this.#state = 'open';
      this.#answer(id, message, line);
    } else if (message['hello'] !== undefined) {
      this.#onHello?.();
    }
  }

  #takeLine(line: Buffer): void {
    if (line.length === 1) return;
    const message = parseStrictly(line);
    const id = message['id'];
    if (typeof id === 'string' && this.#pending.has(id)) {
      this.#answer(id, message, line);
    } else if (message['hello'] !== undefined) {
      this.#forgetPending();
    } else if (id === null && message['error'] !== undefined) {
      const error = asObject(message['error'], 'an error');
      throw new ProtocolError(
        `The guest's probe did not understand a request: ${asText(error['message'], 'a message')}`,
      );
    } else {
      this.#dropped++;
      this.logger.log('debug', `The guest's probe at ${this.name} sent a stale line.`);
    }
  }

  /** A probe that says hello in the middle was started anew, and knows nothing of what was asked before. */
  #forgetPending(): void {
    const lost = [...this.#pending.values()];
    this.#pending.clear();
    for (const pending of lost) {
      const message = `${pending.options.what} failed: the guest's probe was started anew.`;
      pending.settle(new ConnectionLostError(message));
      pending.over();
    }
  }

  #answer(id: string, message: Message, line: Buffer): void {
    const pending = this.#pending.get(id)!;
    if (message['error'] === undefined && message['result'] === undefined) {
      if (!pending.options.onPart)
        throw new ProtocolError(`The guest's probe sent a line without a result: ${quote(line)}`);
      pending.options.onPart(message, line);
      return;
    }
    // An error that can't be read ends the connection, which settles what is still pending.
    const { error, result } = message;
    const refusal = error === undefined ? undefined : readError(error, pending.options.what);
    this.#pending.delete(id);
    pending.settle(refusal, result);
    pending.over();
  }
}

function readError(value: unknown, what: string): Error {
  const error = asObject(value, 'an error');
  const code = asText(error['code'], "an error with a 'code'");
  const message = asText(error['message'], "an error with a 'message'");
  return new ProbeError(`${what} failed in the guest's probe: ${message} (${code})`);
}

function quote(line: Buffer): string {
  const text = line.toString('utf8').trimEnd();
  return JSON.stringify(text.length > QUOTE_LENGTH ? `${text.slice(0, QUOTE_LENGTH)}…` : text);
}

function parseLoosely(line: Buffer): Message | undefined {
  try {
    const value: unknown = JSON.parse(line.toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Message) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** @throws ProtocolError when the line is not a JSON object. */
function parseStrictly(line: Buffer): Message {
  let value: unknown;
  try {
    value = JSON.parse(line.toString('utf8'));
  } catch (error) {
    throw new ProtocolError(`The guest's probe sent a line that is not JSON: ${quote(line)}`, {
      cause: error,
    });
  }
  return asObject(value, `a line (${quote(line)})`);
}
