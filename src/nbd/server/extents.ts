/** Extents of one meta context, collected as they go over the wire: joined, cut to the request, and bounded. */
import { NbdServerError } from './errors.js';
import { NBD_EIO } from '../protocol.js';

/** Bytes of one extent on the wire: length and flags. */
export const EXTENT_LENGTH = 8;
/** Extents for which there is room at once. */
const FIRST_ROOM = 64;

export class ExtentList {
  #bytes = Buffer.allocUnsafe(FIRST_ROOM * EXTENT_LENGTH);
  #count = 0;
  #flags = 0;
  #length = 0;
  #next: number;
  #full = false;

  /** @param most extents that are collected, 1 or more. */
  constructor(
    private readonly context: string,
    private readonly offset: number,
    private readonly length: number,
    private readonly most: number,
  ) {
    this.#next = offset;
  }

  /** Takes the next run of the storage; @returns whether more are wanted. */
  add(offset: number, length: number, flags: number): boolean {
    if (this.#full) return false;
    if (offset !== this.#next || !Number.isSafeInteger(length) || length < 1) {
      throw this.#broken(`a run of ${length} bytes at ${offset}, where ${this.#next} comes next`);
    }
    const end = this.offset + this.length;
    const taken = Math.min(offset + length, end) - offset;
    if (this.#length > 0 && flags !== this.#flags) {
      this.#store();
      if (this.#count === this.most) {
        this.#full = true;
        return false;
      }
    }
    this.#flags = flags;
    this.#length += taken;
    this.#next += taken;
    this.#full = this.#next === end;
    return !this.#full;
  }

  /** All that was collected, as it is sent. @throws NbdServerError when there is nothing. */
  encode(): Uint8Array {
    if (this.#length > 0) this.#store();
    if (this.#count === 0) throw this.#broken(`nothing at ${this.offset}`);
    return this.#bytes.subarray(0, this.#count * EXTENT_LENGTH);
  }

  #store(): void {
    const at = this.#count * EXTENT_LENGTH;
    if (at === this.#bytes.length) {
      const room = Buffer.allocUnsafe(2 * at);
      this.#bytes.copy(room);
      this.#bytes = room;
    }
    this.#bytes.writeUInt32BE(this.#length, at);
    this.#bytes.writeUInt32BE(this.#flags >>> 0, at + 4);
    this.#count++;
    this.#length = 0;
  }

  #broken(what: string): NbdServerError {
    return new NbdServerError(`The storage told ${what} of ${this.context}.`, NBD_EIO);
  }
}
