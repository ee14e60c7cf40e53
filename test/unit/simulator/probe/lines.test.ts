/** How the simulated probe cuts lines and writes extents: the same in any pieces, exact to the last digit. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExtentLines } from '../../../../src/simulator/probe/extent-lines.js';
import { LINE_LIMIT, LineCutter, TOO_LONG } from '../../../../src/simulator/probe/lines.js';
import { joinExtents } from '../../../../src/simulator/probe/requests.js';

function cut(chunks: readonly string[]): (string | typeof TOO_LONG)[] {
  const cutter = new LineCutter();
  return chunks.flatMap((chunk) =>
    [...cutter.push(Buffer.from(chunk, 'latin1'))].map((line) =>
      line === TOO_LONG ? line : line.toString('latin1'),
    ),
  );
}

describe('cutting lines', () => {
  it('gives the same lines in any pieces', () => {
    const piece = fc.string({ unit: fc.constantFrom('a', 'b', '\n'), maxLength: 9 });
    const property = fc.property(fc.array(piece), (pieces) => {
      expect(cut(pieces)).toEqual(pieces.join('').split('\n').slice(0, -1));
    });
    fc.assert(property);
  });

  it('passes over what is too long, whatever its pieces', () => {
    const long = 'x'.repeat(LINE_LIMIT);
    const most = 'y'.repeat(LINE_LIMIT - 1);
    const text = `${long}\n${most}\n${long}${long}\nz\n`;
    const expected = [TOO_LONG, most, TOO_LONG, 'z'];
    expect(cut([text])).toEqual(expected);
    for (const size of [1000, 65_535, 65_536, 65_537, 70_000]) {
      const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
        text.slice(index * size, (index + 1) * size),
      );
      expect(cut(pieces)).toEqual(expected);
    }
  });

  it('tells of a line that is too long before it ends', () => {
    expect(cut(['x'.repeat(LINE_LIMIT)])).toEqual([TOO_LONG]);
  });
});

describe('lines of extents', () => {
  const number = fc.oneof(
    fc.nat(),
    fc.maxSafeNat(),
    fc.constantFrom(0, 9, 10, 1e9 - 1, 1e9, 1e9 + 1, 1e10, 2 ** 53 - 1),
  );
  const unknown = fc.oneof(number, fc.constant(-1));

  it('are what JSON.stringify would write', () => {
    const extent = fc.tuple(number, number, unknown, unknown, unknown);
    const property = fc.property(extent, ([offset, length, file, fileOffset, ageMs]) => {
      const lines = new ExtentLines('é');
      const [state, kind] = [0x44, 0x64];
      lines.add({ offset, length, state, class: kind, file, fileOffset, ageMs });
      const numbers = ageMs >= 0 ? [file, fileOffset, ageMs] : file >= 0 ? [file, fileOffset] : [];
      const expected = { id: 'é', extents: [[offset, length, 'Dd', ...numbers]] };
      expect(lines.take()!.toString()).toBe(`${JSON.stringify(expected)}\n`);
      expect(lines.take()).toBeUndefined();
    });
    fc.assert(property);
  });

  it('are full, and never too long', () => {
    const most = 2 ** 53 - 1;
    const lines = new ExtentLines('x'.repeat(64));
    const extent = { offset: most, length: most, state: 0x44, class: 0x64 };
    const full: Buffer[] = [];
    for (let count = 0; count < 2000; count++) {
      const line = lines.add({ ...extent, file: most, fileOffset: most, ageMs: most });
      if (line) full.push(line);
    }
    expect(full).toHaveLength(2);
    for (const line of full) {
      expect(line.length).toBeLessThanOrEqual(LINE_LIMIT);
      expect(line.length).toBeGreaterThan(LINE_LIMIT - 250);
    }
  });
});

describe('joining extents', () => {
  it('names each byte of the disk that was named, once, in ascending order', () => {
    const extent = fc.record({ offset: fc.nat(40), length: fc.integer({ min: 1, max: 12 }) });
    const property = fc.property(fc.array(extent, { maxLength: 12 }), (extents) => {
      const joined = joinExtents(extents, 32);
      const named = (list: typeof extents) =>
        list.flatMap(({ offset, length }) => Array.from({ length }, (_, index) => offset + index));
      const expected = [...new Set(named(extents))].filter((byte) => byte < 32);
      expect(named(joined)).toEqual(expected.sort((one, other) => one - other));
      for (const [index, { offset }] of joined.slice(1).entries())
        expect(offset).toBeGreaterThan(joined[index]!.offset + joined[index]!.length);
    });
    fc.assert(property);
  });
});
