/** A simulated host in this process, and an engine's ways to it: the same protocols, over connections in memory. */
import type { Duplex } from 'node:stream';
import type { Clock } from '../base/clock.js';
import { ConnectError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import type { MigrationParts } from '../engine/index.js';
import {
  connectQemuThrough,
  openNbdDestination,
  type HostAccess,
  type Journal,
  type Place,
  type QemuHypervisor,
} from '../hypervisor/index.js';
import { connectNbd, type NbdDial } from '../nbd/index.js';
import { connectProbe } from '../probe/index.js';
import {
  DESTINATION_EXPORT,
  MemorySockets,
  SimulatedHost,
  type Address,
  type HostOptions,
} from '../simulator/index.js';
import { SimulatedFileView } from './file-view.js';

const QMP = { type: 'unix', path: '/simulated/qmp' } as const;
const MONITOR = { type: 'unix', path: '/simulated/monitor' } as const;
const PROBE: Address = { type: 'unix', path: '/simulated/probe' };
const DESTINATION = { type: 'unix', path: '/simulated/destination' } as const;
/** Path of the image that the guest begins with. */
export const SOURCE_IMAGE = '/simulated/disk0.img';
/** Name of the guest's disk. */
export const DISK = 'disk0';
export const DESTINATION_URI = `nbd+unix:///${DESTINATION_EXPORT}?socket=${DESTINATION.path}`;

export interface LaboratoryOptions extends Pick<HostOptions, 'createGuest'> {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Of the disk, in bytes; and of what the guest writes. */
  readonly size: number;
  readonly seed: number;
  readonly network?: HostOptions['network'];
  /** Whether a probe runs in the guest. */
  readonly probe: boolean;
}

/** The process that connects: an engine, its guardian, or who recovers a run. */
export interface Visitor {
  /** The laboratory's own unless given. */
  readonly clock?: Clock;
  /** Makes a connection one of the process. */
  readonly own?: (stream: Duplex) => Duplex;
  /** Is told of each change before it is made. */
  readonly journal?: Journal;
}

export class Laboratory {
  readonly sockets = new MemorySockets();
  #places = 0;

  private constructor(
    readonly options: LaboratoryOptions,
    private readonly hosts: SimulatedHost[],
  ) {}

  static async create(options: LaboratoryOptions): Promise<Laboratory> {
    const hosts: SimulatedHost[] = [];
    const laboratory = new Laboratory(options, hosts);
    const { clock, logger, size, seed, network, createGuest } = options;
    const host = await SimulatedHost.start({
      ...{ clock, logger, createGuest, sockets: laboratory.sockets },
      disk: { name: DISK, size, seed, serial: 'simulated', image: SOURCE_IMAGE },
      addresses: {
        qmp: QMP,
        monitor: MONITOR,
        destination: DESTINATION,
        ...(options.probe ? { probe: PROBE } : {}),
      },
      ...(network ? { network } : {}),
    });
    hosts.push(host);
    return laboratory;
  }

  get host(): SimulatedHost {
    return this.hosts[0]!;
  }

  /** Ends the host. */
  close(): Promise<void> {
    return this.host.close();
  }

  /**
   * A connection to a monitor of the host.
   * @param monitor the first, which an engine has, or the second.
   */
  connectHypervisor(
    signal: AbortSignal,
    visitor: Visitor = {},
    monitor: 'first' | 'second' = 'first',
  ): Promise<QemuHypervisor> {
    const address = monitor === 'first' ? QMP : MONITOR;
    const { clock = this.options.clock, journal } = visitor;
    const options = { clock, logger: this.options.logger, signal, ...(journal ? { journal } : {}) };
    const host = { name: `unix:${address.path}` };
    return connectQemuThrough(this.#access(address, visitor), host, options);
  }

  /** What an engine is given to reach it by. */
  connections(
    visitor: Visitor = {},
  ): Pick<MigrationParts, 'connectHypervisor' | 'connectNbd' | 'connectProbe' | 'openDestination'> {
    const { logger } = this.options;
    const { clock = this.options.clock } = visitor;
    const dial = this.#dialOf(visitor);
    return {
      connectHypervisor: (signal) => this.connectHypervisor(signal, visitor),
      connectNbd: (uri, options) => connectNbd(uri, { clock, logger, dial, ...options }),
      connectProbe: (address, signal) =>
        connectProbe(this.#connect(address, visitor), { clock, logger, signal }),
      openDestination: (request, { size }, signal) => {
        if (request.type === 'nbd')
          return openNbdDestination(request.uri, { size, clock, logger, dial, signal });
        return Promise.reject(
          new ConnectError('A simulated host opens files for a pivot only.', {
            hint: `Migrate with a pivot, or to ${DESTINATION_URI}.`,
          }),
        );
      },
    };
  }

  #dialOf(visitor: Visitor): NbdDial {
    return (address) => {
      const { type } = address;
      const where: Address =
        type === 'unix'
          ? { type, path: address.path }
          : { type: 'tcp', host: address.host, port: address.port };
      return Promise.resolve().then(() => this.#connect(where, visitor));
    };
  }

  #connect(address: Address, { own }: Visitor): Duplex {
    try {
      const stream = this.sockets.connect(address);
      return own ? own(stream) : stream;
    } catch (error) {
      const where = address.type === 'unix' ? address.path : `${address.host}:${address.port}`;
      throw new ConnectError(`Connecting to ${where} failed: nobody listens there.`, {
        cause: error,
      });
    }
  }

  #access(monitor: Address, visitor: Visitor): HostAccess {
    return {
      files: new SimulatedFileView(this.host.files),
      dial: this.#dialOf(visitor),
      errors: '',
      openMonitor: () => Promise.resolve().then(() => this.#connect(monitor, visitor)),
      makePlace: () => Promise.resolve(this.#place()),
      reach: (address) => Promise.resolve(address),
      close: () => Promise.resolve(),
    };
  }

  #place(): Place {
    const path = `/simulated/nbd-${++this.#places}`;
    return {
      listen: { type: 'unix', data: { path } },
      reached: { type: 'unix', path },
      dispose: () => Promise.resolve(),
    };
  }
}
