/** What is in a payload: its segments put together again are its bytes, and blocks compare as bytes do. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { differingBlocks, isZero, segmentsOf } from '../../../src/engine/payload.js';
import type { Payload, PayloadPiece } from '../../../src/nbd/types.js';

const GRANULARITY = 64;

/** Bytes with long runs of zeroes, and a way in which they arrived. */
const arrivals = fc
  .array(
    fc.record({
      length: fc.integer({ min: 1, max: 150 }),
      kind: fc.constantFrom('hole' as const, 'zeroes' as const, 'data' as const, 'late' as const),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((parts) => parts.map(({ length, kind }): PayloadPiece => pieceOf(kind, length)));

function pieceOf(kind: 'hole' | 'zeroes' | 'data' | 'late', length: number): PayloadPiece {
  if (kind === 'hole') return { hole: true, length };
  const data = new Uint8Array(length);
  if (kind === 'data') data.fill(7);
  if (kind === 'late') data[length - 1] = 1;
  return { hole: false, data };
}

function payloadOf(pieces: readonly PayloadPiece[]): Payload {
  return { length: bytesOf(pieces).length, pieces, release: () => undefined };
}

function bytesOf(pieces: readonly PayloadPiece[]): Buffer {
  return Buffer.concat(
    pieces.map((piece) => (piece.hole ? new Uint8Array(piece.length) : piece.data)),
  );
}

/** The same bytes in pieces of other lengths. */
function cutAgain(bytes: Buffer, length: number): PayloadPiece[] {
  const pieces: PayloadPiece[] = [];
  for (let at = 0; at < bytes.length; at += length) {
    const data = bytes.subarray(at, at + length);
    const hole = at % 2 === 0 && data.every((byte) => byte === 0);
    pieces.push(hole ? { hole, length: data.length } : { hole: false, data });
  }
  return pieces;
}

describe('segments', () => {
  it('put together again are the payload', () => {
    fc.assert(
      fc.property(arrivals, (pieces) => {
        const segments = segmentsOf(payloadOf(pieces), GRANULARITY);
        const whole = segments.map(({ data, length }) =>
          data ? Buffer.concat(data) : Buffer.alloc(length),
        );
        expect(Buffer.concat(whole).equals(bytesOf(pieces))).toBe(true);
        expect(segments.map(({ length }) => length)).toEqual(whole.map(({ length }) => length));
      }),
    );
  });

  it('begin where the one before ends, and alternate between zeroes and data', () => {
    fc.assert(
      fc.property(arrivals, (pieces) => {
        const segments = segmentsOf(payloadOf(pieces), GRANULARITY);
        let end = 0;
        for (const [index, { offset, length, data }] of segments.entries()) {
          expect(offset).toBe(end);
          expect(offset % GRANULARITY).toBe(0);
          end += length;
          const before = segments[index - 1];
          if (before) expect(before.data === undefined).not.toBe(data === undefined);
        }
        expect(end).toBe(bytesOf(pieces).length);
      }),
    );
  });

  it('are zeroes exactly where whole blocks are', () => {
    fc.assert(
      fc.property(arrivals, (pieces) => {
        const bytes = bytesOf(pieces);
        for (const { offset, length, data } of segmentsOf(payloadOf(pieces), GRANULARITY)) {
          for (let at = offset; at < offset + length; at += GRANULARITY) {
            const block = bytes.subarray(at, Math.min(at + GRANULARITY, offset + length));
            expect(block.every((byte) => byte === 0)).toBe(data === undefined);
          }
        }
      }),
    );
  });

  it('copy nothing', () => {
    const data = new Uint8Array(200).fill(3);
    const [segment] = segmentsOf(payloadOf([{ hole: false, data }]), GRANULARITY);
    expect(segment?.data?.every((part) => part.buffer === data.buffer)).toBe(true);
  });
});

describe('zero detection', () => {
  it('sees a byte that is not zero wherever it is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200_000 }), fc.nat(), (length, seed) => {
        const bytes = new Uint8Array(length);
        expect(isZero(bytes)).toBe(true);
        if (length === 0) return;
        bytes[seed % length] = 1;
        expect(isZero(bytes)).toBe(false);
      }),
      { numRuns: 60 },
    );
  });
});

describe('comparing', () => {
  it('names the blocks in which bytes differ, whatever the pieces are', () => {
    fc.assert(
      fc.property(
        arrivals,
        fc.integer({ min: 1, max: 200 }),
        fc.array(fc.nat(), { maxLength: 5 }),
        (pieces, cut, spoiled) => {
          const bytes = bytesOf(pieces);
          const other = Buffer.from(bytes);
          const expected = new Set<number>();
          for (const at of spoiled) {
            const place = at % bytes.length;
            other[place] = bytes[place]! ^ 1;
            expected.add(Math.floor(place / GRANULARITY));
          }
          const found: number[] = [];
          const [a, b] = [payloadOf(pieces), payloadOf(cutAgain(other, cut))];
          differingBlocks(a, b, GRANULARITY, (block) => found.push(block));
          expect(found).toEqual([...expected].sort((x, y) => x - y));
        },
      ),
    );
  });

  it('takes what is missing for different', () => {
    const data = new Uint8Array(GRANULARITY * 2);
    const found: number[] = [];
    const short = payloadOf([{ hole: false, data: data.subarray(0, GRANULARITY + 3) }]);
    differingBlocks(payloadOf([{ hole: false, data }]), short, GRANULARITY, (block) =>
      found.push(block),
    );
    expect(found).toEqual([1]);
  });
});
