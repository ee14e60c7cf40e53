/**
 * Lines of extents, written digit by digit: a report has hundreds of thousands of numbers, most of
 * which are too large for the short way from a number to its text.
 */
import { LINE_LIMIT } from './lines.js';
import type { RequestId } from './requests.js';

/** The longest extent, with what goes around it: six numbers of 16 digits. */
const EXTENT_ROOM = 128;
const END = Buffer.from(']}\n');

const COMMA = 0x2c;
const QUOTE = 0x22;
const MINUS = 0x2d;
const ZERO = 0x30;
const [OPEN, CLOSE] = [0x5b, 0x5d];
const BILLION = 1_000_000_000;
const BILLION_DIGITS = 9;

/** What a line tells of an extent; -1 stands for what is not known. */
export interface ToldExtent {
  readonly offset: number;
  readonly length: number;
  /** ASCII codes of the letters of its state and its class. */
  readonly state: number;
  readonly class: number;
  readonly file: number;
  readonly fileOffset: number;
  readonly ageMs: number;
}

export class ExtentLines {
  readonly #start: Buffer;
  #line = Buffer.alloc(0);
  #at = 0;

  /** @param id of the request that is answered. */
  constructor(id: RequestId) {
    this.#start = Buffer.from(`{"id":${JSON.stringify(id)},"extents":[`);
  }

  /** Adds an extent. @returns a line when the extent did not fit it any more. */
  add(extent: ToldExtent): Buffer | undefined {
    const full = this.#at + EXTENT_ROOM + END.length > this.#line.length ? this.take() : undefined;
    if (this.#at === 0) this.#begin();
    else this.#line[this.#at++] = COMMA;
    this.#put(extent);
    return full;
  }

  /** The last line; undefined where there is none. */
  take(): Buffer | undefined {
    if (this.#at === 0) return undefined;
    this.#at += END.copy(this.#line, this.#at);
    const line = this.#line.subarray(0, this.#at);
    this.#at = 0;
    return line;
  }

  #begin(): void {
    this.#line = Buffer.allocUnsafe(LINE_LIMIT);
    this.#at = this.#start.copy(this.#line);
  }

  #put(extent: ToldExtent): void {
    const { file, fileOffset, ageMs } = extent;
    this.#line[this.#at++] = OPEN;
    this.#number(extent.offset);
    this.#line[this.#at++] = COMMA;
    this.#number(extent.length);
    this.#line[this.#at++] = COMMA;
    this.#line[this.#at++] = QUOTE;
    this.#line[this.#at++] = extent.state;
    this.#line[this.#at++] = extent.class;
    this.#line[this.#at++] = QUOTE;
    if (file >= 0 || ageMs >= 0) {
      this.#known(file);
      this.#known(fileOffset);
    }
    if (ageMs >= 0) this.#known(ageMs);
    this.#line[this.#at++] = CLOSE;
  }

  #known(value: number): void {
    this.#line[this.#at++] = COMMA;
    if (value < 0) this.#line[this.#at++] = MINUS;
    this.#number(Math.abs(value));
  }

  /** A whole number from 0 to 2^53 - 1. */
  #number(value: number): void {
    if (value < BILLION) {
      this.#digits(value, digitsOf(value));
      return;
    }
    const billions = Math.floor(value / BILLION);
    this.#digits(billions, digitsOf(billions));
    this.#digits(value - billions * BILLION, BILLION_DIGITS);
  }

  #digits(value: number, count: number): void {
    let left = value | 0;
    for (let at = this.#at + count - 1; at >= this.#at; at--) {
      const rest = (left / 10) | 0;
      this.#line[at] = ZERO + left - rest * 10;
      left = rest;
    }
    this.#at += count;
  }
}

/** Of a number below a billion. */
function digitsOf(value: number): number {
  let count = 1;
  for (let power = 10; count < BILLION_DIGITS && value >= power; power *= 10) count++;
  return count;
}
