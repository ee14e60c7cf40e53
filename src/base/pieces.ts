/**
 * Bytes that arrive in pieces and are wanted in one: pieces are kept in a list and joined once. Small
 * ones are joined as they come, by twos, so that a peer that sends single bytes is held in memory
 * in about as many, and each byte is copied a dozen times at most.
 */

/** A piece of at least so many bytes is left as it is. */
const LARGE = 4096;

export class Pieces {
  #pieces: Uint8Array[] = [];
  #length = 0;

  /** Bytes in all. */
  get length(): number {
    return this.#length;
  }

  /** How many pieces there are. */
  get count(): number {
    return this.#pieces.length;
  }

  /** Adds a piece, whose memory must stay as it is. */
  add(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#length += piece.length;
    let last = piece;
    for (
      let before = this.#pieces.at(-1);
      before && before.length < LARGE && before.length <= last.length && last.length < LARGE;
      before = this.#pieces.at(-1)
    ) {
      this.#pieces.pop();
      last = Buffer.concat([before, last]);
    }
    this.#pieces.push(last);
  }

  /** The first bytes, `length` of them where there are as many. */
  beginning(length: number): Buffer {
    const parts: Uint8Array[] = [];
    for (let index = 0, left = length; left > 0 && index < this.#pieces.length; index++) {
      const part = this.#pieces[index]!.subarray(0, left);
      parts.push(part);
      left -= part.length;
    }
    return Buffer.concat(parts);
  }

  /** All bytes in one; none are left. */
  take(): Buffer {
    const [only] = this.#pieces;
    const whole =
      only && this.#pieces.length === 1
        ? Buffer.from(only.buffer, only.byteOffset, only.byteLength)
        : Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#length = 0;
    return whole;
  }
}
