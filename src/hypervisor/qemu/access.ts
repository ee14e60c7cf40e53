/**
 * How a hypervisor's machine is reached: its monitor, places where it can listen for us, and
 * sockets on which it listens already. On this machine directly, by TCP, or through ssh.
 */
import { randomBytes } from 'node:crypto';
import { chown, lstat, mkdtemp, realpath, rm, stat, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.js';
import { ConnectError } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import type { NbdDial } from '../../nbd/index.js';
import { isLoopback } from '../address.js';
import type { Host } from '../hosts.js';
import { SshTunnel } from '../ssh.js';
import type { SshTarget } from '../ssh.js';
import { dialEndpoint, formatEndpoint } from './dial.js';
import type { Endpoint } from './dial.js';
import type { MachineFiles } from '../types.js';
import type { SocketAddress } from './schema.js';

/** A place where the hypervisor can listen, for disk data or for the probe. */
export interface Place {
  /** As the hypervisor gets it. */
  readonly listen: SocketAddress;
  /** As it is reached from here. */
  readonly reached: Endpoint;
  /** Removes it. Idempotent. */
  dispose(): Promise<void>;
}

export interface HostAccess {
  /** The hypervisor's files, where paths mean the same here and there. */
  readonly files?: MachineFiles;
  /** How NBD servers are reached there; by sockets of this machine unless told. */
  readonly dial?: NbdDial;
  /** What the means of access said last of its troubles; empty when nothing. */
  readonly errors: string;
  openMonitor(signal?: AbortSignal): Promise<Duplex>;
  makePlace(signal?: AbortSignal): Promise<Place>;
  /** From here, the address at which the hypervisor listens. @throws ConnectError when there is no way. */
  reach(address: Endpoint, signal?: AbortSignal): Promise<Endpoint>;
  /** Ends what the access itself holds. Idempotent. */
  close(): Promise<void>;
}

export interface AccessOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The ssh command; `ssh` unless told. */
  readonly ssh?: string;
}

export function accessTo(host: Host, options: AccessOptions): HostAccess {
  const { address, nbdDirectory } = host;
  if (address.type === 'tcp' && host.nbdPorts) return new PortAccess(address, options);
  if (address.type === 'unix') return new LocalAccess(address, nbdDirectory, options);
  if (address.type === 'ssh') return new SshAccess(address, nbdDirectory, options);
  return isLoopback(address.host)
    ? new LocalAccess(address, nbdDirectory, options)
    : new TcpAccess(address, options);
}

/** A directory that only we and, where that is another user, the hypervisor can enter. */
async function makePrivateDirectory(parent: string, user: number | undefined): Promise<string> {
  const directory = await mkdtemp(join(parent, 'migrascope-nbd-'));
  if (user !== undefined && user !== 0 && process.getuid?.() === 0)
    await chown(directory, user, -1);
  return directory;
}

/** A place on this machine: a unix socket in a fresh directory with mode 0700. */
export async function makeLocalPlace(parent: string = tmpdir(), user?: number): Promise<Place> {
  const directory = await makePrivateDirectory(parent, user);
  const path = join(directory, 'socket');
  return {
    listen: { type: 'unix', data: { path } },
    reached: { type: 'unix', path },
    dispose: () => rm(directory, { recursive: true, force: true }),
  };
}

/** The user whom a file belongs to; unknown when the file is gone. */
async function ownerOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ uid }) => uid,
    () => undefined,
  );
}

/** The files of this machine. */
export const localFiles: MachineFiles = { stat, lstat, realpath, unlink };

class LocalAccess implements HostAccess {
  readonly files = localFiles;
  readonly errors = '';

  constructor(
    private readonly endpoint: Endpoint,
    private readonly nbdDirectory: string | undefined,
    private readonly options: AccessOptions,
  ) {}

  openMonitor(signal?: AbortSignal): Promise<Duplex> {
    return dialEndpoint(this.endpoint, formatEndpoint(this.endpoint), this.options.clock, signal);
  }

  async makePlace(): Promise<Place> {
    const { endpoint } = this;
    const user = endpoint.type === 'unix' ? await ownerOf(endpoint.path) : undefined;
    return makeLocalPlace(this.nbdDirectory, user);
  }

