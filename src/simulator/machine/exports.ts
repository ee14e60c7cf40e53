/** QEMU's one NBD server and the block exports on it (qapi/block-export.json). */
import type { Clock } from '../../base/clock.js';
import { messageOf } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import { BASE_ALLOCATION, QEMU_DIRTY_BITMAP_PREFIX } from '../../nbd/index.js';
import { refusal } from '../qmp/index.js';
import type { JsonObject } from '../qmp/index.js';
import { isWellFormed } from './block-graph.js';
import type { BlockGraph } from './block-graph.js';
import type { BlockNode } from './block-node.js';
import { BitmapActions } from './bitmap-actions.js';
import type { BitmapName } from './bitmap-actions.js';
import type { DirtyBitmap } from './dirty-bitmap.js';
import { NodeStorage } from './export-storage.js';
import type { Faults } from './faults.js';
import { listenError } from './listen-error.js';
import { ALL_PERMISSIONS, CONSISTENT_READ, RESIZE, WRITE } from './permissions.js';
import type { NodeUser } from './permissions.js';
import type { Listener, MachineHost, NbdService, SocketAddress } from './types.js';

/** Longest name of an NBD export, and longest description, in bytes. */
const LONGEST_STRING = 4096;

export interface ExportOptions {
  readonly id: string;
  readonly 'node-name': string;
  readonly writable?: boolean;
  readonly name?: string;
  readonly description?: string;
  readonly bitmaps?: readonly (string | BitmapName)[];
}

interface BlockExport {
  readonly id: string;
  /** Of the NBD export. */
  readonly name: string;
  node: BlockNode;
  readonly user: NodeUser;
  readonly bitmaps: readonly DirtyBitmap[];
  /** Set once it is being removed. */
  removal: Promise<void> | undefined;
}

interface RunningServer {
  readonly service: NbdService;
  readonly listener: Listener;
  readonly multiConn: boolean;
}

export interface ExportParts {
  readonly host: Pick<MachineHost, 'listen' | 'createNbdServer'>;
  readonly graph: BlockGraph;
  readonly faults: Faults;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly advance: () => void;
  readonly emit: (event: string, data: JsonObject) => void;
}

export class BlockExports {
  readonly #exports = new Map<string, BlockExport>();
  #server: RunningServer | undefined;

  constructor(private readonly parts: ExportParts) {}

