/**
 * The compact form of a set of blocks (protocol/SPEC.md, "Sets of blocks"): the counts of the run-length
 * form, each as unsigned LEB128, in base64. protocol/vectors/blocks.json has what it must give.
 */
import { ProtocolError } from '../base/errors.js';

/** From so many counts on a set travels in the compact form, where the receiver takes it. */
export const COMPACT_FROM = 64;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
/** A count has at most so many bytes: 53 bits of 7 each. */
const LONGEST_COUNT = 8;

/** @param counts integers from 0 to 2^53 − 1. */
export function encodeCompact(counts: readonly number[]): string {
  const bytes = Buffer.allocUnsafe(counts.length * LONGEST_COUNT);
  let length = 0;
  for (const count of counts) {
    let rest = count;
    while (rest >= 0x80) {
      bytes[length++] = (rest % 0x80) + 0x80;
      rest = Math.floor(rest / 0x80);
    }
    bytes[length++] = rest;
  }
  return bytes.toString('base64', 0, length);
}

/**
 * The counts; whether they are those of a set is for the reader of the run-length form to say.
 * @param maxLength most counts.
 * @throws ProtocolError when it is not such a form, or longer.
 */
export function decodeCompact(text: string, maxLength: number): number[] {
  if (text.length % 4 !== 0 || !BASE64.test(text)) throw offence('it is not base64');
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw offence('it has bits after its end');
  const counts: number[] = [];
  for (let place = 0; place < bytes.length;) {
    if (counts.length === maxLength) throw offence(`it has more than ${maxLength} counts`);
    const { count, length } = readCount(bytes, place);
    counts.push(count);
    place += length;
  }
  return counts;
}

function readCount(
  bytes: Uint8Array,
  start: number,
): { readonly count: number; readonly length: number } {
  let count = 0;
  let scale = 1;
  for (let length = 1; length <= LONGEST_COUNT; length++) {
    const byte = bytes[start + length - 1];
    if (byte === undefined) throw offence('it ends within a count');
    count += (byte % 0x80) * scale;
    scale *= 0x80;
    if (byte >= 0x80) continue;
    if (byte === 0 && length > 1) throw offence('a count has a needless last byte');
    if (!Number.isSafeInteger(count)) break;
    return { count, length };
  }
  throw offence('a count has more than 53 bits');
}

function offence(what: string): ProtocolError {
  return new ProtocolError(`The compact form of a block set is wrong: ${what}.`);
}
