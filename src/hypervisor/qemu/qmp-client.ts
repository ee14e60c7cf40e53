/**
 * A client of the QEMU Machine Protocol (QMP specification, docs/interop/qmp-spec of QEMU).
 *
 *   client                         server
 *     │ ◄────────── {"QMP": …} ────── │   connecting   → negotiating
 *     │ ───── qmp_capabilities ─────► │
 *     │ ◄──────── {"return": {}} ──── │   negotiating  → running
 *     │ ───── {"execute": …, id} ───► │
 *     │ ◄──── {"event": …} ────────── │   any number, at any time
 *     │ ◄──── {"return"|"error", id}─ │   in the order of the commands: out-of-band is not asked for
 *     │             …                 │   any state    → closed
 */
import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.js';
import {
  CancelledError,
  ConnectError,
  ConnectionLostError,
  MonitorBusyError,
  ProtocolError,
  QmpCommandError,
  TimeoutError,
  UsageError,
  messageOf,
} from '../../base/errors.js';
import { cancellable, throwIfCancelled } from '../../base/cancel.js';
import type { MigrascopeError } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import { QmpEventHub } from './qmp-events.js';
import type { EventWaiter, ExpectOptions } from './qmp-events.js';
import { LineReader } from '../../base/line-reader.js';
import { describeId, excerpt, parseMessage } from './qmp-message.js';
import type { QmpMessage } from './qmp-message.js';
import type { QmpCommandName, QmpCommands, QmpEventName, QmpEvents } from './schema.js';
import type { VersionInfo } from './schema.js';

/** Where a connection is in its life. */
export type QmpState = 'connecting' | 'negotiating' | 'running' | 'closed';

export interface QmpOptions {
  /** How people name the peer, e.g. `unix:/tmp/vm.qmp`. */
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal?: AbortSignal | undefined;
  /** How long the server may take to greet, in milliseconds; 3,000 unless told. */
  readonly greetingTimeoutMs?: number;
  /** The longest message that is taken, in bytes; 16 MiB unless told. */
  readonly maximumMessage?: number;
}

export interface ExecuteOptions {
  /** Aborting rejects the call at once; the command itself is not undone, its answer is dropped. */
  readonly signal?: AbortSignal | undefined;
  /** In milliseconds; without it there is no limit. */
  readonly timeoutMs?: number;
}

interface PendingCommand {
  readonly id: number;
  readonly command: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Speaks QMP on `stream` until it is in state `running`.
 * @throws MonitorBusyError when no greeting comes in time, ProtocolError when the peer is no QMP
 * server, ConnectError when the connection ends first, LimitError, QmpCommandError, CancelledError.
 */
export async function openQmp(stream: Duplex, options: QmpOptions): Promise<QmpClient> {
  const client = new QmpClient(stream, options);
  try {
    await client.start(options.signal);
  } catch (error) {
    client.close();
    throw error;
  }
  return client;
}

export class QmpClient {
  readonly name: string;
  readonly #stream: Duplex;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #greetingTimeoutMs: number;
  readonly #lines: LineReader;
  readonly #events: QmpEventHub;
  readonly #pending: PendingCommand[] = [];
  readonly #lost: ((error: Error) => void)[] = [];
  #state: QmpState = 'connecting';
  #error: Error | undefined;
  #version: VersionInfo | undefined;
  #greeted: { resolve: () => void; reject: (error: Error) => void } | undefined;
  #nextId = 1;

  constructor(stream: Duplex, options: QmpOptions) {
    this.name = options.name;
    this.#stream = stream;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#greetingTimeoutMs = options.greetingTimeoutMs ?? 3000;
    this.#lines = new LineReader(options.name, options.maximumMessage ?? 16 * 1024 * 1024);
    this.#events = new QmpEventHub(options.name, options.clock);
  }

  get state(): QmpState {
    return this.#state;
  }

