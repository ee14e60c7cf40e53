import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LineReader } from '../../../src/base/line-reader.js';

function read(chunks: readonly Uint8Array[], limit = 1000): string[] {
  const reader = new LineReader('peer', limit);
  return chunks.flatMap((chunk) => [...reader.push(chunk)]);
}

describe('LineReader', () => {
  test('gives the same lines however the bytes are cut', () => {
    const line = fc
      .string({ unit: 'grapheme', maxLength: 20 })
      .map((text) => text.replaceAll('\n', ''));
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat({ max: 7 })), (lines, cuts) => {
        const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''));
        const chunks: Uint8Array[] = [];
        let start = 0;
        for (let index = 0; start < bytes.length; index++) {
          const end = start + (cuts.length > 0 ? cuts[index % cuts.length]! : 0) + (index % 2);
          chunks.push(bytes.subarray(start, end));
          start = Math.max(end, start);
        }
        expect(read(chunks)).toEqual(lines);
      }),
    );
  });

  test('puts a character together that two chunks share', () => {
    const [first, second] = [Buffer.from([0xe2, 0x82]), Buffer.from([0xac, 0x0a])];
    expect(read([first, second])).toEqual(['€']);
  });

  test('takes a line of exactly the limit', () => {
    expect(read([Buffer.from('12345\n')], 5)).toEqual(['12345']);
  });

  test('refuses a line over the limit, before its end has come', () => {
    expect(() => read([Buffer.from('123'), Buffer.from('456')], 5)).toThrow(
      expect.objectContaining({
        kind: 'limit',
        message: 'A message of peer is longer than the limit of 5 bytes.',
      }),
    );
  });

  test('refuses what is not UTF-8', () => {
    expect(() => read([Buffer.from([0xff, 0x0a])])).toThrow(
      expect.objectContaining({ kind: 'protocol', message: 'A message of peer is not UTF-8.' }),
    );
  });
});
