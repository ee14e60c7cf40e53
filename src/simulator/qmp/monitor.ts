/**
 * A QMP monitor (QMP specification, docs/interop/qmp-spec of QEMU): serves one client at a time.
 *
 *   client                         monitor
 *     │ ◄────────── {"QMP": …} ────── │   when its turn has come  → negotiating
 *     │ ───── qmp_capabilities ─────► │
 *     │ ◄──────── {"return": {}} ──── │   → running
 *     │ ───── {"execute": …, id} ───► │   read only when the one before is answered
 *     │ ◄──── {"event": …} ────────── │   at any time while running
 *     │ ◄──── {"return"|"error", id}─ │
 *
 * Out-of-band execution is not offered.
 */
import type { Duplex } from 'node:stream';
import { QmpCommandError, messageOf } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import type { Answer, QmpCommand } from './commands.js';
import { list, oneOf, optional, struct } from './types.js';
import { formatJson, isObject } from './json-value.js';
import type { JsonObject, JsonValue } from './json-value.js';
import { MessageReader } from './message-reader.js';
import type { Read } from './message-reader.js';
import { refusal } from './refusal.js';

/** Clients that may wait for their turn; a further one is cut off. */
export const MOST_WAITING = 16;
/** What a client may leave unread, in bytes, before it is cut off. */
export const MOST_UNREAD = 16 * 1024 * 1024;

/** Arguments of qmp_capabilities. */
const negotiation = struct({ enable: optional(list(oneOf('oob'))) });

export interface MonitorOptions {
  /** The greeting's version, as query-version answers it. */
  readonly version: JsonObject;
  readonly commands: ReadonlyMap<string, QmpCommand>;
  /** Runs one command after the other, whichever monitor they came by. */
  readonly serially: (run: () => Promise<Answer>) => Promise<Answer>;
  readonly logger: Logger;
}

export class QmpMonitor {
  readonly #options: MonitorOptions;
  readonly #waiting: Duplex[] = [];
  #client: Client | undefined;
  #closed = false;

  constructor(options: MonitorOptions) {
    this.#options = options;
  }

