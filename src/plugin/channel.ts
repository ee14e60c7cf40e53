/**
 * Requests and answers over a plugin's input and output (protocol/SPEC.md, "The wire").
 *
 *   open → ended
 *
 * It ends with the first thing that a plugin must not do (a line that is no message, too long a one, a
 * flood, an answer to nothing) or with the end of its output; whatever waits is rejected then.
 */
import type { Readable, Writable } from 'node:stream';
import type { Clock } from '../base/clock.js';
import {
  CancelledError,
  ConnectionLostError,
  LimitError,
  messageOf,
  MigrascopeError,
  PluginError,
  ProtocolError,
  TimeoutError,
} from '../base/errors.js';
import { LineReader } from '../base/line-reader.js';
import type { Fault, ProgressParams } from './messages.generated.js';
import {
  CODES,
  definitionOf,
  LONGEST_FROM_PLUGIN,
  LONGEST_TO_PLUGIN,
  MOST_EXTENSIONS,
  MOST_OPEN,
  MOST_UNASKED,
  TIME_LIMITS,
  type HostMethod,
  type HostMethods,
} from './methods.js';
import type { ExchangedLine } from './types.js';
import { checked, offenceAgainst } from './validate.js';

/** A request of a plugin that is not carried out. */
export class RefusedRequest extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

/** What the host does with what a plugin says by itself. */
export interface ChannelListener {
  /** A notification that is sound. */
  note(method: string, params: unknown): void;
  /** A request that is sound; what it gives is the result. @throws RefusedRequest. */
  request(method: string, params: unknown): Promise<object>;
  /** Is called for each line, if given. */
  exchanged?(line: ExchangedLine): void;
}

interface Waiting {
  readonly method: string;
  /** Begins the time limit anew. */
  extend(): void;
  settle(outcome: { readonly result: unknown } | { readonly error: Error }): void;
}

type Fields = Readonly<Record<string, unknown>>;

/** What a plugin can ask. */
const PLUGIN_REQUESTS = ['host/pause', 'host/record', 'host/commit'];

export class PluginChannel {
  readonly #waiting = new Map<number, Waiting>();
  /** Requests whose answer is not wanted any more. */
  readonly #dropped = new Set<number>();
  #nextId = 1;
  #failure: MigrascopeError | undefined;
  #open = 0;
  #unasked = { since: 0, count: 0 };
  /** Resolves when it has ended, with the reason. */
  readonly ended: Promise<MigrascopeError>;

  /** @param name of the plugin, for errors. */
  constructor(
    readonly name: string,
    private readonly input: Writable,
    output: Readable,
    private readonly clock: Clock,
    private readonly listener: ChannelListener,
  ) {
    input.on('error', () => undefined);
    this.ended = this.#read(output);
  }

  /** Why it ended; undefined while it is open. */
  get failure(): MigrascopeError | undefined {
    return this.#failure;
  }

  /** Bytes that wait until the plugin reads them. */
  get backlog(): number {
    return this.input.writableLength;
  }

  /**
   * Asks the plugin.
   * @param limitMs instead of the method's own.
   * @throws TimeoutError; ProtocolError for a wrong answer; PluginError for a refusal;
   * ConnectionLostError, LimitError when the channel ended; CancelledError.
   */
  async request<M extends HostMethod>(
    method: M,
    params: HostMethods[M][0],
    signal?: AbortSignal,
    limitMs: number = TIME_LIMITS[method],
  ): Promise<HostMethods[M][1]> {
    const result = await this.requestAny(method, params, limitMs, signal);
    const what = `The answer of the plugin ${this.name} to ${method}`;
    return checked(`${definitionOf(method)}Result`, result, what) as HostMethods[M][1];
  }

