/** A simulated host: a machine with a guest in it, and the sockets at which it is reached. */
import type { Duplex } from 'node:stream';
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import { NbdServer } from '../nbd/index.js';
import type { Guest, GuestDevice } from './guest/types.js';
import { createImage } from './image/image.js';
import {
  SimulatedFiles,
  SimulatedMachine,
  type FileNames,
  type Listener as MachineListener,
  type ListenPurpose,
  type MachineHost,
  type SocketAddress,
} from './machine/index.js';
import { ImageStorage } from './image/storage.js';
import { SimulatedNetwork, type NetworkSettings } from './network/network.js';
import type { Address, Listener, ListenOptions, Sockets } from './network/sockets.js';
import { SimulatedProbe } from './probe/index.js';

export interface HostOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sockets: Sockets;
  readonly disk: HostDisk;
  /** Makes the guest, on its disk. */
  readonly createGuest: (device: GuestDevice) => Guest;
  /** Between its NBD servers and whoever connects to them; no bound and no delay unless given. */
  readonly network?: Partial<NetworkSettings>;
  /** Who keeps the names of its image files; files are in memory alone unless given. */
  readonly fileNames?: FileNames;
  /** Where it listens; of TCP, port 0 lets the system choose. */
  readonly addresses: HostAddresses;
}

export interface HostAddresses {
  readonly qmp: Address;
  /** A second monitor. */
  readonly monitor: Address;
  /** Absent for a guest without a probe. */
  readonly probe?: Address;
  /** An NBD server with an empty image of the disk's size, to migrate to. */
  readonly destination?: Address;
}

/** The guest's disk. */
export interface HostDisk {
  /** Name of its block node, and of its device. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** At most 20 bytes. */
  readonly serial: string;
  /** Path of its image. */
  readonly image: string;
  /** Of what the guest writes to it. */
  readonly seed: number;
}

/** Name of the export that a disk can be migrated to. */
export const DESTINATION_EXPORT = 'destination';

const PROBE_PORT = 'org.migrascope.probe.0';
const PROBE_CHARDEV = 'probe';
/** Where the machine puts its first disk. */
const DISK_PCI = '00:02.0';

export class SimulatedHost {
  readonly files: SimulatedFiles;
  readonly network: SimulatedNetwork;
  /** Resolves when the machine has ended by itself, as QEMU does on `quit`. */
  readonly ended: Promise<void>;
  #machine: SimulatedMachine | undefined;
  #guest: Guest | undefined;
  #probe: SimulatedProbe | undefined;
  readonly #listeners: Listener[] = [];
  #addresses: HostAddresses | undefined;
  #destination: NbdServer | undefined;
  /** The disk behind the destination's export. */
  readonly destinationImage: ReturnType<typeof createImage>;
  #end: () => void = () => undefined;
  #clients = 0;
  #closed: Promise<void> | undefined;

