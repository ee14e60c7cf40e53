/** What a simulated machine needs of the world around it. */
import type { Duplex } from 'node:stream';
import type { ServedExport } from '../../nbd/index.js';

/** The NBD server of a machine, as the machine uses it. */
export interface NbdService {
  addExport(served: ServedExport): void;
  /** @param options.hard disconnects its clients; without it the export must have none. */
  removeExport(name: string, options: { readonly hard: boolean }): Promise<void>;
  /** The names of the clients that use an export. */
  clientsOf(name: string): readonly string[];
  serve(stream: Duplex, name: string): Promise<void>;
  close(): Promise<void>;
}

/** QAPI `SocketAddressLegacy`, as far as it is known here. */
export type SocketAddress =
  | { readonly type: 'unix'; readonly data: { readonly path: string } }
  | { readonly type: 'inet'; readonly data: { readonly host: string; readonly port: string } };

/** What listens at an address. */
export type ListenPurpose =
  | { readonly type: 'nbd'; readonly server: NbdService }
  /** The host's side of a character device. */
  | { readonly type: 'chardev'; readonly id: string };

export interface Listener {
  /** Where it listens, where that is another address than was asked for: of port 0, the one chosen. */
  readonly address?: SocketAddress;
  /** Ends it; connections that were made stay. */
  close(): Promise<void>;
}

/** A port of the virtio-serial bus, as the guest sees it. */
export interface SerialPort {
  /** Of the device. */
  readonly id: string;
  /** As the guest finds it under /dev/virtio-ports. */
  readonly name: string;
  readonly chardev: string;
}

export interface MachineHost {
  /**
   * Begins to listen. Rejects with an Error whose `code` is the operating system's (EADDRINUSE,
   * EACCES, ENOENT) when it can't.
   */
  listen(address: SocketAddress, purpose: ListenPurpose): Promise<Listener>;
  /** A fresh NBD server. */
  createNbdServer(): NbdService;
  /** The guest's ports have changed. */
  portsChanged?(ports: readonly SerialPort[]): void;
  /** The guest's processors run again. */
  resumed?(): void;
  /** Somebody pressed a button of the machine. */
  pressed?(button: 'reset' | 'power'): void;
  /** QEMU has ended. */
  ended?(): void;
}