  /** Asks anything; the result is not looked at. @throws as `request`. */
  async requestAny(
    method: string,
    params: object,
    limitMs: number,
    signal?: AbortSignal,
  ): Promise<unknown> {
    if (this.#failure) throw this.#failure;
    if (signal?.aborted) throw this.#cancelled(method, signal);
    const id = this.#nextId++;
    this.#write({ jsonrpc: '2.0', id, method, params });
    return new Promise((resolve, reject) => {
      const onAbort = () => this.#abandon(id, this.#cancelled(method, signal));
      const timer = this.#timer(id, method, limitMs);
      this.#waiting.set(id, {
        method,
        extend: timer.extend,
        settle: (outcome) => {
          timer.stop();
          signal?.removeEventListener('abort', onAbort);
          this.#waiting.delete(id);
          if ('error' in outcome) reject(outcome.error);
          else resolve(outcome.result);
        },
      });
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Tells the plugin something. */
  notify(method: string, params: object): void {
    if (!this.#failure) this.#write({ jsonrpc: '2.0', method, params });
  }

  /** Writes a line as it is, for conformance tests. */
  writeLine(line: string): void {
    this.listener.exchanged?.({ at: this.clock.now(), from: 'host', line });
    this.input.write(`${line}\n`);
  }

  /** Ends the plugin's input. */
  endInput(): void {
    this.input.end();
  }

  #cancelled(method: string, signal: AbortSignal | undefined): CancelledError {
    return new CancelledError(`Asking the plugin ${this.name} for ${method} was cancelled.`, {
      cause: signal?.reason,
    });
  }

  #write(message: object): void {
    const line = JSON.stringify(message);
    if (line.length > LONGEST_TO_PLUGIN)
      throw new LimitError(
        `A message to the plugin ${this.name} would have ${line.length} bytes, and ${LONGEST_TO_PLUGIN} is the limit.`,
      );
    this.writeLine(line);
  }

  #timer(id: number, method: string, limitMs: number) {
    let stopper = new AbortController();
    let extensions = 0;
    const start = () => {
      stopper = new AbortController();
      const { signal } = stopper;
      void this.clock.sleep(limitMs, signal).then(
        () => this.#abandon(id, this.#late(method, limitMs)),
        () => undefined,
      );
    };
    start();
    return {
      stop: () => stopper.abort(),
      extend: () => {
        if (++extensions >= MOST_EXTENSIONS) return;
        stopper.abort();
        start();
      },
    };
  }

