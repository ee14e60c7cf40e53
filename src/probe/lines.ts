/** Cuts what comes off the wire into lines, in any fragmentation, without ever holding more than one line. */
import { ProtocolError } from '../base/errors.js';
import { Pieces } from '../base/pieces.js';

/** The longest line of the protocol, its newline included, in bytes (protocol/PROBE.md, "Lines"). */
export const LINE_LIMIT = 65_536;

export class LineSplitter {
  readonly #limit: number;
  readonly #pieces = new Pieces();

  /** @param limit the longest line that is accepted, its newline included, in bytes. */
  constructor(limit = LINE_LIMIT) {
    this.#limit = limit;
  }

  /**
   * Calls `take` for each line that `chunk` completes; lines keep their newline.
   * @throws ProtocolError when a line is longer than the limit, and what `take` throws.
   */
  push(chunk: Buffer, take: (line: Buffer) => void): void {
    let rest = chunk;
    for (;;) {
      const end = rest.indexOf(0x0a);
      const piece = end < 0 ? rest : rest.subarray(0, end + 1);
      if (this.#pieces.length + piece.length > this.#limit)
        throw new ProtocolError(`The guest's probe sent a line of more than ${this.#limit} bytes.`);
      this.#pieces.add(piece);
      if (end < 0) return;
      take(this.#pieces.take());
      rest = rest.subarray(end + 1);
    }
  }
}
