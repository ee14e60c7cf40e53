import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Pieces } from '../../../src/base/pieces.js';

describe('pieces', () => {
  it('are the bytes that were added, however they were cut', () => {
    const piece = fc.uint8Array({ maxLength: 50 });
    fc.assert(
      fc.property(fc.array(piece), fc.nat(100), (added, length) => {
        const pieces = new Pieces();
        for (const each of added) pieces.add(each);
        const whole = Buffer.concat(added);
        expect(pieces.length).toBe(whole.length);
        expect(pieces.beginning(length).equals(whole.subarray(0, length))).toBe(true);
        expect(pieces.take().equals(whole)).toBe(true);
        expect(pieces.length).toBe(0);
        expect(pieces.take().length).toBe(0);
      }),
    );
  });

  it('that are single bytes become few', () => {
    const pieces = new Pieces();
    for (let count = 0; count < 100_000; count++) pieces.add(Buffer.from([count % 256]));
    expect(pieces.count).toBeLessThan(100_000 / 4096 + 14);
    expect(pieces.take()[99_999]).toBe(99_999 % 256);
  });

  it('that are large are left as they are', () => {
    const pieces = new Pieces();
    const large = Buffer.alloc(8192);
    pieces.add(large);
    expect(pieces.take().buffer).toBe(large.buffer);
  });
});
