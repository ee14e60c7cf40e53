/**
 * Cuts a QMP connection's bytes into lines (QMP specification, 2.1 "General Definitions": messages
 * are JSON objects ended by CRLF). Chunks may end anywhere, inside a UTF-8 sequence too; they are
 * kept in a list and joined once per line.
 */
import { LimitError, ProtocolError } from '../../base/errors.js';

const newline = 0x0a;

export class LineReader {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  #chunks: Uint8Array[] = [];
  #length = 0;

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
    return Buffer.concat(this.#chunks).subarray(0, length).toString('latin1');
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
      this.#length += part.length;
      if (this.#length > this.maximumLength) {
        throw new LimitError(
          `A message of ${this.name} is longer than the limit of ${this.maximumLength} bytes.`,
        );
      }
      if (part.length > 0) this.#chunks.push(part);
      if (end < 0) return;
      yield this.#take();
      start = end + 1;
    }
  }

  #take(): string {
    const line = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#length = 0;
    try {
      return this.#decoder.decode(line);
    } catch (error) {
      throw new ProtocolError(`A message of ${this.name} is not UTF-8.`, { cause: error });
    }
  }
}
