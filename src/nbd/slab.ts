/**
 * Memory that sockets read into: slabs from a pool, counted and used again, so that a payload
 * can be passed on as pieces of the very memory that the kernel filled.
 */

/** A piece of memory shared by those who hold a reference; the last one to let go gives it back. */
export class Slab {
  #references = 1;

  /** @param reclaim takes the memory back; without it the memory is left to the garbage collector. */
  constructor(
    readonly memory: Buffer,
    private readonly reclaim?: (slab: Slab) => void,
  ) {}

  retain(): void {
    this.#references++;
  }

  release(): void {
    this.#references--;
    if (this.#references > 0) return;
    if (this.#references < 0) throw new RangeError('A slab was released more often than retained.');
    this.reclaim?.(this);
  }

  /** Makes a slab that was reclaimed usable again, with one reference. */
  revive(): this {
    this.#references = 1;
    return this;
  }
}

/** Bytes in each slab: room for what a socket delivers in one or two reads. */
export const DEFAULT_SLAB_LENGTH = 512 * 1024;
/** Free slabs that a pool keeps; more are left to the garbage collector. */
export const DEFAULT_KEPT_SLABS = 64;

/**
 * Slabs of one length. The slab that was given back last is taken first, because its memory is
 * most likely still in the processor's cache.
 */
export class SlabPool {
  readonly #free: Slab[] = [];

  constructor(
    readonly slabLength: number = DEFAULT_SLAB_LENGTH,
    private readonly keep: number = DEFAULT_KEPT_SLABS,
  ) {}

  /** Slabs that lie ready. */
  get free(): number {
    return this.#free.length;
  }

  /** A slab that the caller holds the only reference to. */
  take(): Slab {
    const slab = this.#free.pop();
    if (slab) return slab.revive();
    return new Slab(Buffer.allocUnsafeSlow(this.slabLength), (returned) => {
      if (this.#free.length < this.keep) this.#free.push(returned);
    });
  }
}