  #late(method: string, limitMs: number): TimeoutError {
    return new TimeoutError(
      `The plugin ${this.name} did not answer ${method} within ${limitMs} ms.`,
      { hint: 'It may be too slow, or wait for something; `migrascope plugin check` tries it.' },
    );
  }

  #abandon(id: number, error: Error): void {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#dropped.add(id);
    waiting.settle({ error });
    this.notify('$/cancel', { id });
  }

  async #read(output: Readable): Promise<MigrascopeError> {
    const lines = new LineReader(`the plugin ${this.name}`, LONGEST_FROM_PLUGIN);
    let failure: MigrascopeError | undefined;
    try {
      for await (const chunk of output as AsyncIterable<Buffer>) {
        for (const line of lines.push(chunk)) this.#take(line);
      }
    } catch (error) {
      failure =
        error instanceof MigrascopeError
          ? error
          : new ConnectionLostError(
              `The output of the plugin ${this.name} was lost: ${messageOf(error)}`,
              { cause: error },
            );
    }
    this.#failure = failure ?? new ConnectionLostError(`The plugin ${this.name} ended its output.`);
    for (const waiting of [...this.#waiting.values()]) waiting.settle({ error: this.#failure });
    output.destroy();
    return this.#failure;
  }

  #take(line: string): void {
    this.listener.exchanged?.({ at: this.clock.now(), from: 'plugin', line });
    const message = this.#parse(line);
    const { id, method } = message;
    if (typeof method === 'string') {
      this.#countUnasked();
      if (id === undefined) this.#takeNote(method, message['params']);
      else void this.#answer(id, method, message['params']);
    } else this.#settle(message);
  }

  #parse(line: string): Fields {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (error) {
      throw new ProtocolError(`${this.#wrote(line)}, which is not JSON.`, { cause: error });
    }
    if (typeof value !== 'object' || value === null || !('jsonrpc' in value))
      throw new ProtocolError(`${this.#wrote(line)}, which is no JSON-RPC message.`);
    return value;
  }

  #wrote(line: string): string {
    const beginning = JSON.stringify(line.length > 60 ? `${line.slice(0, 60)}…` : line);
    return `The plugin ${this.name} wrote ${beginning} to its output`;
  }

  #countUnasked(): void {
    const now = this.clock.now();
    if (now - this.#unasked.since >= 1000) this.#unasked = { since: now, count: 0 };
    if (++this.#unasked.count > MOST_UNASKED)
      throw new LimitError(
        `The plugin ${this.name} floods: more than ${MOST_UNASKED} messages a second that answer nothing.`,
      );
  }

  #takeNote(method: string, params: unknown): void {
    const definition = definitionOf(method);
    if (method === '$/progress') {
      const { id } = checked('ProgressParams', params, `A ${method}`) as ProgressParams;
      if (typeof id === 'number') this.#waiting.get(id)?.extend();
    } else if (method === 'log' || method === 'hypervisor/event') {
      const what = `A ${method} of the plugin ${this.name}`;
      this.listener.note(method, checked(`${definition}Params`, params, what));
    }
  }

  async #answer(id: unknown, method: string, params: unknown): Promise<void> {
    this.#open++;
    try {
      const result = await this.#carryOut(method, params);
      if (!this.#failure) this.#write({ jsonrpc: '2.0', id, result });
    } catch (error) {
      const code = error instanceof RefusedRequest ? error.code : CODES.internal;
      const message = messageOf(error);
      if (!this.#failure) this.#write({ jsonrpc: '2.0', id, error: { code, message } });
    } finally {
      this.#open--;
    }
  }

  async #carryOut(method: string, params: unknown): Promise<object> {
    if (this.#open > MOST_OPEN)
      throw new RefusedRequest(CODES.refused, `There are ${MOST_OPEN} requests open already.`);
    if (!PLUGIN_REQUESTS.includes(method))
      throw new RefusedRequest(CODES.method, `There is no method ${method}.`);
    const offence = offenceAgainst(`${definitionOf(method)}Params`, params);
    if (offence !== undefined)
      throw new RefusedRequest(CODES.params, `The parameters are wrong: ${offence}.`);
    return this.listener.request(method, params);
  }

  #settle(message: Fields): void {
    const { id, error, result } = message;
    if (typeof id === 'number' && this.#dropped.delete(id)) return;
    const waiting = typeof id === 'number' ? this.#waiting.get(id) : undefined;
    if (!waiting) throw this.#answersNothing(id, error);
    if (error === undefined && result === undefined)
      throw new ProtocolError(
        `The plugin ${this.name} answered ${waiting.method} with neither a result nor an error.`,
      );
    if (error === undefined) waiting.settle({ result });
    else waiting.settle({ error: this.#refusal(waiting.method, error) });
  }

  #answersNothing(id: unknown, error: unknown): MigrascopeError {
    const which = id === undefined ? 'without an id' : JSON.stringify(id);
    const because = error === undefined ? '' : `: ${JSON.stringify(error).slice(0, 200)}`;
    return new ProtocolError(
      `The plugin ${this.name} answered what was not asked (${which})${because}.`,
    );
  }

  #refusal(method: string, error: unknown): PluginError {
    const what = `The error of the plugin ${this.name} for ${method}`;
    const { code, message, data } = checked('Fault', error, what) as Fault;
    return new PluginFault(
      `The plugin ${this.name} refused ${method}: ${message} (${code})`,
      code,
      data?.hint,
    );
  }
}

/** A plugin answered with an error. */
export class PluginFault extends PluginError {
  constructor(
    message: string,
    readonly code: number,
    hint: string | undefined,
  ) {
    super(message, hint === undefined ? {} : { hint });
  }
}