  reach(address: Endpoint): Promise<Endpoint> {
    return Promise.resolve(address);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Ports from which one is taken by chance (RFC 6335, section 6: dynamic ports). */
const dynamicPorts = { first: 49_152, count: 16_384 };

type TcpEndpoint = Extract<Endpoint, { type: 'tcp' }>;

function anyPort({ host }: TcpEndpoint): Place & { readonly reached: TcpEndpoint } {
  const port = dynamicPorts.first + (randomBytes(2).readUInt16BE() % dynamicPorts.count);
  return {
    listen: { type: 'inet', data: { host, port: String(port) } },
    reached: { type: 'tcp', host, port },
    dispose: () => Promise.resolve(),
  };
}

/** This machine, where unix sockets mean nothing to the hypervisor. */
class PortAccess extends LocalAccess {
  constructor(
    private readonly port: TcpEndpoint,
    options: AccessOptions,
  ) {
    super(port, undefined, options);
  }

  override makePlace(): Promise<Place> {
    return Promise.resolve(anyPort(this.port));
  }
}

class TcpAccess implements HostAccess {
  readonly errors = '';

  constructor(
    private readonly endpoint: TcpEndpoint,
    private readonly options: AccessOptions,
  ) {}

  openMonitor(signal?: AbortSignal): Promise<Duplex> {
    return dialEndpoint(this.endpoint, formatEndpoint(this.endpoint), this.options.clock, signal);
  }

  makePlace(): Promise<Place> {
    const place = anyPort(this.endpoint);
    const { host, port } = place.reached;
    this.options.logger.log(
      'warn',
      `QEMU will listen on ${host}, port ${port}, for this run: data travels without encryption, and whoever reaches that port meanwhile can read the disk.`,
    );
    return Promise.resolve(place);
  }

  reach(address: Endpoint): Promise<Endpoint> {
    if (address.type === 'tcp' && !isLoopback(address.host)) return Promise.resolve(address);
    const where = formatEndpoint(address);
    return Promise.reject(
      new ConnectError(`${where} on ${this.endpoint.host} can't be reached from here.`, {
        hint: 'Use ssh://HOST/PATH as the address, or name a TCP address in the hosts file.',
      }),
    );
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

class SshAccess implements HostAccess {
  #monitor: SshTunnel | undefined;
  readonly #reached: SshTunnel[] = [];

  constructor(
    private readonly target: SshTarget & { readonly path: string },
    private readonly nbdDirectory: string | undefined,
    private readonly options: AccessOptions,
  ) {}

  get errors(): string {
    return this.#monitor?.errors ?? '';
  }

  async openMonitor(signal?: AbortSignal): Promise<Duplex> {
    const { path, host } = this.target;
    await this.#monitor?.close();
    this.#monitor = await SshTunnel.open(this.target, path, { ...this.options, signal });
    const endpoint = { type: 'unix', path: this.#monitor.path } as const;
    return dialEndpoint(endpoint, `${path} on ${host}`, this.options.clock, signal);
  }

  async makePlace(signal?: AbortSignal): Promise<Place> {
    const parent = this.nbdDirectory ?? '/tmp';
    const remoteDirectory = `${parent}/migrascope-nbd-${randomBytes(8).toString('hex')}`;
    const path = `${remoteDirectory}/socket`;
    const options = { ...this.options, signal, remoteDirectory };
    const tunnel = await SshTunnel.open(this.target, path, options);
    return {
      listen: { type: 'unix', data: { path } },
      reached: { type: 'unix', path: tunnel.path },
      dispose: () => tunnel.close(),
    };
  }

  async reach(address: Endpoint, signal?: AbortSignal): Promise<Endpoint> {
    const remote = address.type === 'unix' ? address.path : `${address.host}:${address.port}`;
    const tunnel = await SshTunnel.open(this.target, remote, { ...this.options, signal });
    this.#reached.push(tunnel);
    return { type: 'unix', path: tunnel.path };
  }

  async close(): Promise<void> {
    await Promise.all(this.#reached.splice(0).map((tunnel) => tunnel.close()));
    await this.#monitor?.close();
  }
}
