/** The probe's side of the line protocol: cuts what the host says into lines, and makes its own. */
import { Pieces } from '../../base/pieces.js';

/** The longest line in either direction, its newline included, in bytes (protocol/PROBE.md, "Lines"). */
export const LINE_LIMIT = 65_536;

/** Stands for a line of more than {@link LINE_LIMIT} bytes, which is passed over. */
export const TOO_LONG = Symbol('a line that is too long');

export class LineCutter {
  readonly #pieces = new Pieces();
  #skipping = false;

  /**
   * The lines that a chunk completes, without their newlines; the chunk must stay as it is until the
   * next line has come. Never holds more than one line.
   */
  *push(chunk: Buffer): Generator<Buffer | typeof TOO_LONG> {
    for (let start = 0; start < chunk.length;) {
      const newline = chunk.indexOf(0x0a, start);
      const end = newline < 0 ? chunk.length : newline;
      const length = this.#pieces.length + end - start;
      if (!this.#skipping && length >= LINE_LIMIT) {
        this.#skipping = true;
        this.#pieces.take();
        yield TOO_LONG;
      }
      if (!this.#skipping) this.#pieces.add(chunk.subarray(start, end));
      if (newline < 0) return;
      start = newline + 1;
      if (this.#skipping) this.#skipping = false;
      else yield this.#pieces.take();
    }
  }
}

/** A message as a line. */
export function lineOf(message: object): Buffer {
  return Buffer.from(`${JSON.stringify(message)}\n`);
}
