/**
 * Cuts a QMP client's bytes into messages. One message is one JSON value, wherever its lines end;
 * several may share a line. Bounds: what one message takes, and how deep it goes.
 */
import type { QmpCommandError } from '../../base/errors.js';
import { JsonLexer } from './json-lexer.js';
import type { TokenType } from './json-lexer.js';
import { parseTokens } from './json-value.js';
import type { JsonValue, Token } from './json-value.js';
import { refusal } from './refusal.js';

/** Of one message, in bytes of its tokens. QEMU takes 64 MiB. */
export const LARGEST_MESSAGE = 1024 * 1024;
/** Tokens of one message. QEMU takes 2 Mi. */
export const MOST_TOKENS = 128 * 1024;
/** Braces and brackets that are open at once, as in QEMU. */
export const DEEPEST = 1024;

/** A message, or why what came is none. */
export type Read =
  { readonly value: JsonValue; readonly error?: undefined } | { readonly error: QmpCommandError };

export class MessageReader {
  readonly #lexer: JsonLexer;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #tokens: Token[] = [];
  #bytes = 0;
  #braces = 0;
  #brackets = 0;
  #read: Read[] = [];

  constructor() {
    this.#lexer = new JsonLexer(
      {
        token: (type, bytes) => this.#token(type, bytes),
        stray: (bytes) => this.#fail(`JSON parse error, stray '${bytes.toString()}'`),
        tooLong: () => this.#fail('JSON token size limit exceeded'),
      },
      LARGEST_MESSAGE,
    );
  }

  /** Takes a chunk, and gives what it completes; lazily, so that one can be answered before the next. */
  *push(chunk: Uint8Array): Generator<Read> {
    for (const byte of chunk) {
      this.#lexer.push(byte);
      if (this.#read.length === 0) continue;
      yield* this.#read.splice(0);
    }
  }

  #token(type: TokenType, bytes: Buffer): void {
    if (type === '{') this.#braces += 1;
    if (type === '}') this.#braces -= 1;
    if (type === '[') this.#brackets += 1;
    if (type === ']') this.#brackets -= 1;
    if (this.#bytes + bytes.length + 1 > LARGEST_MESSAGE) {
      this.#fail('JSON token size limit exceeded');
    } else if (this.#tokens.length + 1 > MOST_TOKENS) {
      this.#fail('JSON token count limit exceeded');
    } else if (this.#braces + this.#brackets > DEEPEST) {
      this.#fail('JSON nesting depth limit exceeded');
    } else {
      this.#bytes += bytes.length;
      this.#tokens.push({ type, text: this.#textOf(type, bytes) });
      const open = this.#braces > 0 || this.#brackets > 0;
      if (!open || this.#braces < 0 || this.#brackets < 0) this.#complete();
    }
  }

  #textOf(type: TokenType, bytes: Buffer): string | undefined {
    if (type !== 'string') return bytes.toString('latin1');
    try {
      return this.#decoder.decode(bytes.subarray(1, -1));
    } catch {
      return undefined;
    }
  }

  #complete(): void {
    const tokens = this.#tokens;
    this.#reset();
    try {
      this.#read.push({ value: parseTokens(tokens) });
    } catch (error) {
      this.#read.push({ error: error as QmpCommandError });
    }
  }

  #fail(description: string): void {
    this.#reset();
    this.#read.push({ error: refusal(description) });
  }

  #reset(): void {
    this.#tokens = [];
    this.#bytes = 0;
    this.#braces = 0;
    this.#brackets = 0;
  }
}
