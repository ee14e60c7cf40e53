/**
 * A client of qemu-guest-agent, as far as uploading the probe needs it (QEMU, docs/interop/qemu-ga-ref).
 * One command at a time; the agent is synchronised with first, since it may still be answering
 * somebody who went away.
 */
import { randomInt } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { cancellable } from '../base/cancel.js';
import { systemClock, type Clock } from '../base/clock.js';
import {
  CancelledError,
  ConnectionLostError,
  messageOf,
  ProbeError,
  ProtocolError,
  TimeoutError,
} from '../base/errors.js';
import { asCount, asObject, asText, type Message } from './fields.js';
import { deferred, type Deferred } from './deferred.js';
import { LineSplitter } from './lines.js';

export interface GuestAgentOptions {
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
  /** For each command, in milliseconds (10,000). */
  readonly timeoutMs?: number;
}

/** What a program in the guest did. */
export interface GuestExit {
  /** Undefined when a signal ended it. */
  readonly code: number | undefined;
  readonly output: string;
}

const ANSWER_LIMIT = 4 << 20;
const STALE_LIMIT = 16 << 20;
const WRITE_BYTES = 48 * 1024;
const POLL_MS = 50;
const SENTINEL = 0xff;

export class GuestAgent {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #splitter = new LineSplitter(ANSWER_LIMIT);
  #waiting: Deferred<Message> | undefined;
  /** The answer that ends the synchronisation; what comes before it was meant for somebody else. */
  #expected: number | undefined;
  #passedOver = 0;
  #ended: Error | undefined;

  private constructor(
    private readonly stream: Duplex,
    private readonly options: GuestAgentOptions,
  ) {
    this.#clock = options.clock ?? systemClock;
    this.#timeoutMs = options.timeoutMs ?? 10_000;
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    stream.on('error', (error) => this.#lose(messageOf(error), error));
    stream.on('end', () => this.#lose('the other side ended it'));
    stream.on('close', () => this.#lose('it was closed'));
  }

  /**
   * Synchronises with the agent over a stream that is connected already, and belongs to it from now on.
   * @throws TimeoutError when no agent answers; ProtocolError, ConnectionLostError, CancelledError
   */
  static async open(stream: Duplex, options: GuestAgentOptions = {}): Promise<GuestAgent> {
    const agent = new GuestAgent(stream, options);
    try {
      await agent.#synchronise();
      return agent;
    } catch (error) {
      agent.close();
      throw error;
    }
  }

  close(): void {
    this.#end(new ConnectionLostError('The connection to the guest agent was closed.'));
  }

  /**
   * Runs a command of the agent.
   * @throws ProbeError when the agent refuses it; TimeoutError, ProtocolError, ConnectionLostError, CancelledError
   */
  async execute(command: string, parameters: object = {}): Promise<unknown> {
    const answer = await this.#ask(command, { execute: command, arguments: parameters });
    if (answer['error'] !== undefined) {
      const error = asObject(answer['error'], 'an error');
      throw new ProbeError(
        `The guest agent refused ${command}: ${asText(error['desc'], 'a description')}`,
      );
    }
    return answer['return'];
  }

  /** Names of the commands that the agent would carry out. */
  async commands(): Promise<ReadonlySet<string>> {
    const info = asObject(await this.execute('guest-info'), 'information on the agent');
    const commands = info['supported_commands'];
    if (!Array.isArray(commands)) throw new ProtocolError('The guest agent lists no commands.');
    return new Set(
      commands
        .map((command: unknown) => asObject(command, 'a command'))
        .filter((command) => command['enabled'] === true)
        .map((command) => asText(command['name'], 'the name of a command')),
    );
  }

  /** Writes a new file in the guest. @throws as `execute` does. */
  async writeFile(path: string, data: Uint8Array): Promise<void> {
    const handle = asCount(await this.execute('guest-file-open', { path, mode: 'w' }), 'a handle');
    try {
      for (let at = 0; at < data.length;) {
        const part = data.subarray(at, at + WRITE_BYTES);
        const answer = await this.execute('guest-file-write', {
          handle,
          'buf-b64': Buffer.from(part).toString('base64'),
        });
        const count = asCount(asObject(answer, 'a write')['count'], 'a count of bytes');
        if (count === 0) throw new ProbeError(`The guest agent wrote nothing to ${path}.`);
        if (count > part.length)
          throw new ProtocolError(
            `The guest agent wrote ${count} bytes to ${path}, of ${part.length} that it was given.`,
          );
        at += count;
      }
    } finally {
      await this.execute('guest-file-close', { handle });
    }
  }

  /** Runs a program in the guest, and waits until it has ended. @throws as `execute` does. */
  async run(path: string, ...parameters: readonly string[]): Promise<GuestExit> {
    const started = await this.execute('guest-exec', {
      path,
      arg: parameters,
      'capture-output': true,
    });
    const pid = asCount(asObject(started, 'a process')['pid'], 'a process id');
    const end = this.#clock.now() + this.#timeoutMs;
    for (;;) {
      const status = asObject(await this.execute('guest-exec-status', { pid }), 'a status');
      if (status['exited'] === true) return readExit(status);
      if (this.#clock.now() >= end)
        throw new TimeoutError(`${path} did not end in the guest within ${this.#timeoutMs} ms.`);
      await this.#clock.sleep(POLL_MS, this.options.signal);
    }
  }

  async #synchronise(): Promise<void> {
    const id = randomInt(2 ** 47);
    this.#expected = id;
    // A byte that no JSON begins with makes the agent drop what it has of an earlier command.
    this.stream.write(Buffer.from([SENTINEL]));
    await this.#ask('guest-sync-delimited', {
      execute: 'guest-sync-delimited',
      arguments: { id },
    });
  }

  async #ask(what: string, command: object): Promise<Message> {
    if (this.#ended) throw this.#ended;
    if (this.#waiting)
      throw new ProtocolError(`The guest agent is still busy when ${what} is asked.`);
    const waiting = deferred<Message>();
    const over = new AbortController();
    this.#waiting = waiting;
    this.stream.write(`${JSON.stringify(command)}\n`);
    const late = this.#clock.sleep(this.#timeoutMs, over.signal).then(() => {
      throw new TimeoutError(`The guest agent did not answer ${what} in ${this.#timeoutMs} ms.`, {
        hint: 'Look whether qemu-guest-agent runs in the guest.',
      });
    });
    const answered = Promise.race([waiting.promise, late]);
    answered.catch(() => undefined);
    try {
      return await cancellable(answered, this.options.signal, `Asking the guest agent for ${what}`);
    } catch (error) {
      // What comes later would be taken for the answer to the next command.
      if (error instanceof TimeoutError || error instanceof CancelledError) this.#end(error);
      throw error;
    } finally {
      this.#waiting = undefined;
      over.abort();
      late.catch(() => undefined);
      waiting.promise.catch(() => undefined);
    }
  }

