/**
 * Cuts a QMP client's bytes into JSON tokens, as QEMU does: by a machine of states that reads byte
 * by byte, so that messages end where their JSON ends and not at a line's end. Strings may stand in
 * single quotes too. After a byte that no token can have, everything is skipped until a structural
 * character, a control character other than a tab, or the bytes FE and FF.
 */

export type TokenType =
  '{' | '}' | '[' | ']' | ':' | ',' | 'string' | 'integer' | 'float' | 'keyword';

export interface TokenSink {
  /** `bytes` of a string have its quotes; they are lent until the call is over. */
  token(type: TokenType, bytes: Buffer): void;
  /** Bytes that begin no token. */
  stray(bytes: Buffer): void;
  /** A token grew longer than it may. */
  tooLong(): void;
}

type State =
  | 'start'
  | 'recovery'
  | 'double'
  | 'double-escape'
  | 'single'
  | 'single-escape'
  | 'sign'
  | 'zero'
  | 'digits'
  | 'point'
  | 'mantissa'
  | 'exponent'
  | 'exponent-sign'
  | 'exponent-digits'
  | 'keyword';

const structural = new Map<number, TokenType>(
  (['{', '}', '[', ']', ':', ','] as const).map((char) => [char.charCodeAt(0), char]),
);
const [doubleQuote, singleQuote, backslash] = [0x22, 0x27, 0x5c];
const [plus, minus, point, zero] = [0x2b, 0x2d, 0x2e, 0x30];

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;
const isLower = (byte: number): boolean => byte >= 0x61 && byte <= 0x7a;
const isExponent = (byte: number): boolean => byte === 0x65 || byte === 0x45;
const isBlank = (byte: number): boolean =>
  byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === 0x0a;

/** Where a scan goes on: in another state, at the end of a token (with or without this byte), astray. */
type Step = State | { readonly ends: TokenType; readonly taken: boolean } | undefined;

const endsBefore = (ends: TokenType): Step => ({ ends, taken: false });
const endsWith = (ends: TokenType): Step => ({ ends, taken: true });

function inString(byte: number, quote: number, state: 'double' | 'single'): Step {
  if (byte < 0x20 || byte > 0xfd) return undefined;
  if (byte === quote) return endsWith('string');
  return byte === backslash ? `${state}-escape` : state;
}

function afterEscape(byte: number, state: 'double' | 'single'): Step {
  return byte < 0x20 || byte > 0xfd ? undefined : state;
}

const digitsOr = (byte: number, state: State, other: Step): Step => (isDigit(byte) ? state : other);

/** The steps out of every state but `start` and `recovery`. */
const steps: Readonly<Record<Exclude<State, 'start' | 'recovery'>, (byte: number) => Step>> = {
  double: (byte) => inString(byte, doubleQuote, 'double'),
  'double-escape': (byte) => afterEscape(byte, 'double'),
  single: (byte) => inString(byte, singleQuote, 'single'),
  'single-escape': (byte) => afterEscape(byte, 'single'),
  sign: (byte) => (byte === zero ? 'zero' : digitsOr(byte, 'digits', undefined)),
  zero: (byte) => {
    if (isDigit(byte)) return undefined;
    return byte === point ? 'point' : endsBefore('integer');
  },
  digits: (byte) => {
    if (isExponent(byte)) return 'exponent';
    return byte === point ? 'point' : digitsOr(byte, 'digits', endsBefore('integer'));
  },
  point: (byte) => digitsOr(byte, 'mantissa', undefined),
  mantissa: (byte) =>
    isExponent(byte) ? 'exponent' : digitsOr(byte, 'mantissa', endsBefore('float')),
  exponent: (byte) =>
    byte === plus || byte === minus
      ? 'exponent-sign'
      : digitsOr(byte, 'exponent-digits', undefined),
  'exponent-sign': (byte) => digitsOr(byte, 'exponent-digits', undefined),
  'exponent-digits': (byte) => digitsOr(byte, 'exponent-digits', endsBefore('float')),
  keyword: (byte) => (isLower(byte) ? 'keyword' : endsBefore('keyword')),
};

function fromStart(byte: number): Step {
  const type = structural.get(byte);
  if (type !== undefined) return endsWith(type);
  if (byte === doubleQuote) return 'double';
  if (byte === singleQuote) return 'single';
  if (byte === minus) return 'sign';
  if (byte === zero) return 'zero';
  if (isDigit(byte)) return 'digits';
  return isLower(byte) ? 'keyword' : undefined;
}

const endsRecovery = (byte: number): boolean =>
  byte >= 0xfe || structural.has(byte) || (byte < 0x20 && byte !== 0x09);

export class JsonLexer {
  #state: State = 'start';
  /** The bytes of the token so far. */
  #bytes = Buffer.alloc(256);
  #length = 0;

  /** @param longest a token may be so long, in bytes. */
  constructor(
    private readonly sink: TokenSink,
    private readonly longest: number,
  ) {}

  /** Takes one byte. */
  push(byte: number): void {
    while (!this.#take(byte));
    if (this.#length <= this.longest) return;
    this.#length = 0;
    this.#state = 'start';
    this.sink.tooLong();
  }

  /** @returns whether the byte is used up; otherwise it is the first after a token. */
  #take(byte: number): boolean {
    if (this.#state === 'recovery') {
      if (!endsRecovery(byte)) return true;
      this.#state = 'start';
      return false;
    }
    if (this.#state === 'start' && isBlank(byte)) return true;
    const step = this.#state === 'start' ? fromStart(byte) : steps[this.#state](byte);
    const taken = typeof step !== 'object' || step.taken;
    if (taken) this.#keep(byte);
    if (step === undefined) {
      const stray = this.#cut();
      this.#state = 'recovery';
      this.sink.stray(stray);
    } else if (typeof step === 'string') {
      this.#state = step;
    } else {
      const bytes = this.#cut();
      this.#state = 'start';
      this.sink.token(step.ends, bytes);
    }
    return taken;
  }

  #keep(byte: number): void {
    if (this.#length === this.#bytes.length) {
      const larger = Buffer.alloc(2 * this.#bytes.length);
      this.#bytes.copy(larger);
      this.#bytes = larger;
    }
    this.#bytes[this.#length++] = byte;
  }

  #cut(): Buffer {
    const bytes = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return bytes;
  }
}