  /** A client has connected; it is greeted when it is its turn. */
  attach(stream: Duplex): void {
    stream.on('error', () => undefined);
    if (this.#closed || this.#waiting.length >= MOST_WAITING) {
      stream.destroy();
      return;
    }
    this.#waiting.push(stream);
    stream.once('close', () => {
      const index = this.#waiting.indexOf(stream);
      if (index >= 0) this.#waiting.splice(index, 1);
    });
    if (!this.#client) this.#serveNext();
  }

  /** Tells the client, if there is one that has negotiated. */
  emit(event: JsonObject): void {
    this.#client?.emit(event);
  }

  /** Cuts off all clients once what was written has left. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const stream of this.#waiting.splice(0)) stream.destroy();
    this.#client?.end();
  }

  #serveNext(): void {
    const stream = this.#waiting.shift();
    if (!stream) return;
    const client = new Client(stream, this.#options);
    this.#client = client;
    void client.done.then(() => {
      this.#client = undefined;
      if (!this.#closed) this.#serveNext();
    });
  }
}

class Client {
  readonly done: Promise<void>;
  readonly #reader = new MessageReader();
  /** Ends what is waited for when the client is gone. */
  #interrupt: (() => void) | undefined;
  #negotiated = false;

  constructor(
    private readonly stream: Duplex,
    private readonly options: MonitorOptions,
  ) {
    stream.once('close', () => this.#interrupt?.());
    this.done = this.#serve();
  }

  emit(event: JsonObject): void {
    if (this.#negotiated) this.#send(event);
  }

  end(): void {
    if (this.stream.destroyed) return;
    this.stream.end(() => this.stream.destroy());
  }

  async #serve(): Promise<void> {
    const { stream } = this;
    this.#send({ QMP: { version: this.options.version, capabilities: [] } });
    try {
      for await (const chunk of stream) {
        for (const read of this.#reader.push(chunk as Uint8Array)) {
          const answer = await this.#unlessGone(this.#answer(read));
          if (stream.destroyed || !answer) return;
          this.#send(answer);
          await this.#drained();
        }
      }
    } catch (error) {
      const { logger } = this.options;
      if (!stream.destroyed) logger.log('warn', `A QMP client was lost: ${messageOf(error)}`);
    } finally {
      this.end();
    }
  }

  /** @returns nothing when the client is gone first. */
  #unlessGone<T>(promise: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      this.#interrupt = () => resolve(undefined);
      promise.then(resolve, reject);
    });
  }

  async #answer(read: Read): Promise<JsonObject> {
    if (read.error) return errorAnswer(read.error);
    const id = isObject(read.value) ? read.value['id'] : undefined;
    const tag = id === undefined ? {} : { id };
    try {
      return { return: (await this.#execute(read.value)) ?? {}, ...tag };
    } catch (error) {
      return { ...errorAnswer(this.#worded(error)), ...tag };
    }
  }

  /** A fault of the server itself is not the end of it either. */
  #worded(error: unknown): QmpCommandError {
    if (error instanceof QmpCommandError) return error;
    this.options.logger.log('error', `A QMP command failed: ${messageOf(error)}`);
    // QEMU's own descriptions end without a full stop.
    return refusal(messageOf(error).replace(/\.$/, ''));
  }

  async #execute(value: JsonValue): Promise<Answer> {
    const { name, args } = checkRequest(value);
    if (name === 'qmp_capabilities') {
      this.#negotiate(args);
      return undefined;
    }
    if (!this.#negotiated) {
      throw refusal(
        "Expecting capabilities negotiation with 'qmp_capabilities'",
        'CommandNotFound',
      );
    }
    const known = this.options.commands.get(name);
    if (!known) throw refusal(`The command ${name} has not been found`, 'CommandNotFound');
    return this.options.serially(async () => known.execute(args));
  }

  #negotiate(args: JsonObject): void {
    const { enable = [] } = negotiation.check(args, '', 'qmp_capabilities');
    if (this.#negotiated) {
      const description = 'Capabilities negotiation is already complete, command ignored';
      throw refusal(description, 'CommandNotFound');
    }
    if (enable.length > 0) throw refusal(`Capability ${enable.join(', ')} not available`);
    this.#negotiated = true;
  }

  #send(message: JsonObject): void {
    const { stream } = this;
    if (stream.destroyed || stream.writableEnded) return;
    stream.write(`${formatJson(message)}\r\n`);
    if (stream.writableLength <= MOST_UNREAD) return;
    const { logger } = this.options;
    logger.log('warn', `A QMP client left more than ${MOST_UNREAD} bytes unread and is cut off.`);
    stream.destroy();
  }

  async #drained(): Promise<void> {
    const { stream } = this;
    if (!stream.writableNeedDrain) return;
    let onDrain = (): void => undefined;
    const drained = new Promise<void>((resolve) => {
      onDrain = resolve;
      stream.once('drain', onDrain);
    });
    await this.#unlessGone(drained);
    stream.off('drain', onDrain);
  }
}

function errorAnswer({ errorClass, description }: QmpCommandError): JsonObject {
  return { error: { class: errorClass, desc: description } };
}

/** @throws QmpCommandError in QEMU's words when it is no request. */
function checkRequest(value: JsonValue): { readonly name: string; readonly args: JsonObject } {
  if (!isObject(value)) throw refusal('QMP input must be a JSON object');
  let name: string | undefined;
  let args: JsonObject = {};
  for (const [key, member] of Object.entries(value)) {
    if (key === 'execute') {
      if (typeof member !== 'string') {
        throw refusal("QMP input member 'execute' must be a string");
      }
      name = member;
    } else if (key === 'arguments') {
      if (!isObject(member)) throw refusal("QMP input member 'arguments' must be an object");
      args = member;
    } else if (key !== 'id') {
      throw refusal(`QMP input member '${key}' is unexpected`);
    }
  }
  if (name === undefined) throw refusal("QMP input lacks member 'execute'");
  return { name, args };
}
