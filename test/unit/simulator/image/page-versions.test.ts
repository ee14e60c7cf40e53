/** Numbers of pages in chunks against a plain array. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHUNK_PAGES, PageVersions } from '../../../../src/simulator/image/page-versions.js';

const PAGES = CHUNK_PAGES * 2 + 100;

const fills = fc.array(
  fc.record({
    first: fc.nat(PAGES - 1),
    count: fc.oneof(fc.constant(1), fc.nat(40), fc.nat(PAGES)),
    value: fc.nat(3),
    /** Many of them, so far apart: chunks go from few numbers to many. */
    repeats: fc.oneof(fc.constant(1), fc.nat(600)),
    apart: fc.integer({ min: 1, max: 9 }),
  }),
  { maxLength: 8 },
);

describe('numbers of pages', () => {
  it('are those of a plain array, whatever was filled', () => {
    fc.assert(
      fc.property(fills, fc.nat(PAGES), fc.nat(PAGES), (all, from, to) => {
        const versions = new PageVersions(PAGES);
        const plain = new Uint32Array(PAGES);
        for (const { first, count, value, repeats, apart } of all)
          for (let turn = 0; turn < repeats; turn++) {
            const start = (first + turn * apart * 7) % PAGES;
            const length = Math.min(repeats > 1 ? 1 : count, PAGES - start);
            versions.fill(start, length, value);
            plain.fill(value, start, start + length);
          }
        const [start, end] = [Math.min(from, to), Math.max(from, to)];
        const seen: number[] = [];
        let before = -1;
        versions.visit(start, end - start, (first, count, value) => {
          expect(first).toBe(start + seen.length);
          expect(value).not.toBe(before);
          before = value;
          for (let page = 0; page < count; page++) seen.push(value);
          return true;
        });
        expect(seen).toEqual([...plain.subarray(start, end)]);
        for (let page = 0; page < PAGES; page += 61) expect(versions.get(page)).toBe(plain[page]);
        const expanded = new Uint32Array(CHUNK_PAGES);
        versions.expand(1, expanded);
        expect([...expanded]).toEqual([...plain.subarray(CHUNK_PAGES, 2 * CHUNK_PAGES)]);
      }),
      { numRuns: 60 },
    );
  });

  it('collapse to one number where all pages have it', () => {
    const versions = new PageVersions(PAGES);
    for (let page = CHUNK_PAGES; page < 2 * CHUNK_PAGES; page++) versions.fill(page, 1, 7);
    expect(versions.uniform(1)).toBe(7);
    versions.fill(CHUNK_PAGES + 5, 1, 8);
    expect(versions.uniform(1)).toBeUndefined();
    versions.fill(CHUNK_PAGES + 5, 1, 7);
    expect(versions.uniform(1)).toBe(7);
  });
});
