/** The devices of a machine: disks, the virtio-serial bus with its ports, and character devices. */
import { refusal } from '../qmp/index.js';
import type { JsonObject } from '../qmp/index.js';
import { isWellFormed } from './block-graph.js';
import type { VirtioDisk } from './disk.js';
import { listenError } from './listen-error.js';
import type { QomObject } from './qom.js';
import type { Listener, MachineHost, SerialPort, SocketAddress } from './types.js';

/** The one virtio-serial bus, and the device that brings it. */
const SERIAL_DEVICE = 'serial0';
export const SERIAL_BUS = `${SERIAL_DEVICE}.0`;

interface Chardev {
  readonly id: string;
  readonly address: SocketAddress;
  readonly listener: Listener;
  connected: boolean;
}

interface Port extends SerialPort {
  /** Whether the guest has it open. */
  open: boolean;
}

export interface PortRequest {
  readonly driver: string;
  readonly id?: string;
  readonly bus?: string;
  readonly chardev?: string;
  readonly name?: string;
}

export class Devices {
  readonly #chardevs = new Map<string, Chardev>();
  readonly #ports = new Map<string, Port>();
  #unnamed = 0;

  constructor(
    private readonly disks: readonly VirtioDisk[],
    private readonly host: MachineHost,
    private readonly emit: (event: string, data: JsonObject) => void,
  ) {}

