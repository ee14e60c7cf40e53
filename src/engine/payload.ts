/** What is in the bytes that came off a connection: zeroes or data, equal or not. Copies nothing. */
import type { Payload } from '../nbd/types.js';

/** A part of a payload that is written with one request; without `data` it is all zeroes. */
export interface Segment {
  /** From the payload's first byte. */
  readonly offset: number;
  readonly length: number;
  readonly data?: readonly Uint8Array[];
}

const ZEROES = new Uint8Array(64 * 1024);

/** Whether all bytes are zero; looks no further than the first that is not. */
export function isZero(bytes: Uint8Array): boolean {
  if (bytes[0] !== 0 || bytes[bytes.length >> 1] !== 0) return bytes.length === 0;
  for (let at = 0; at < bytes.length; at += ZEROES.length) {
    const part = bytes.subarray(at, at + ZEROES.length);
    if (Buffer.compare(part, ZEROES.subarray(0, part.length)) !== 0) return false;
  }
  return true;
}

/** A payload cut at block boundaries: for each block the pieces in it, holes as zeroes. */
function* blocksOf(
  payload: Payload,
  granularity: number,
): Generator<{ length: number; data: Uint8Array[] }> {
  let block = { length: 0, data: [] as Uint8Array[] };
  for (const piece of payload.pieces) {
    const length = piece.hole ? piece.length : piece.data.length;
    for (let at = 0; at < length;) {
      const part = Math.min(length - at, granularity - block.length);
      if (piece.hole) block.data.push(...zeroPieces(part));
      else block.data.push(piece.data.subarray(at, at + part));
      block.length += part;
      at += part;
      if (block.length === granularity) {
        yield block;
        block = { length: 0, data: [] };
      }
    }
  }
  if (block.length > 0) yield block;
}

function* zeroPieces(length: number): Generator<Uint8Array> {
  for (let at = 0; at < length; at += ZEROES.length) {
    yield ZEROES.subarray(0, Math.min(ZEROES.length, length - at));
  }
}

/** The payload in as few segments as there are changes between all-zero blocks and others. */
export function segmentsOf(payload: Payload, granularity: number): Segment[] {
  const segments: { offset: number; length: number; data?: Uint8Array[] }[] = [];
  let offset = 0;
  for (const block of blocksOf(payload, granularity)) {
    const zero = block.data.every(isZero);
    const last = segments.at(-1);
    if (last && (last.data === undefined) === zero) {
      last.length += block.length;
      last.data?.push(...block.data);
    } else segments.push({ offset, length: block.length, ...(zero ? {} : { data: block.data }) });
    offset += block.length;
  }
  return segments;
}

/** Calls `visit` with the number of each block, from the payloads' first, that differs between them. */
export function differingBlocks(
  a: Payload,
  b: Payload,
  granularity: number,
  visit: (block: number) => void,
): void {
  const others = blocksOf(b, granularity);
  let number = 0;
  for (const block of blocksOf(a, granularity)) {
    const other = others.next();
    if (other.done || !sameBytes(block.data, other.value.data)) visit(number);
    number++;
  }
}

function sameBytes(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  let [i, j, inA, inB] = [0, 0, 0, 0];
  while (i < a.length && j < b.length) {
    const length = Math.min(a[i]!.length - inA, b[j]!.length - inB);
    if (Buffer.compare(a[i]!.subarray(inA, inA + length), b[j]!.subarray(inB, inB + length)) !== 0)
      return false;
    inA += length;
    inB += length;
    if (inA === a[i]!.length) [i, inA] = [i + 1, 0];
    if (inB === b[j]!.length) [j, inB] = [j + 1, 0];
  }
  return i === a.length && j === b.length;
}
