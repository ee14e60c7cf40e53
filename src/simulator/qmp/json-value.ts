/** JSON values of QMP, made of tokens and written as text, with QEMU's words for what is wrong. */
import { refusal } from './refusal.js';
import type { TokenType } from './json-lexer.js';

/** Integers that a number can't hold are bigint, so that ids come back as they were. */
export type JsonValue =
  string | number | bigint | boolean | null | readonly JsonValue[] | JsonObject;

export interface JsonObject {
  readonly [name: string]: JsonValue;
}

export interface Token {
  readonly type: TokenType;
  /** A string's without its quotes, escapes and all; undefined where it is not UTF-8. */
  readonly text: string | undefined;
}

const fault = (what: string) => refusal(`JSON parse error, ${what}`);

/** @throws QmpCommandError in QEMU's words when the tokens are no value. */
export function parseTokens(tokens: readonly Token[]): JsonValue {
  return new Parser(tokens).value();
}

class Parser {
  #next = 0;

  constructor(private readonly tokens: readonly Token[]) {}

  value(): JsonValue {
    const token = this.#pop();
    switch (token.type) {
      case '{':
        return this.#object();
      case '[':
        return this.#array();
      case 'string':
        return parseString(token.text);
      case 'integer':
        return parseInteger(token.text!);
      case 'float':
        return Number(token.text);
      case 'keyword':
        return parseKeyword(token.text!);
      default:
        throw fault('expecting value');
    }
  }

  #pop(): Token {
    const token = this.tokens[this.#next++];
    if (!token) throw fault('premature EOI');
    return token;
  }

  #array(): JsonValue[] {
    const values: JsonValue[] = [];
    if (this.#at(']')) return values;
    for (;;) {
      values.push(this.value());
      const { type } = this.#pop();
      if (type === ']') return values;
      if (type !== ',') throw fault('expected separator in list');
    }
  }

  #object(): JsonObject {
    const members = new Map<string, JsonValue>();
    if (this.#at('}')) return {};
    for (;;) {
      const name = this.value();
      if (typeof name !== 'string') throw fault('key is not a string in object');
      if (this.#pop().type !== ':') throw fault('missing : in object pair');
      const value = this.value();
      if (members.has(name)) throw fault('duplicate key');
      members.set(name, value);
      const { type } = this.#pop();
      if (type === '}') return Object.fromEntries(members);
      if (type !== ',') throw fault('expected separator in dict');
    }
  }

  #at(type: TokenType): boolean {
    const found = this.tokens[this.#next]?.type === type;
    if (found) this.#next += 1;
    return found;
  }
}

function parseKeyword(text: string): boolean | null {
  if (text === 'true') return true;
  if (text === 'false') return false;
  if (text === 'null') return null;
  throw fault(`invalid keyword '${text}'`);
}

/** What fits neither int64 nor uint64 is a floating-point number, as in QEMU. */
function parseInteger(text: string): number | bigint {
  const number = Number(text);
  if (Number.isSafeInteger(number)) return number;
  if (text.length > 20) return number;
  const exact = BigInt(text);
  return exact < -(2n ** 63n) || exact >= 2n ** 64n ? number : exact;
}

const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

function parseString(text: string | undefined): string {
  if (text === undefined) throw fault('invalid UTF-8 sequence in string');
  if (!text.includes('\\')) return text;
  return text.replaceAll(
    /\\(?:u([\s\S]{0,4})(?:(?<=u[dD][89abAB][\s\S]{2})\\u([\s\S]{0,4}))?|([\s\S]))/g,
    (all: string, unit: string | undefined, second: string | undefined, char: string) => {
      if (unit !== undefined) return unicode(all, unit, second);
      const plain = Object.hasOwn(escapes, char) ? escapes[char] : undefined;
      if (plain === undefined) throw fault('invalid escape sequence in string');
      return plain;
    },
  );
}

function unicode(all: string, unit: string, second: string | undefined): string {
  const units = second === undefined ? [unit] : [unit, second];
  const hex = units.every((each) => /^[0-9a-fA-F]{4}$/.test(each));
  const text = String.fromCharCode(...units.map((each) => parseInt(each, 16)));
  const code = text.codePointAt(0)!;
  const whole = code > 0xffff === (second !== undefined);
  if (hex && whole && isCharacter(code)) return text;
  throw fault(`${all} is not a valid Unicode character`);
}

function isCharacter(code: number): boolean {
  const surrogate = code >= 0xd800 && code <= 0xdfff;
  const reserved = (code >= 0xfdd0 && code <= 0xfdef) || (code & 0xfffe) === 0xfffe;
  return !surrogate && !reserved;
}

/** As text without line ends. */
export function formatJson(value: JsonValue): string {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number') return formatNumber(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (isArray(value)) return `[${value.map(formatJson).join(', ')}]`;
  const members = Object.entries(value).map(
    ([name, member]) => `${JSON.stringify(name)}: ${formatJson(member)}`,
  );
  return `{${members.join(', ')}}`;
}

/** JSON has no infinity; QEMU writes what strtod made of too large a number as `inf`, which no client reads. */
function formatNumber(value: number): string {
  if (Number.isFinite(value)) return JSON.stringify(value);
  return value > 0 ? '1e999' : '-1e999';
}

/** `Array.isArray` that knows readonly arrays. */
export function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** Whether it is an object, and not null or an array. */
export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