  get ports(): readonly SerialPort[] {
    return [...this.#ports.values()];
  }

  /** As chardev-add of a socket that listens. @throws QmpCommandError */
  async addChardev(id: string, address: SocketAddress): Promise<void> {
    if (this.#chardevs.has(id)) throw refusal(`Chardev with id '${id}' already exists`);
    try {
      const listener = await this.host.listen(address, { type: 'chardev', id });
      const bound = listener.address ?? address;
      this.#chardevs.set(id, { id, address: bound, listener, connected: false });
    } catch (error) {
      throw listenError(address, error);
    }
  }

  /** Where the host's side of a character device listens; undefined when there is none of that id. */
  addressOf(id: string): SocketAddress | undefined {
    return this.#chardevs.get(id)?.address;
  }

  /** As chardev-remove. @throws QmpCommandError */
  async removeChardev(id: string): Promise<void> {
    const chardev = this.#chardevs.get(id);
    if (!chardev) throw refusal(`Chardev '${id}' not found`);
    if (this.ports.some((port) => port.chardev === id)) throw refusal(`Chardev '${id}' is busy`);
    this.#chardevs.delete(id);
    await chardev.listener.close();
  }

  /** Somebody has connected to the host's side, or has gone. */
  setConnected(id: string, connected: boolean): void {
    const chardev = this.#chardevs.get(id);
    if (chardev) chardev.connected = connected;
  }

  /** The guest has opened a port, by its name, or closed it. */
  setPortOpen(name: string, open: boolean): void {
    for (const port of this.#ports.values()) if (port.name === name) port.open = open;
  }

  queryChardevs(): JsonObject[] {
    return [...this.#chardevs.values()].reverse().map((chardev) => ({
      'frontend-open': [...this.#ports.values()].some(
        (port) => port.chardev === chardev.id && port.open,
      ),
      filename: filenameOf(chardev),
      label: chardev.id,
    }));
  }

  /** As device_add of a virtserialport. @throws QmpCommandError */
  addPort({ driver, id, bus, chardev, name }: PortRequest): void {
    if (driver !== 'virtserialport') {
      throw refusal(`'${driver}' is not a valid device model name`);
    }
    if (bus !== undefined && bus !== SERIAL_BUS) throw refusal(`Bus '${bus}' not found`);
    const taken = id !== undefined && Object.hasOwn(this.#peripherals(), id);
    if (id !== undefined && !isWellFormed(id))
      throw refusal(`Parameter 'id' expects an identifier`);
    if (taken) throw refusal(`Duplicate device ID '${id}'`);
    const property = "Property 'virtserialport.chardev' can't";
    if (chardev === undefined || !this.#chardevs.has(chardev)) {
      throw refusal(`${property} find value '${chardev ?? ''}'`);
    }
    if (this.ports.some((port) => port.chardev === chardev)) {
      throw refusal(`${property} take value '${chardev}': Device '${chardev}' is in use`);
    }
    if (name !== undefined && this.ports.some((port) => port.name === name)) {
      throw refusal(`virtio-serial-bus: A port already exists by name ${name}`);
    }
    const own = id ?? `device[${this.#unnamed++}]`;
    this.#ports.set(own, { id: own, name: name ?? '', chardev, open: false });
    this.host.portsChanged?.(this.ports);
  }

  /** As device_del. @throws QmpCommandError */
  del(id: string): void {
    if (id === SERIAL_DEVICE || this.disks.some(({ options }) => options.id === id)) {
      throw refusal("Bus 'pcie.0' does not support hotplugging");
    }
    const port = this.#ports.get(id);
    if (!port) throw refusal(`Device '${id}' not found`, 'DeviceNotFound');
    this.#ports.delete(id);
    this.host.portsChanged?.(this.ports);
    this.emit('DEVICE_DELETED', { device: id, path: `/machine/peripheral/${id}` });
  }

  /** Ends what listens. */
  async close(): Promise<void> {
    await Promise.all([...this.#chardevs.values()].map(({ listener }) => listener.close()));
  }

  /** The machine's objects now. */
  get root(): QomObject {
    const peripheral = { type: 'container', children: this.#peripherals() };
    const machine = {
      type: 'pc-q35-7.2-machine',
      children: { peripheral, 'peripheral-anon': { type: 'container' } },
    };
    return { type: 'container', children: { machine } };
  }

  /** As query-pci. */
  queryPci(): JsonObject[] {
    const ids = this.#pciDevices();
    const devices = ids.map((id, index) => ({
      bus: 0,
      qdev_id: id,
      slot: index + 1,
      class_info: id === SERIAL_DEVICE ? { class: 1920 } : { class: 256, desc: 'SCSI controller' },
      id: { device: id === SERIAL_DEVICE ? 4163 : 4161, vendor: 6900 },
      function: 0,
      regions: [],
    }));
    return [{ bus: 0, devices }];
  }

  #pciDevices(): string[] {
    return [SERIAL_DEVICE, ...this.disks.map(({ options }) => options.id)];
  }

  #peripherals(): Record<string, QomObject> {
    const place = (id: string) =>
      ({
        'legacy-addr': ['str', slotOf(this.#pciDevices().indexOf(id) + 1)],
        parent_bus: ['link<bus>', '/machine/q35/pcie.0'],
      }) as const;
    const bus = { [SERIAL_BUS]: { type: 'virtio-serial-bus' } };
    const serial = { type: 'virtio-serial-device', children: bus };
    return {
      [SERIAL_DEVICE]: {
        type: 'virtio-serial-pci',
        properties: place(SERIAL_DEVICE),
        children: { 'virtio-backend': serial },
      },
      ...Object.fromEntries(
        this.disks.map(({ options: { id, serial: number = '' }, root }) => [
          id,
          {
            type: 'virtio-blk-pci',
            properties: {
              ...place(id),
              serial: ['str', number],
              drive: ['str', root.name],
            } as const,
            children: { 'virtio-backend': { type: 'virtio-blk-device' } },
          },
        ]),
      ),
      ...Object.fromEntries([...this.#ports.values()].map((port) => [port.id, portObject(port)])),
    };
  }
}

function portObject({ name, chardev }: SerialPort): QomObject {
  return {
    type: 'virtserialport',
    properties: { name: ['str', name], chardev: ['str', chardev] },
  };
}

function slotOf(slot: number): string {
  return `${slot.toString(16).padStart(2, '0')}.0`;
}

function filenameOf({ address, connected }: Chardev): string {
  const place =
    address.type === 'unix'
      ? `unix:${address.data.path}`
      : `tcp:${address.data.host.includes(':') ? `[${address.data.host}]` : address.data.host}:${address.data.port}`;
  return `${connected ? '' : 'disconnected:'}${place},server=on`;
}
