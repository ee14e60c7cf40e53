/** A virtio disk of the machine: what the guest writes goes to the node that is behind it now. */
import type { GuestDevice } from '../guest/types.js';
import { PAGE_BYTES } from '../guest/types.js';
import type { BlockNode } from './block-node.js';
import { CONSISTENT_READ, RESIZE, WRITE, WRITE_UNCHANGED } from './permissions.js';
import type { NodeUser } from './permissions.js';

export interface DiskOptions {
  /** Of the device, such as `vd0`. */
  readonly id: string;
  /** Name of its block node, such as `disk0`. */
  readonly node: string;
  /** Of its image, which is there already. */
  readonly path: string;
  readonly format?: 'raw' | 'qcow2';
  /** As the guest sees it; at most 20 bytes. */
  readonly serial?: string;
}

/** Versions that a page can have; see `Image.stamp`. */
const NEWEST_VERSION = 2 ** 32 - 4;

export class VirtioDisk implements GuestDevice {
  readonly size: number;
  readonly qdev: string;
  readonly #user: NodeUser;
  #version = 0;

  /** @throws QmpCommandError when the node can't be had. */
  constructor(
    readonly options: DiskOptions,
    private node: BlockNode,
  ) {
    this.size = node.size;
    this.qdev = `/machine/peripheral/${options.id}/virtio-backend`;
    this.#user = {
      description: `block device '${this.qdev}'`,
      role: 'root',
      permissions: CONSISTENT_READ | WRITE,
      shared: CONSISTENT_READ | WRITE_UNCHANGED | RESIZE,
      kind: 'block-backend',
      name: this.qdev,
    };
    node.attach(this.#user);
  }

  /** The node that is behind it now. */
  get root(): BlockNode {
    return this.node;
  }

  /** The version that the last write of the guest has. */
  get version(): number {
    return this.#version;
  }

  writePages(first: number, count: number): void {
    this.#version = this.#version === NEWEST_VERSION ? 1 : this.#version + 1;
    this.node.stamp(first, count, this.#version);
  }

  discardPages(first: number, count: number): void {
    this.node.trim(first * PAGE_BYTES, count * PAGE_BYTES);
  }

  /** The users of the one node have the other. */
  swapped(from: BlockNode, to: BlockNode): void {
    if (this.node === from) this.node = to;
  }
}