  /** The newest first. */
  get all(): readonly JsonObject[] {
    return [...this.#exports.values()].reverse().map(({ id, node, removal }) => ({
      'node-name': node.name,
      'shutting-down': removal !== undefined,
      type: 'nbd',
      id,
    }));
  }

  /** As nbd-server-start. @throws QmpCommandError */
  async startServer(address: SocketAddress, mostConnections: number): Promise<void> {
    if (this.#server) throw refusal('NBD server already running');
    const { host } = this.parts;
    const service = host.createNbdServer();
    try {
      const listener = await host.listen(address, { type: 'nbd', server: service });
      this.#server = { service, listener, multiConn: mostConnections !== 1 };
    } catch (error) {
      await service.close();
      throw listenError(address, error);
    }
  }

  /** As nbd-server-stop: its exports go with it. @throws QmpCommandError */
  async stopServer(): Promise<void> {
    const server = this.#server;
    if (!server) throw refusal('NBD server not running');
    await Promise.all([...this.#exports.values()].map((each) => this.#remove(each, server)));
    await server.listener.close();
    await server.service.close();
    this.#server = undefined;
  }

  /** The NBD server dies without a word: clients are cut off, what it had stays until it is stopped. */
  async killServer(): Promise<void> {
    await this.#server?.listener.close();
    await this.#server?.service.close();
  }

  /** As block-export-add. @throws QmpCommandError */
  add(options: ExportOptions): void {
    const { id, writable = false } = options;
    if (!isWellFormed(id)) throw refusal('Invalid block export id');
    if (this.#exports.has(id)) throw refusal(`Block export id '${id}' is already in use`);
    const node = this.parts.graph.lookUp(options['node-name'], 'node only');
    if (node.readOnly && writable) throw refusal('Cannot export read-only node as writable');
    const user: NodeUser = {
      description: 'an unnamed block device',
      role: 'root',
      permissions: CONSISTENT_READ | (writable ? WRITE : 0),
      shared: ALL_PERMISSIONS & ~RESIZE,
      kind: 'block-backend',
      name: '',
    };
    node.attach(user);
    try {
      this.#serve(node, user, options);
    } catch (error) {
      node.detach(user);
      throw error;
    }
  }

  /** As block-export-del. @throws QmpCommandError */
  del(id: string, mode: 'safe' | 'hard'): void {
    const found = this.#exports.get(id);
    if (!found) throw refusal(`Export '${id}' is not found`);
    if (found.removal) throw refusal(`Export '${id}' is already shutting down`);
    const server = this.#server!;
    if (mode === 'safe' && server.service.clientsOf(found.name).length > 0) {
      throw refusal(`export '${id}' still in use`);
    }
    void this.#remove(found, server);
  }

  /** The users of one node have another one. */
  swapped(from: BlockNode, to: BlockNode): void {
    for (const each of this.#exports.values()) if (each.node === from) each.node = to;
  }

  #serve(node: BlockNode, user: NodeUser, options: ExportOptions): void {
    const { id, name = options['node-name'], description, writable = false } = options;
    const server = this.#server;
    if (!server) throw refusal('NBD server not running');
    if (Buffer.byteLength(name) > LONGEST_STRING) throw refusal(`export name '${name}' too long`);
    if (description !== undefined && Buffer.byteLength(description) > LONGEST_STRING) {
      throw refusal(`description '${description}' too long`);
    }
    if ([...this.#exports.values()].some((other) => other.name === name)) {
      throw refusal(`NBD server already has export named '${name}'`);
    }
    const bitmaps = (options.bitmaps ?? []).map((each) => this.#bitmap(node, each, writable));
    const made: BlockExport = { id, name, node, user, bitmaps, removal: undefined };
    const { faults, clock, advance } = this.parts;
    const storage = { node: () => made.node, bitmaps, faults, clock, advance };
    server.service.addExport({
      name,
      ...(description === undefined ? {} : { description }),
      storage: new NodeStorage(storage),
      readOnly: !writable,
      metaContexts: [
        BASE_ALLOCATION,
        ...bitmaps.map((bitmap) => QEMU_DIRTY_BITMAP_PREFIX + bitmap.name),
      ],
      canMultiConn: server.multiConn,
    });
    for (const bitmap of bitmaps) bitmap.users += 1;
    this.#exports.set(id, made);
  }

  #bitmap(node: BlockNode, wanted: string | BitmapName, writable: boolean): DirtyBitmap {
    if (typeof wanted !== 'string') {
      const { bitmap } = new BitmapActions(this.parts.graph).find(wanted);
      bitmap.requireFree();
      return bitmap;
    }
    const bitmap = node.findBitmap(wanted);
    if (!bitmap) throw refusal(`Bitmap '${wanted}' is not found`);
    if (!writable && !node.readOnly && bitmap.recording) {
      throw refusal(`Enabled bitmap '${wanted}' incompatible with readonly export`);
    }
    bitmap.requireFree();
    return bitmap;
  }

  #remove(gone: BlockExport, { service }: RunningServer): Promise<void> {
    gone.removal ??= service
      .removeExport(gone.name, { hard: true })
      .catch((error: unknown) => this.parts.logger.log('error', messageOf(error)))
      .then(() => {
        this.#exports.delete(gone.id);
        for (const bitmap of gone.bitmaps) bitmap.users -= 1;
        gone.node.detach(gone.user);
        this.parts.emit('BLOCK_EXPORT_DELETED', { id: gone.id });
      });
    return gone.removal;
  }
}
