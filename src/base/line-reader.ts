/**
 * Cuts a connection's bytes into lines, for every protocol whose messages are lines of JSON (QMP, the
 * control socket, plugins, the guardian). Chunks may end anywhere, inside a UTF-8 sequence too; they
 * are kept in pieces and joined once per line.
 */
import { LimitError, ProtocolError } from './errors.js';
import { Pieces } from './pieces.js';

const newline = 0x0a;

export class LineReader {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  readonly #pieces = new Pieces();

  /**
   * @param name of the peer, for errors.
   * @param maximumLength longest line in bytes that is taken.
   */
  constructor(
    readonly name: string,
    readonly maximumLength: number,
  ) {}

  /** The beginning of the line that has not ended yet, for errors; at most `length` bytes. */
  peek(length: number): string {
    return this.#pieces.beginning(length).toString('latin1');
  }

  /**
   * Takes a chunk and gives the lines that it completes, without their ends.
   * @throws LimitError when a line passes the maximum, ProtocolError when it is not UTF-8.
   */
  *push(chunk: Uint8Array): Generator<string> {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(newline, start);
      const part = chunk.subarray(start, end < 0 ? chunk.length : end);
      this.#pieces.add(part);
      if (this.#pieces.length > this.maximumLength) {
        throw new LimitError(
          `A message of ${this.name} is longer than the limit of ${this.maximumLength} bytes.`,
        );
      }
      if (end < 0) return;
      yield this.#take();
      start = end + 1;
    }
  }

  #take(): string {
    try {
      return this.#decoder.decode(this.#pieces.take());
    } catch (error) {
      throw new ProtocolError(`A message of ${this.name} is not UTF-8.`, { cause: error });
    }
  }
}
