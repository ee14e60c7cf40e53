/** From an address to a probe that is ready for requests. */
import net from 'node:net';
import { Duplex } from 'node:stream';
import { systemClock, type Clock } from '../base/clock.js';
import {
  CancelledError,
  ConnectError,
  messageOf,
  ProtocolError,
  TimeoutError,
} from '../base/errors.js';
import type { ProbeAddress } from '../hypervisor/types.js';
import { silentLogger, type Logger } from '../base/logger.js';
import { ProbeChannel } from './channel.js';
import { defaultTimeouts, ProbeClient, type ProbeTimeouts } from './client.js';
import { readHello } from './hello.js';
import type { Probe } from './types.js';

export interface ProbeOptions {
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** Aborting gives the connection up while it is being made; it has no effect later. */
  readonly signal?: AbortSignal;
  readonly timeouts?: Partial<ProbeTimeouts>;
}

/**
 * Connects to the guest's probe and awaits its hello.
 * @param target where the host side of its port listens, or a stream that is connected already and
 * belongs to the probe from now on.
 * @throws ConnectError when nobody listens there.
 * @throws TimeoutError when no hello comes in time: no probe runs in the guest, or another client has its port.
 * @throws ProbeError when the probe speaks another version, or can't see the page cache.
 * @throws ConnectionLostError, ProtocolError, CancelledError
 */
export async function connectProbe(
  target: ProbeAddress | Duplex,
  options: ProbeOptions = {},
): Promise<Probe> {
  const clock = options.clock ?? systemClock;
  const logger = options.logger ?? silentLogger;
  const timeouts = { ...defaultTimeouts, ...options.timeouts };
  const isStream = target instanceof Duplex;
  const name = isStream ? 'a stream' : formatProbeAddress(target);
  const stream = isStream ? target : await dial(target, name, timeouts.connectMs, options, clock);
  const channel = new ProbeChannel(stream, name, clock, logger);
  try {
    const info = readHello(await channel.greet(timeouts.helloMs, options.signal));
    for (const reason of info.methodReasons) logger.log('info', `The guest's probe: ${reason}`);
    return new ProbeClient(channel, info, timeouts, clock);
  } catch (error) {
    const reason = error instanceof Error ? error : new ProtocolError(messageOf(error));
    channel.destroy(reason);
    throw reason;
  }
}

/** How messages name an address. */
export function formatProbeAddress(address: ProbeAddress): string {
  return address.type === 'unix' ? `unix:${address.path}` : `tcp:${address.host}:${address.port}`;
}

/** Connects to where a port of the guest listens; for this folder. */
export async function dial(
  address: ProbeAddress,
  name: string,
  timeoutMs: number,
  options: ProbeOptions,
  clock: Clock,
): Promise<Duplex> {
  const what = `Connecting to the guest's probe at ${name}`;
  if (options.signal?.aborted) throw new CancelledError(`${what} was cancelled.`);
  const socket =
    address.type === 'unix'
      ? net.connect({ path: address.path })
      : net.connect({ host: address.host, port: address.port, noDelay: true });
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, ...(options.signal ? [options.signal] : [])]);
  const connected = new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', (error) =>
      reject(
        new ConnectError(`${what} failed: ${error.message}.`, {
          cause: error,
          hint: "Look whether the guest runs, and whether QEMU has a chardev with a server socket for the probe's port.",
        }),
      ),
    );
  });
  const late = clock.sleep(timeoutMs, signal).then(() => {
    throw new TimeoutError(`${what} took longer than ${timeoutMs} ms.`);
  });
  try {
    await Promise.race([connected, late]);
    return socket;
  } catch (error) {
    socket.destroy();
    if (error instanceof CancelledError)
      throw new CancelledError(`${what} was cancelled.`, { cause: options.signal?.reason });
    throw error;
  } finally {
    over.abort();
    late.catch(() => undefined);
    connected.catch(() => undefined);
  }
}