  #receive(chunk: Buffer): void {
    try {
      if (this.#expected === undefined) {
        this.#splitter.push(chunk, (line) => this.#takeLine(line));
        return;
      }
      this.#passedOver += chunk.length;
      if (this.#passedOver > STALE_LIMIT)
        throw new ProtocolError(`The guest agent sent ${STALE_LIMIT} bytes without an answer.`);
      this.#splitter.push(chunk, (line) => this.#takeStale(line));
    } catch (error) {
      this.#end(error instanceof Error ? error : new ProtocolError(String(error)));
    }
  }

  /** The answer to a synchronisation begins with a sentinel, perhaps after half a line of something else. */
  #takeStale(line: Buffer): void {
    if (this.#expected === undefined) {
      this.#takeLine(line);
      return;
    }
    const answer = parseLine(line.subarray(line.lastIndexOf(SENTINEL) + 1));
    if (answer?.['return'] !== this.#expected) return;
    this.#expected = undefined;
    this.#waiting?.resolve(answer);
  }

  #takeLine(line: Buffer): void {
    const answer = parseLine(line);
    if (!answer) throw new ProtocolError('The guest agent sent a line that is no JSON object.');
    if (!this.#waiting) throw new ProtocolError('The guest agent answered without a question.');
    this.#waiting.resolve(answer);
  }

  #lose(reason: string, cause?: Error): void {
    this.#end(
      new ConnectionLostError(`The connection to the guest agent was lost: ${reason}.`, { cause }),
    );
  }

  #end(error: Error): void {
    if (this.#ended) return;
    this.#ended = error;
    this.stream.destroy();
    this.#waiting?.reject(error);
  }
}

function parseLine(line: Buffer): Message | undefined {
  try {
    const value: unknown = JSON.parse(line.toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Message) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function readExit(status: Message): GuestExit {
  const code = status['exitcode'];
  const output = status['out-data'];
  return {
    code: code === undefined ? undefined : asCount(code, 'an exit code'),
    output: output === undefined ? '' : Buffer.from(asText(output, 'output'), 'base64').toString(),
  };
}
