/** Where a simulated host listens: on sockets of this machine, or in memory. */
import { once } from 'node:events';
import { chmod, unlink } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { pipeline, type Duplex } from 'node:stream';
import { messageOf, LabError } from '../../base/errors.js';
import type { SimulatedNetwork } from './network.js';
import { createPipe } from './pipe.js';

export type Address =
  | { readonly type: 'unix'; readonly path: string }
  | { readonly type: 'tcp'; readonly host: string; readonly port: number };

/** Somebody who listens. */
export interface Listener {
  /** Where it listens: of TCP with the port that the system has chosen, where port 0 was asked for. */
  readonly address: Address;
  /** Takes no more connections; those that are there stay. Idempotent; resolves when nobody listens. */
  close(): Promise<void>;
}

export interface ListenOptions {
  /** What its connections go over; what is nearest to it unless given. */
  readonly network?: SimulatedNetwork;
}

export interface Sockets {
  /**
   * Listens.
   * @param serve is given each connection.
   * @throws LabError when nobody can listen there; its message ends as the system's does.
   */
  listen(
    address: Address,
    serve: (stream: Duplex) => void,
    options?: ListenOptions,
  ): Promise<Listener>;
}

/** An address as people write it. */
export function formatSocketAddress(address: Address): string {
  return address.type === 'unix'
    ? `unix:${address.path}`
    : `tcp:${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
}

/** The sockets of this machine. Those in the file system are for this user alone. */
export const systemSockets: Sockets = {
  async listen(address, serve, { network } = {}) {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.setNoDelay(true);
      serve(network ? over(network, socket) : socket);
    });
    if (address.type === 'unix') server.listen(address.path);
    else server.listen(address.port, address.host);
    try {
      await once(server, 'listening');
    } catch (error) {
      const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
      throw cannotListen(address, taken ? 'Address already in use' : messageOf(error), error);
    }
    const path = address.type === 'unix' && process.platform !== 'win32' ? address.path : undefined;
    if (path !== undefined) await chmod(path, 0o600);
    let closed: Promise<void> | undefined;
    return {
      address: boundAddress(address, server),
      close: () =>
        (closed ??= (async () => {
          server.close();
          if (path !== undefined) await unlink(path).catch(() => undefined);
        })()),
    };
  },
};

function boundAddress(asked: Address, server: Server): Address {
  const bound = server.address();
  if (asked.type === 'unix' || bound === null || typeof bound === 'string') return asked;
  return { ...asked, port: bound.port };
}

/** The far end of a simulated network of which a socket is the near one. */
function over(network: SimulatedNetwork, socket: Duplex): Duplex {
  const [near, far] = createPipe({ network });
  pipeline(socket, near, socket, () => {
    socket.destroy();
    near.destroy();
  });
  return far;
}

/** Sockets that are in memory, for a lab whose time is virtual. */
export class MemorySockets implements Sockets {
  readonly #listening = new Map<string, { serve: (stream: Duplex) => void } & ListenOptions>();

  listen(
    address: Address,
    serve: (stream: Duplex) => void,
    options: ListenOptions = {},
  ): Promise<Listener> {
    const name = formatSocketAddress(address);
    if (this.#listening.has(name))
      return Promise.reject(cannotListen(address, 'Address already in use'));
    const listening = { serve, ...options };
    this.#listening.set(name, listening);
    const close = (): Promise<void> => {
      if (this.#listening.get(name) === listening) this.#listening.delete(name);
      return Promise.resolve();
    };
    return Promise.resolve({ address, close });
  }

  /** Connects. @throws an error with the code ECONNREFUSED when nobody listens there. */
  connect(address: Address): Duplex {
    const name = formatSocketAddress(address);
    const listening = this.#listening.get(name);
    if (!listening)
      throw Object.assign(new Error(`connect ECONNREFUSED ${name}`), { code: 'ECONNREFUSED' });
    const { network, serve } = listening;
    const [here, there] = createPipe(network ? { network } : {});
    process.nextTick(serve, there);
    return here;
  }

  /** Where somebody listens. */
  get addresses(): readonly string[] {
    return [...this.#listening.keys()];
  }
}

function cannotListen(address: Address, why: string, cause?: unknown): LabError {
  return new LabError(
    `The simulated host can't listen at ${formatSocketAddress(address)}: ${why}`,
    cause === undefined ? {} : { cause },
  );
}
