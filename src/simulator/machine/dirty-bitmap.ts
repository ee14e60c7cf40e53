/** A dirty bitmap of a block node: which blocks were written while it recorded. */
import { refusal } from '../qmp/index.js';
import { BitSet } from './bit-set.js';

/** Longest name, in bytes. */
export const LONGEST_BITMAP_NAME = 1023;

export class DirtyBitmap {
  /** Whether writes are recorded. */
  recording = true;
  /** Uses by others, exports above all; while there are any, commands can't have it. */
  users = 0;
  readonly #shift: number;
  #bits: BitSet;

  /**
   * @param size of the node, in bytes.
   * @param granularity of a block, in bytes: a power of two from 512 to 2^31.
   */
  constructor(
    readonly name: string,
    readonly size: number,
    readonly granularity: number,
    readonly persistent: boolean,
  ) {
    this.#shift = Math.log2(granularity);
    this.#bits = new BitSet(Math.ceil(size / granularity));
  }

  /** Dirty blocks, in bytes; a last block that is not full counts as one. */
  get dirtyBytes(): number {
    return this.#bits.count * this.granularity;
  }

  /** These bytes were written; called for every write, so it is cheap. */
  mark(offset: number, length: number): void {
    const first = this.#block(offset);
    const last = this.#block(offset + length - 1);
    if (first === last) this.#bits.add(first);
    else this.#bits.addRange(first, last + 1);
  }

  /** @returns what it held, for {@link restore}. */
  clear(): BitSet {
    const held = this.#bits;
    this.#bits = new BitSet(held.size);
    return held;
  }

  backup(): BitSet {
    return this.#bits.copy();
  }

  restore(bits: BitSet): void {
    this.#bits = bits;
  }

  /** Marks what another one of the same size has marked. */
  merge(other: DirtyBitmap): void {
    if (other === this) return;
    if (other.granularity === this.granularity) {
      this.#bits.union(other.#bits);
      return;
    }
    other.runs(0, other.size, (offset, length, dirty) => {
      if (dirty) this.mark(offset, Math.min(length, this.size - offset));
      return true;
    });
  }

  /**
   * Visits alternating runs from `offset` to `offset + length`, at block bounds; stops where `visit`
   * returns false.
   */
  runs(
    offset: number,
    length: number,
    visit: (offset: number, length: number, dirty: boolean) => boolean,
  ): void {
    const end = offset + length;
    const last = Math.ceil(end / this.granularity);
    let at = offset;
    while (at < end) {
      const block = this.#block(at);
      const dirty = this.#bits.has(block);
      const stop = Math.min(end, this.#bits.next(block, last, !dirty) * this.granularity);
      if (!visit(at, stop - at, dirty)) return;
      at = stop;
    }
  }

  /** @throws QmpCommandError when somebody uses it. */
  requireFree(): void {
    if (this.users === 0) return;
    throw refusal(
      `Bitmap '${this.name}' is currently in use by another operation and cannot be used`,
    );
  }

  #block(offset: number): number {
    return offset <= 0x7fff_ffff ? offset >>> this.#shift : Math.floor(offset / this.granularity);
  }
}