  /** What the server's greeting says; needs state `negotiating` or `running`. */
  get version(): VersionInfo {
    if (!this.#version) throw this.#misuse('Reading the version', 'negotiating');
    return this.#version;
  }

  /** Awaits the greeting and negotiates; see {@link openQmp}. */
  async start(signal?: AbortSignal): Promise<void> {
    this.#require('connecting', 'Starting');
    throwIfCancelled(signal, `Connecting to ${this.name}`);
    const greeting = new Promise<void>((resolve, reject) => {
      this.#greeted = { resolve, reject };
    });
    this.#listen();
    const timer = new AbortController();
    const late = this.#clock.sleep(this.#greetingTimeoutMs, timer.signal).then(
      () => Promise.reject(this.#busy()),
      () => new Promise<never>(() => undefined),
    );
    try {
      await cancellable(Promise.race([greeting, late]), signal, `Connecting to ${this.name}`);
    } finally {
      timer.abort();
    }
    // What comes in one piece with the greeting, or with the answer, may have ended the connection.
    this.#throwIfEnded();
    await this.#send('qmp_capabilities', {}, { signal, timeoutMs: this.#greetingTimeoutMs });
    this.#throwIfEnded();
    this.#state = 'running';
  }

  /**
   * Executes a command; needs state `running`.
   * @throws QmpCommandError when QEMU refuses it; ConnectionLostError, TimeoutError, CancelledError.
   */
  async execute<C extends QmpCommandName>(
    command: C,
    args: QmpCommands[C]['arguments'],
    options: ExecuteOptions = {},
  ): Promise<QmpCommands[C]['returns']> {
    this.#require('running', `Executing ${command}`);
    return this.#send(command, args, options);
  }

  /** Calls `listener` for each such event from now on; the returned function ends that. */
  on<E extends QmpEventName>(event: E, listener: (data: QmpEvents[E]) => void): () => void {
    return this.#events.on(event, listener);
  }

  /**
   * Waits for the next event for which `predicate` is true; needs state `running`. Open it before
   * the command that fires the event, await its `data` after.
   */
  expect<E extends QmpEventName>(
    event: E,
    predicate: (data: QmpEvents[E]) => boolean,
    options: ExpectOptions = {},
  ): EventWaiter<E> {
    this.#require('running', `Waiting for ${event}`);
    return this.#events.expect(event, predicate, options);
  }

  /** Calls `listener` once when the connection ends other than by {@link close}; at once if it has. */
  onLost(listener: (error: Error) => void): void {
    if (this.#error) listener(this.#error);
    else this.#lost.push(listener);
  }

  /** Ends the connection; all that waits rejects. Idempotent, fit for every state. */
  close(): void {
    this.#lost.length = 0;
    this.#end(new ConnectionLostError(`The connection to ${this.name} was closed.`));
  }

  #listen(): void {
    const stream = this.#stream;
    stream.on('data', (chunk: Uint8Array) => this.#receive(chunk));
    stream.on('error', (error) => this.#end(this.#lostBy(`: ${messageOf(error)}`, error)));
    stream.on('end', () => this.#end(this.#lostBy(': the other side ended it')));
    stream.on('close', () => this.#end(this.#lostBy('')));
  }

  #receive(chunk: Uint8Array): void {
    if (this.#state === 'closed') return;
    try {
      for (const line of this.#lines.push(chunk)) {
        if (line.trim() === '') continue;
        this.#refuseForeignGreeting(line);
        this.#dispatch(parseMessage(line, this.name));
      }
      if (this.#state === 'connecting') this.#refuseForeignGreeting(this.#lines.peek(80));
    } catch (error) {
      this.#end(error instanceof Error ? error : new ProtocolError(String(error)));
    }
  }

  #dispatch(message: QmpMessage): void {
    if (message.type === 'event') {
      this.#events.emit(message.event, message.data);
    } else if (message.type === 'greeting') {
      if (this.#version) throw new ProtocolError(`${this.name} greeted twice.`);
      this.#version = message.version;
      this.#state = 'negotiating';
      this.#greeted?.resolve();
    } else {
      this.#answer(message);
    }
  }

  #answer(message: Extract<QmpMessage, { type: 'return' | 'error' }>): void {
    const oldest = this.#pending[0];
    const what = message.type === 'error' ? `an error (${message.description})` : 'an answer';
    if (message.id === undefined) {
      throw new ProtocolError(`${this.name} sent ${what} without the id of a command.`);
    }
    if (!oldest || message.id !== oldest.id) {
      const known = this.#pending.some((command) => command.id === message.id);
      const fault = known ? 'out of the order of the commands' : 'that was not asked for';
      throw new ProtocolError(`${this.name} sent ${what} ${fault}, id ${describeId(message.id)}.`);
    }
    this.#pending.shift();
    if (message.type === 'return') oldest.resolve(message.value);
    else
      oldest.reject(new QmpCommandError(oldest.command, message.errorClass, message.description));
  }

  async #send<C extends QmpCommandName>(
    command: C,
    args: QmpCommands[C]['arguments'],
    { signal, timeoutMs }: ExecuteOptions,
  ): Promise<QmpCommands[C]['returns']> {
    const what = `${command} on ${this.name}`;
    throwIfCancelled(signal, what);
    const id = this.#nextId++;
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#pending.push({ id, command, resolve, reject });
    });
    this.#logger.log('debug', `${this.name} ← ${command} ${JSON.stringify(args)}`);
    this.#stream.write(`${JSON.stringify({ execute: command, arguments: args, id })}\r\n`);
    const timer = new AbortController();
    const waiting = [answer];
    if (timeoutMs !== undefined) waiting.push(this.#timeout(what, timeoutMs, timer.signal));
    try {
      return await cancellable(Promise.race(waiting), signal, what);
    } finally {
      timer.abort();
    }
  }

  async #timeout(what: string, milliseconds: number, signal: AbortSignal): Promise<never> {
    try {
      await this.#clock.sleep(milliseconds, signal);
    } catch (error) {
      if (error instanceof CancelledError) return new Promise<never>(() => undefined);
      throw error;
    }
    throw new TimeoutError(`${what} was not answered within ${milliseconds / 1000} s.`);
  }

  #refuseForeignGreeting(text: string): void {
    if (this.#state !== 'connecting' || /^\s*(\{|$)/.test(text)) return;
    const human = /^QEMU \S+ monitor/.test(text);
    throw new ProtocolError(`${this.name} does not speak QMP: it began with ${excerpt(text)}.`, {
      hint: human
        ? "This is QEMU's human monitor; start QEMU with -qmp unix:PATH,server=on,wait=off as well."
        : "Give the address of QEMU's QMP monitor (-qmp unix:PATH,server=on,wait=off).",
    });
  }

  #busy(): MonitorBusyError {
    return new MonitorBusyError(
      `${this.name} did not greet within ${this.#greetingTimeoutMs / 1000} s: another client holds this monitor, or it is not a QMP monitor.`,
      {
        hint: "QEMU's monitor serves one client at a time: end the other one, or give QEMU a second monitor (-qmp).",
      },
    );
  }

  #lostBy(reason: string, cause?: unknown): MigrascopeError {
    const details = cause === undefined ? {} : { cause };
    return this.#state === 'connecting'
      ? new ConnectError(`Connecting to ${this.name} failed${reason}.`, details)
      : new ConnectionLostError(`The connection to ${this.name} was lost${reason}.`, details);
  }

  #end(error: Error): void {
    if (this.#state === 'closed') return;
    this.#greeted?.reject(error);
    this.#state = 'closed';
    this.#error = error;
    this.#stream.on('error', () => undefined);
    this.#stream.destroy();
    for (const command of this.#pending.splice(0)) command.reject(error);
    this.#events.fail(error);
    for (const listener of this.#lost.splice(0)) listener(error);
  }

  #throwIfEnded(): void {
    if (this.#error) throw this.#error;
  }

  #require(state: QmpState, what: string): void {
    if (this.#state === state) return;
    throw this.#misuse(what, state);
  }

  #misuse(what: string, state: QmpState): MigrascopeError {
    const message = `${what} on ${this.name} needs the state ${state}; it is ${this.#state}.`;
    if (this.#state === 'closed') {
      return new ConnectionLostError(
        this.#error ? `${message} ${this.#error.message}` : message,
        this.#error ? { cause: this.#error } : {},
      );
    }
    return new UsageError(message);
  }
}
