/** A block node as the storage behind an NBD export. */
import type { Clock } from '../../base/clock.js';
import { NbdCommandError } from '../../base/errors.js';
import { BASE_ALLOCATION, NBD_STATE_DIRTY, QEMU_DIRTY_BITMAP_PREFIX } from '../../nbd/index.js';
import type { ExportStorage } from '../../nbd/index.js';
import type { PayloadPiece } from '../../nbd/types.js';
import type { BlockNode } from './block-node.js';
import type { DirtyBitmap } from './dirty-bitmap.js';
import type { Faults } from './faults.js';

type Visit = Parameters<ExportStorage['status']>[3];

/** NBD_EIO */
const EIO = 5;

export interface StorageOptions {
  /** The node now; a swap of the guest's disk may change it. */
  readonly node: () => BlockNode;
  readonly bitmaps: readonly DirtyBitmap[];
  readonly faults: Faults;
  readonly clock: Clock;
  /** Lets the guest do what it does until now. */
  readonly advance: () => void;
}

export class NodeStorage implements ExportStorage {
  readonly size: number;

  constructor(private readonly options: StorageOptions) {
    this.size = options.node().size;
  }

  async read(
    offset: number,
    length: number,
    signal: AbortSignal,
  ): Promise<readonly PayloadPiece[]> {
    await this.#access('read', offset, length, signal);
    return this.options.node().read(offset, length);
  }

  async write(
    offset: number,
    data: readonly Uint8Array[],
    _options: { readonly fua: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    const length = data.reduce((sum, part) => sum + part.length, 0);
    await this.#access('write', offset, length, signal);
    this.options.node().write(offset, data);
  }

  async writeZeroes(
    offset: number,
    length: number,
    { mayTrim }: { readonly mayTrim: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    await this.#access('write', offset, length, signal, 0);
    this.options.node().zero(offset, length, mayTrim);
  }

  async trim(
    offset: number,
    length: number,
    _options: { readonly fua: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    await this.#access('write', offset, length, signal, 0);
    this.options.node().trim(offset, length);
  }

  async flush(signal: AbortSignal): Promise<void> {
    await this.#wait(0, signal);
  }

  async status(
    context: string,
    offset: number,
    length: number,
    visit: Visit,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#wait(0, signal);
    if (context === BASE_ALLOCATION) {
      this.options.node().options.image.allocation(offset, length, visit);
      return;
    }
    const bitmap = this.options.bitmaps.find(
      ({ name }) => QEMU_DIRTY_BITMAP_PREFIX + name === context,
    );
    bitmap?.runs(offset, length, (start, bytes, dirty) =>
      visit(start, bytes, dirty ? NBD_STATE_DIRTY : 0),
    );
  }

  /** @param moved bytes that pass. @throws NbdCommandError where the disk is bad. */
  async #access(
    access: 'read' | 'write',
    offset: number,
    length: number,
    signal: AbortSignal,
    moved = length,
  ): Promise<void> {
    await this.#wait(moved, signal);
    const { name } = this.options.node();
    if (!this.options.faults.isBad(name, offset, length, access)) return;
    throw new NbdCommandError(`The ${access} at ${offset} of ${name} failed on demand.`, EIO);
  }

  /** The disk's delay, and the guest up to now after it. */
  async #wait(bytes: number, signal: AbortSignal): Promise<void> {
    const { faults, clock, advance } = this.options;
    const delay = faults.delayMs(bytes);
    if (delay > 0) await clock.sleep(delay, signal);
    advance();
  }
}
