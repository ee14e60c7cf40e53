/** Making the connection to a monitor, below the protocol. */
import { createConnection } from 'node:net';
import type { Duplex } from 'node:stream';
import { cancellable, throwIfCancelled } from '../../base/cancel.js';
import type { Clock } from '../../base/clock.js';
import { ConnectError, MonitorBusyError, TimeoutError, messageOf } from '../../base/errors.js';

export type Endpoint =
  | { readonly type: 'unix'; readonly path: string }
  | { readonly type: 'tcp'; readonly host: string; readonly port: number };

/** How long a TCP connection may take to be made, in milliseconds. */
const connectTimeoutMs = 10_000;

/** An endpoint as people write it. */
export function formatEndpoint(endpoint: Endpoint): string {
  return endpoint.type === 'unix'
    ? `unix:${endpoint.path}`
    : `tcp:${endpoint.host}:${endpoint.port}`;
}

/**
 * @param name of the peer, for errors.
 * @throws ConnectError when nobody listens there, MonitorBusyError when the queue of those who wait
 * for the monitor is full, TimeoutError, CancelledError.
 */
export async function dialEndpoint(
  endpoint: Endpoint,
  name: string,
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<Duplex> {
  const what = `Connecting to ${name}`;
  throwIfCancelled(signal, what);
  const socket =
    endpoint.type === 'unix'
      ? createConnection({ path: endpoint.path })
      : createConnection({ host: endpoint.host, port: endpoint.port, keepAlive: true });
  const timer = new AbortController();
  const connected = new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', (error) => reject(connectError(name, error)));
    clock.sleep(connectTimeoutMs, timer.signal).then(
      () => reject(new TimeoutError(`${what} took longer than ${connectTimeoutMs / 1000} s.`)),
      () => undefined,
    );
  });
  try {
    await cancellable(connected, signal, what);
    return socket;
  } catch (error) {
    socket.on('error', () => undefined);
    socket.destroy();
    throw error;
  } finally {
    timer.abort();
  }
}

/**
 * Whether an error on connecting says that the hypervisor has ended: its socket is of this machine,
 * and nobody listens there. Of another machine it may as well be the network.
 */
export function isHypervisorGone(
  { address }: { readonly address: { readonly type: string } },
  error: unknown,
): boolean {
  if (address.type !== 'unix' || !(error instanceof ConnectError)) return false;
  const { cause } = error;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return code === 'ECONNREFUSED' || code === 'ENOENT';
}

const hints: Readonly<Record<string, string>> = {
  ENOENT: 'There is no such socket; is QEMU running, with -qmp unix:PATH,server=on,wait=off?',
  ECONNREFUSED: 'Nobody listens there; is QEMU running, with -qmp …,server=on,wait=off?',
  ENOTSOCK: 'That file is not a socket.',
  EACCES: "This user may not open QEMU's socket; become QEMU's user or a member of its group.",
};

function connectError(name: string, error: Error): ConnectError {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (code === 'EAGAIN') {
    return new MonitorBusyError(
      `Connecting to ${name} failed: another client holds this monitor, and more wait for it.`,
      { cause: error, hint: "QEMU's monitor serves one client at a time: end the other one." },
    );
  }
  const hint = hints[code];
  return new ConnectError(`Connecting to ${name} failed: ${messageOf(error)}.`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}