  private constructor(private readonly options: HostOptions) {
    const { clock, disk, fileNames } = options;
    this.network = new SimulatedNetwork(clock, options.network);
    this.files = new SimulatedFiles({
      ...{ createImage, seed: disk.seed },
      ...(fileNames ? { names: fileNames } : {}),
    });
    this.ended = new Promise((resolve) => (this.#end = resolve));
    this.destinationImage = createImage({ size: disk.size, seed: disk.seed });
  }

  /** Starts it; it listens and its guest runs when this resolves. @throws LabError when it can't. */
  static async start(options: HostOptions): Promise<SimulatedHost> {
    const host = new SimulatedHost(options);
    try {
      await host.#start();
      return host;
    } catch (error) {
      await host.close();
      throw error;
    }
  }

  get machine(): SimulatedMachine {
    return this.#machine!;
  }

  get guest(): Guest {
    return this.#guest!;
  }

  get probe(): SimulatedProbe | undefined {
    return this.#probe;
  }

  /** Ends it: every connection is lost. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** Where it listens, with the ports that the system has chosen. */
  get addresses(): HostAddresses {
    return this.#addresses!;
  }

  /**
   * The server of the destination dies: whoever writes to it loses the connection, and nobody is
   * served until {@link reviveDestination}.
   */
  async killDestination(): Promise<void> {
    const server = this.#destination;
    this.#destination = undefined;
    await server?.close();
  }

  /** A new server has what the destination held; does nothing while there is one. */
  reviveDestination(): void {
    if (this.#destination || !this.options.addresses.destination) return;
    const { clock, logger } = this.options;
    this.#destination = new NbdServer({ clock, logger });
    this.#destination.addExport({
      name: DESTINATION_EXPORT,
      storage: new ImageStorage(this.destinationImage),
      readOnly: false,
      metaContexts: ['base:allocation'],
      canMultiConn: true,
    });
  }

  async #close(): Promise<void> {
    for (const listener of this.#listeners.splice(0)) await listener.close();
    this.#probe?.close();
    await this.#machine?.kill();
    await this.#destination?.close();
    this.#end();
  }

  async #start(): Promise<void> {
    const { clock, logger, disk, addresses, createGuest } = this.options;
    const { name, size, image, serial } = disk;
    this.files.create(image, size);
    this.#machine = await SimulatedMachine.start({
      ...{ clock, logger, createImage, files: this.files },
      host: this.#surroundings(),
      disks: [{ id: name, node: name, path: image, serial }],
    });
    this.#guest = createGuest(this.machine.device);
    this.machine.setGuest(this.guest);
    if (addresses.probe) await this.#addProbe(addresses.probe);
    this.machine.resume();
    await this.#listen();
  }

  async #addProbe(address: Address): Promise<void> {
    const { clock, disk } = this.options;
    const { size, serial } = disk;
    this.#probe = new SimulatedProbe({
      guest: this.guest,
      clock,
      disks: [{ name: 'vda', size, serial, pci: DISK_PCI }],
    });
    const { devices } = this.machine;
    await devices.addChardev(PROBE_CHARDEV, qapi(address));
    const port = { id: 'port0', name: PROBE_PORT, chardev: PROBE_CHARDEV };
    devices.addPort({ driver: 'virtserialport', ...port });
    devices.setPortOpen(PROBE_PORT, true);
  }

  async #listen(): Promise<void> {
    const { addresses, logger, disk } = this.options;
    const qmp = await this.#listenForMonitor(addresses.qmp);
    const monitor = await this.#listenForMonitor(addresses.monitor);
    const probe = this.machine.devices.addressOf(PROBE_CHARDEV);
    const destination = addresses.destination && (await this.#serveDestination());
    this.#addresses = {
      ...{ qmp, monitor },
      ...(probe ? { probe: plain(probe) } : {}),
      ...(destination ? { destination } : {}),
    };
    if (destination)
      logger.log('info', `${disk.name} can be migrated to the export ${DESTINATION_EXPORT}.`);
  }

  #listenForMonitor(address: Address): Promise<Address> {
    const monitor = this.machine.addMonitor();
    return this.#listenAt(address, (stream) => monitor.attach(stream));
  }

  #serveDestination(): Promise<Address> {
    this.reviveDestination();
    const serve = (stream: Duplex): void => {
      if (this.#destination) void this.#destination.serve(stream, 'a client');
      else stream.on('error', () => undefined).destroy();
    };
    return this.#listenAt(this.options.addresses.destination!, serve, { network: this.network });
  }

  /** Begins to listen until the host ends. @returns where, with the port that was chosen. */
  async #listenAt(
    asked: Address,
    serve: (stream: Duplex) => void,
    options?: ListenOptions,
  ): Promise<Address> {
    const listener = await this.options.sockets.listen(asked, serve, options);
    this.#listeners.push(listener);
    return listener.address;
  }

  /** What the machine needs of the world around it. */
  #surroundings(): MachineHost {
    const { clock, logger } = this.options;
    return {
      listen: (address, purpose) => this.#listenFor(address, purpose),
      createNbdServer: () => new NbdServer({ clock, logger }),
      resumed: () => this.#probe?.wake(),
      ended: () => void this.close(),
    };
  }

  async #listenFor(asked: SocketAddress, purpose: ListenPurpose): Promise<MachineListener> {
    const { sockets } = this.options;
    const listener = await (purpose.type === 'nbd'
      ? sockets.listen(
          plain(asked),
          (stream) => void purpose.server.serve(stream, `client ${++this.#clients}`),
          { network: this.network },
        )
      : sockets.listen(plain(asked), (stream) => this.#serveChardev(purpose.id, stream)));
    return { address: qapi(listener.address), close: () => listener.close() };
  }

  /** Somebody connected to the host's side of a serial port. */
  #serveChardev(id: string, stream: Duplex): void {
    const { devices } = this.machine;
    const port = devices.ports.find(({ chardev }) => chardev === id);
    if (port?.name !== PROBE_PORT || !this.#probe) {
      stream.on('error', () => undefined).resume();
      return;
    }
    devices.setConnected(id, true);
    void this.#probe.serve(stream).finally(() => devices.setConnected(id, false));
  }
}

function plain(address: SocketAddress): Address {
  return address.type === 'unix'
    ? { type: 'unix', path: address.data.path }
    : { type: 'tcp', host: address.data.host, port: Number(address.data.port) };
}

function qapi(address: Address): SocketAddress {
  return address.type === 'unix'
    ? { type: 'unix', data: { path: address.path } }
    : { type: 'inet', data: { host: address.host, port: String(address.port) } };
}
