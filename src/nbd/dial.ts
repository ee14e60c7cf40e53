/** Making the connection below the protocol: a socket whose bytes go straight into slabs. */
import net from 'node:net';
import { ConnectError } from '../base/errors.js';
import { Inbox, pushForeign, SlabFiller } from './inbox.js';
import type { SlabPool } from './slab.js';
import { formatNbdUri, type NbdAddress } from './uri.js';
import { Wire } from './wire.js';
import type { Duplex } from 'node:stream';

/** Less room than this in a slab is not worth a read of its own, in bytes. */
const SMALLEST_ROOM = 64 * 1024;

/** Bytes of the longest path of a socket (`sun_path`, with a NUL at its end); Node cuts longer ones off. */
const LONGEST_PATH = process.platform === 'linux' ? 107 : 103;

/**
 * Connects a socket.
 * @throws ConnectError when nobody listens there.
 * @throws the signal's reason when it aborts.
 */
export function dial(address: NbdAddress, pool: SlabPool, signal: AbortSignal): Promise<Wire> {
  const name = formatNbdUri(address);
  checkPath(address, name);
  const inbox = new Inbox();
  const filler = new SlabFiller(pool, inbox, SMALLEST_ROOM);
  return new Promise<Wire>((resolve, reject) => {
    signal.throwIfAborted();
    const onread = {
      buffer: () => filler.room(),
      callback(count: number): boolean {
        filler.filled(count);
        return true;
      },
    };
    const socket =
      address.type === 'unix'
        ? net.connect({ path: address.path, onread })
        : net.connect({ host: address.host, port: address.port, noDelay: true, onread });
    const onAbort = (): void => {
      socket.destroy();
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    const onError = (error: Error): void => {
      signal.removeEventListener('abort', onAbort);
      reject(connectError(name, error));
    };
    socket.once('error', onError);
    socket.once('connect', () => {
      signal.removeEventListener('abort', onAbort);
      const wire = new Wire(socket, inbox, name, () => filler.abandon());
      socket.off('error', onError);
      resolve(wire);
    });
  });
}

/** Uses a stream that is connected already; its bytes arrive in memory of its own. */
export function attach(duplex: Duplex, name: string): Wire {
  const inbox = new Inbox();
  const wire = new Wire(duplex, inbox, name);
  duplex.on('data', (bytes: Uint8Array) => {
    if (!wire.lost) pushForeign(inbox, bytes);
  });
  return wire;
}

function checkPath(address: NbdAddress, name: string): void {
  if (address.type !== 'unix' || process.platform === 'win32') return;
  if (Buffer.byteLength(address.path) <= LONGEST_PATH) return;
  throw new ConnectError(`Connecting to ${name} failed: the socket's path is too long.`, {
    hint: `The system allows ${LONGEST_PATH} bytes; use a shorter path, or a link to it.`,
  });
}

function connectError(name: string, error: NodeJS.ErrnoException): ConnectError {
  const hint = HINTS[error.code ?? ''] ?? 'Check the address, and that the server runs.';
  return new ConnectError(`Connecting to ${name} failed: ${error.message}`, { cause: error, hint });
}

const HINTS: Readonly<Record<string, string>> = {
  ENOENT: "There is no such socket. Start the server, or check the URI's 'socket' parameter.",
  ECONNREFUSED: 'Nobody listens there. Start the server, or check path, host and port.',
  ENOTSOCK: 'What lies there is not a socket. Check the path.',
  EACCES: 'This user may not open the socket. Check the permissions of it and of its folders.',
  EPERM: 'This user may not open the socket. Check the permissions of it and of its folders.',
  ENOTFOUND: 'No such host is known. Check its name.',
  EAI_AGAIN: 'The name of the host could not be looked up. Check it, and the network.',
  ETIMEDOUT: 'The host does not answer. Check the address, the network and its firewalls.',
  EHOSTUNREACH: 'The host can not be reached. Check the address, the network and its firewalls.',
  ENETUNREACH: 'The network can not be reached. Check the address and the network.',
  EAGAIN: 'The server has too many clients waiting. Try again, or let it take more at once.',
};
