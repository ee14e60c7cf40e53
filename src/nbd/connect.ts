/** From an address to a connection that is ready for commands. */
import type { Duplex } from 'node:stream';
import { systemClock, type Clock } from '../base/clock.js';
import { CancelledError, TimeoutError } from '../base/errors.js';
import { silentLogger, type Logger } from '../base/logger.js';
import { ClientConnection } from './connection.js';
import { attach, dial } from './dial.js';
import { Exchange } from './exchange.js';
import { Handshake } from './handshake.js';
import { OptionChannel } from './option-channel.js';
import { SlabPool } from './slab.js';
import type { NbdConnection } from './types.js';
import { formatNbdUri, parseNbdUri, type NbdAddress } from './uri.js';
import type { Wire } from './wire.js';

export interface NbdOptions {
  /** Names of meta contexts to ask for, e.g. `base:allocation`; see `info.metaContexts` for what was granted. */
  readonly metaContexts?: readonly string[];
  /** Whether to ask for structured replies (true): without them reads tell no holes, and there is no `blockStatus`. */
  readonly structuredReplies?: boolean;
  /** Aborting gives the connection up while it is being made; it has no effect later. */
  readonly signal?: AbortSignal;
  /** For making the connection below the protocol, in milliseconds (10,000). */
  readonly connectTimeout?: number;
  /** For the whole handshake, in milliseconds (10,000). */
  readonly handshakeTimeout?: number;
  readonly clock?: Clock;
  readonly logger?: Logger;
}

/** Makes the connection below the protocol; the stream belongs to the caller from then on. */
export type NbdDial = (address: NbdAddress, signal: AbortSignal) => Promise<Duplex>;

export interface NbdConnectOptions extends NbdOptions {
  /** Where payloads are read into; one pool may serve several connections. */
  readonly pool?: SlabPool;
  /** Instead of a socket of this machine. */
  readonly dial?: NbdDial | undefined;
}

export interface NbdStreamOptions extends NbdOptions {
  /** The empty string, the default export, unless given. */
  readonly exportName?: string;
  /** How messages name the server. */
  readonly name?: string;
}

const DEFAULT_TIMEOUT = 10_000;

/**
 * Connects to an export.
 * @throws UsageError when the URI can't be read.
 * @throws ConnectError when nobody listens there.
 * @throws TimeoutError when the server does not answer in time.
 * @throws NbdOptionError when the server refuses the export.
 * @throws ProtocolError, ConnectionLostError, LimitError, CancelledError
 */
export async function connectNbd(
  target: string | NbdAddress,
  options: NbdConnectOptions = {},
): Promise<NbdConnection> {
  const address = typeof target === 'string' ? parseNbdUri(target) : target;
  const name = formatNbdUri(address);
  const pool = options.pool ?? new SlabPool();
  const wire = await withDeadline(
    {
      what: `Connecting to ${name}`,
      milliseconds: options.connectTimeout ?? DEFAULT_TIMEOUT,
      hint: 'Check the address, the network and its firewalls.',
    },
    options,
    async (signal) =>
      options.dial
        ? attach(await options.dial(address, signal), name)
        : dial(address, pool, signal),
  );
  return negotiate(wire, name, address.exportName, options);
}

/**
 * As `connectNbd`, over a stream that is connected already.
 * @throws as `connectNbd` does.
 */
export function connectNbdOver(
  duplex: Duplex,
  options: NbdStreamOptions = {},
): Promise<NbdConnection> {
  const name = options.name ?? 'the NBD server';
  return negotiate(attach(duplex, name), name, options.exportName ?? '', options);
}

async function negotiate(
  wire: Wire,
  name: string,
  exportName: string,
  options: NbdOptions,
): Promise<NbdConnection> {
  const clock = options.clock ?? systemClock;
  const channel = new OptionChannel(wire, name);
  const request = {
    exportName,
    metaContexts: options.metaContexts ?? [],
    structuredReplies: options.structuredReplies ?? true,
  };
  const handshake = new Handshake(channel, request, clock, options.logger ?? silentLogger);
  const deadline: Deadline = {
    what: `The NBD handshake with ${name}`,
    milliseconds: options.handshakeTimeout ?? DEFAULT_TIMEOUT,
    hint: 'Another client may hold the server: qemu-nbd takes one at a time, unless started with --shared=N.',
  };
  try {
    const agreed = await withDeadline(deadline, options, (signal) => {
      const onAbort = (): void => channel.fail(signal.reason as Error);
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
      return handshake.run();
    });
    const exchange = new Exchange(wire, agreed.info.structuredReplies, name, clock);
    return new ClientConnection(agreed, exchange);
  } catch (error) {
    wire.destroy();
    throw error;
  }
}

interface Deadline {
  readonly what: string;
  readonly milliseconds: number;
  readonly hint: string;
}

/** Runs `work` with a signal that aborts with a TimeoutError or CancelledError as its reason. */
async function withDeadline<T>(
  deadline: Deadline,
  { signal, clock = systemClock }: NbdOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { what, milliseconds, hint } = deadline;
  const limit = new AbortController();
  const timer = new AbortController();
  const onAbort = (): void => {
    limit.abort(new CancelledError(`${what} was cancelled.`, { cause: signal?.reason }));
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  void clock.sleep(milliseconds, timer.signal).then(
    () => limit.abort(new TimeoutError(`${what} took more than ${milliseconds} ms.`, { hint })),
    () => undefined,
  );
  try {
    return await work(limit.signal);
  } finally {
    timer.abort();
    signal?.removeEventListener('abort', onAbort);
  }
}
