/**
 * A plugin's program from its start to its end.
 *
 *   started → initialized → ended
 *
 * It is ended in order: `shutdown`, the end of its input, TERM, KILL.
 */
import { finished } from 'node:stream/promises';
import type { Clock } from '../base/clock.js';
import { CancelledError, MigrascopeError, PluginError, ProtocolError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import { CODES, END_PATIENCE_MS, KEPT_LOG, PLUGIN_PROTOCOL } from './methods.js';
import { PluginChannel, RefusedRequest } from './channel.js';
import type { Capabilities, InitializeResult, LogParams, Role } from './messages.generated.js';
import type { ExchangedLine, PluginDescription, PluginExit, StartPluginProcess } from './types.js';

/** The world outside a plugin's host. */
export interface PluginParts {
  readonly start: StartPluginProcess;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Of Migrascope. */
  readonly version: string;
  /** Changes when a file does by which the plugin would be started anew; without it, nothing does. */
  fingerprint?(description: PluginDescription): Promise<string>;
  /** Carries out a request of the plugin; without it, every one is refused. @throws RefusedRequest. */
  request?(method: string, params: unknown): Promise<object>;
  /** Is called for each line. */
  exchanged?(line: ExchangedLine): void;
}

export class PluginSession {
  readonly channel: PluginChannel;
  readonly #process;
  #log = '';
  #exit: PluginExit | undefined;
  #greeting: InitializeResult | undefined;

  private constructor(
    readonly description: PluginDescription,
    private readonly parts: PluginParts,
  ) {
    const { name } = description;
    this.#process = parts.start(description);
    const { input, output, errors, exited } = this.#process;
    this.channel = new PluginChannel(name, input, output, parts.clock, {
      note: (method, params) => this.#note(method, params),
      request: async (method, params) => {
        if (parts.request) return parts.request(method, params);
        throw new RefusedRequest(CODES.refused, `${method} is not for this plugin.`);
      },
      ...(parts.exchanged ? { exchanged: (line) => parts.exchanged?.(line) } : {}),
    });
    const decoder = new TextDecoder();
    errors.on('error', () => undefined);
    errors.on('data', (chunk: Uint8Array) => {
      this.#log = (this.#log + decoder.decode(chunk, { stream: true })).slice(-KEPT_LOG);
    });
    void exited.then((exit) => (this.#exit = exit));
  }

  /**
   * Starts the program and greets it; when that fails, it is ended.
   * @param roles for which it is wanted.
   * @param extra further fields of `initialize`, for conformance tests.
   * @throws PluginError when it can't be started, or has not one of the roles; ProtocolError when it
   * speaks another version; TimeoutError; CancelledError.
   */
  static async open(
    description: PluginDescription,
    roles: readonly Role[],
    parts: PluginParts,
    signal?: AbortSignal,
    extra: object = {},
  ): Promise<PluginSession> {
    const session = new PluginSession(description, parts);
    try {
      await session.#greet(roles, signal, extra);
      return session;
    } catch (error) {
      const reason = await session.#reasonOf(error);
      await session.end('fault');
      throw reason;
    }
  }

  /** What it said of itself. */
  get greeting(): InitializeResult {
    if (!this.#greeting) throw new Error('The plugin has not been greeted.');
    return this.#greeting;
  }

  get capabilities(): Capabilities {
    return this.greeting.capabilities;
  }

  /** The newest of what it wrote to its error output. */
  get log(): string {
    return this.#log;
  }

  /** How it ended; undefined while it runs. */
  get exit(): PluginExit | undefined {
    return this.#exit;
  }

  /**
   * Ends it in order. Idempotent; never throws.
   * @param why one that is at fault is not asked to finish.
   */
  async end(why: 'done' | 'fault' = 'done'): Promise<PluginExit | undefined> {
    const { channel } = this;
    if (why === 'done' && !channel.failure && !this.#exit)
      await channel.request('shutdown', {}).catch(() => undefined);
    channel.endInput();
    if (await this.#endsSoon()) return this.#exit;
    this.#process.kill('SIGTERM');
    if (await this.#endsSoon()) return this.#exit;
    this.#process.kill('SIGKILL');
    await this.#endsSoon();
    return this.#exit;
  }

  /**
   * An error with how the program ended and what it said last, where that is why.
   * @returns the error itself where the program runs on.
   */
  async #reasonOf(error: unknown): Promise<unknown> {
    if (!(error instanceof MigrascopeError) || error.kind !== 'connection-lost') return error;
    await this.#endsSoon();
    if (!this.#exit) return error;
    await this.#soon(finished(this.#process.errors).catch(() => undefined));
    return new PluginError(`The plugin ${this.description.name} ${this.farewell}.`, {
      cause: error,
      hint: `Its command is: ${this.description.command.join(' ')}`,
    });
  }

  /** How it ended and what it wrote last, as part of a sentence. */
  get farewell(): string {
    const how = this.#exit?.how ?? 'runs';
    const last = this.#log.trim().split('\n').at(-1)?.trim() ?? '';
    return last === '' ? how : `${how}: ${last.slice(0, 300).replace(/\.$/, '')}`;
  }

  async #greet(
    roles: readonly Role[],
    signal: AbortSignal | undefined,
    extra: object,
  ): Promise<void> {
    const host = { name: 'migrascope', version: this.parts.version };
    const params = { protocol: PLUGIN_PROTOCOL, host, roles: [...roles], ...extra };
    const greeting = await this.channel.request('initialize', params, signal);
    const { name } = this.description;
    const [major] = greeting.protocol.split('.');
    if (major !== PLUGIN_PROTOCOL.split('.')[0])
      throw new ProtocolError(
        `The plugin ${name} speaks version ${greeting.protocol} of the protocol, and this Migrascope ${PLUGIN_PROTOCOL}.`,
        { hint: 'Use a version of the plugin that is made for this Migrascope.' },
      );
    const lacking = roles.find((role) => !greeting.roles.includes(role));
    if (lacking)
      throw new PluginError(`The plugin ${name} is no ${lacking}.`, {
        hint: `It says that it is: ${greeting.roles.join(', ')}.`,
      });
    this.#greeting = greeting;
  }

  #note(method: string, params: unknown): void {
    if (method !== 'log') return;
    const { level, message } = params as LogParams;
    this.parts.logger.log(level, `Plugin ${this.description.name}: ${message}`);
  }

  async #endsSoon(): Promise<boolean> {
    await this.#soon(this.#process.exited);
    return this.#exit !== undefined;
  }

  async #soon(event: Promise<unknown>): Promise<void> {
    const timer = new AbortController();
    const late = this.parts.clock.sleep(END_PATIENCE_MS, timer.signal).catch((error: unknown) => {
      if (!(error instanceof CancelledError)) throw error;
    });
    await Promise.race([event, late]);
    timer.abort();
  }
}
