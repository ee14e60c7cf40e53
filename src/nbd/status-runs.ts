/** Extents of several BLOCK_STATUS answers, joined where their flags are equal. */
import type { StatusExtents } from './status-reply.js';
import type { StatusVisitor } from './types.js';

export class StatusRuns {
  #length = 0;
  #flags = 0;

  constructor(
    private offset: number,
    private readonly visit: StatusVisitor,
  ) {}

  /** Adds the extents that follow; what lies beyond `covered` bytes is cut off. */
  add({ values, covered }: StatusExtents): void {
    let left = covered;
    for (let index = 0; left > 0; index += 2) {
      const length = Math.min(values[index]!, left);
      this.#append(length, values[index + 1]!);
      left -= length;
    }
  }

  /** Visits the last run. */
  end(): void {
    if (this.#length > 0) this.visit(this.offset, this.#length, this.#flags);
    this.offset += this.#length;
    this.#length = 0;
  }

  #append(length: number, flags: number): void {
    if (this.#length > 0 && flags !== this.#flags) this.end();
    this.#flags = flags;
    this.#length += length;
  }
}
