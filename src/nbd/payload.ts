/** Payloads as they are handed to those who read. */
import { UsageError } from '../base/errors.js';
import type { Slab } from './slab.js';
import type { Payload, PayloadPiece } from './types.js';

/** A payload whose pieces lie in slabs; holds one reference to each entry of `slabs`. */
export class SlabPayload implements Payload {
  #pieces: readonly PayloadPiece[] | undefined;

  constructor(
    readonly length: number,
    pieces: readonly PayloadPiece[],
    private readonly slabs: readonly Slab[],
  ) {
    this.#pieces = pieces;
  }

  /** @throws UsageError after `release()`: the memory may hold other bytes by now. */
  get pieces(): readonly PayloadPiece[] {
    if (!this.#pieces) throw new UsageError('A payload was read after it had been released.');
    return this.#pieces;
  }

  release(): void {
    if (!this.#pieces) return;
    this.#pieces = undefined;
    for (const slab of this.slabs) slab.release();
  }
}
