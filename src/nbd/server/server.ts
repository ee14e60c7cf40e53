/** An NBD server: its exports and its clients. Whoever listens hands over each client as a stream. */
import type { Duplex } from 'node:stream';
import { systemClock, type Clock } from '../../base/clock.js';
import { LimitError, UsageError, messageOf } from '../../base/errors.js';
import { silentLogger, type Logger } from '../../base/logger.js';
import { OfferedExport, quote } from './offered-export.js';
import { smallSlabs } from './receive.js';
import { ServedClient, type ClientTerms } from './served-client.js';
import type { ServedExport } from './types.js';

export interface NbdServerOptions {
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** For the whole handshake of a client, in milliseconds (10,000). */
  readonly handshakeTimeout?: number;
  /** Clients at the same time (100); one more is turned away without a word. */
  readonly maximumClients?: number;
  /** Requests of one client that are not answered, or whose answers it has not taken (64). */
  readonly maximumRequests?: number;
  /** Bytes of their payloads (64 MiB); a request alone may have more. */
  readonly maximumBytes?: number;
}

const DEFAULT_HANDSHAKE_TIMEOUT = 10_000;
const DEFAULT_CLIENTS = 100;
const DEFAULT_REQUESTS = 64;
const DEFAULT_BYTES = 64 * 2 ** 20;

export class NbdServer {
  readonly #exports = new Map<string, OfferedExport>();
  readonly #clients = new Set<ServedClient>();
  readonly #terms: ClientTerms;
  readonly #maximumClients: number;
  #closed = false;

  /** @throws LimitError when a bound is not a whole number of 1 or more. */
  constructor(options: NbdServerOptions = {}) {
    const {
      clock = systemClock,
      logger = silentLogger,
      handshakeTimeout = DEFAULT_HANDSHAKE_TIMEOUT,
      maximumClients = DEFAULT_CLIENTS,
      maximumRequests = DEFAULT_REQUESTS,
      maximumBytes = DEFAULT_BYTES,
    } = options;
    const bounds = { handshakeTimeout, maximumClients, maximumRequests, maximumBytes };
    for (const [name, bound] of Object.entries(bounds)) {
      if (Number.isSafeInteger(bound) && bound >= 1) continue;
      throw new LimitError(`An NBD server can't have a ${name} of ${bound}.`);
    }
    this.#maximumClients = maximumClients;
    const limits = { requests: maximumRequests, bytes: maximumBytes };
    this.#terms = { clock, logger, handshakeTimeout, limits, pool: smallSlabs() };
  }

  /** In the order in which they were added. */
  get exports(): readonly ServedExport[] {
    return [...this.#exports.values()].map(({ given }) => given);
  }

  /**
   * Serves an export from now on.
   * @throws UsageError when the name is taken or can't be one, or the server is closed.
   * @throws LimitError when its size or a size constraint is outside of what the protocol allows.
   */
  addExport(served: ServedExport): void {
    if (this.#closed) {
      throw new UsageError(
        `The export ${quote(served.name)} can't be added: the server is closed.`,
      );
    }
    if (this.#exports.has(served.name)) {
      throw new UsageError(`The export ${quote(served.name)} is there already.`, {
        hint: 'Remove it first, or choose another name.',
      });
    }
    this.#exports.set(served.name, new OfferedExport(served));
  }

  /**
   * Takes an export away; resolves when its storage is not asked for anything any more.
   * @param options.hard sends away whoever uses it: what is open is answered by NBD_ESHUTDOWN.
   * @throws UsageError when there is no such export, or when clients use it and it is not `hard`.
   */
  async removeExport(name: string, options: { readonly hard: boolean }): Promise<void> {
    const offered = this.#exports.get(name);
    if (!offered) throw new UsageError(`There is no export ${quote(name)} to remove.`);
    const clients = this.#clientsOf(offered);
    if (clients.length > 0 && !options.hard) {
      const names = clients.map((client) => client.name).join(', ');
      throw new UsageError(`The export ${quote(name)} is in use by ${names}.`, {
        hint: 'Let its clients disconnect, or remove it hard.',
      });
    }
    this.#exports.delete(name);
    await Promise.all(clients.map((client) => client.shutDown()));
  }

  /** The names of the clients that use an export; none where there is no such export. */
  clientsOf(name: string): readonly string[] {
    const offered = this.#exports.get(name);
    return offered ? this.#clientsOf(offered).map((client) => client.name) : [];
  }

  /**
   * Serves one client until it is gone and nothing that it asked for still runs; never rejects.
   * @param stream connected; the server ends it. It becomes half-open: a client may end its side
   *   before it is answered.
   * @param name how messages call the client.
   */
  async serve(stream: Duplex, name: string): Promise<void> {
    const { logger } = this.#terms;
    if (this.#closed || this.#clients.size >= this.#maximumClients) {
      const why = this.#closed ? 'the server is closed' : `there are ${this.#clients.size} already`;
      logger.log('warn', `${name} is turned away: ${why}.`);
      stream.on('error', (error) => logger.log('debug', `${name}: ${error.message}`));
      stream.destroy();
      return;
    }
    const exports = {
      find: (wanted: string) => this.#exports.get(wanted),
      all: () => [...this.#exports.values()],
    };
    const client = new ServedClient(stream, name, exports, this.#terms);
    this.#clients.add(client);
    try {
      await client.gone;
    } catch (error) {
      logger.log('error', `Serving ${name} failed: ${messageOf(error)}`);
      stream.destroy();
    } finally {
      this.#clients.delete(client);
    }
  }

  /** Removes all exports and sends all clients away; resolves when they are gone. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#exports.clear();
    const clients = [...this.#clients];
    await Promise.all(clients.map((client) => client.shutDown()));
    await Promise.all(clients.map((client) => client.gone));
  }

  #clientsOf(offered: OfferedExport): ServedClient[] {
    return [...this.#clients].filter((client) => client.using === offered);
  }
}
