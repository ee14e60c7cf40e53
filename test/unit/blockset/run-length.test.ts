/** The run-length form of block sets: there and back, and everything that is refused. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/base/errors.js';
import { BlockSet, decodeRuns, encodeRuns } from '../../../src/engine/blockset/index.js';

describe('the run-length form', () => {
  it('gives the set back', () => {
    const blocks = fc.array(fc.integer({ min: 0, max: 200_000 }), { maxLength: 300 });
    fc.assert(
      fc.property(blocks, fc.integer({ min: 0, max: 70_000 }), (list, whole) => {
        const set = BlockSet.of(...list).union(BlockSet.range(1000, whole));
        const numbers: unknown = JSON.parse(JSON.stringify(encodeRuns(set)));
        expect(decodeRuns(numbers, { blocks: 200_001 }).equals(set)).toBe(true);
      }),
    );
  });

  it('is what it says', () => {
    expect(encodeRuns(BlockSet.empty)).toEqual([]);
    expect(encodeRuns(BlockSet.of(0, 1, 5))).toEqual([0, 2, 3, 1]);
    expect(encodeRuns(BlockSet.range(3, 2))).toEqual([3, 2]);
    expect(decodeRuns([0, 2, 3, 1], { blocks: 6 }).toArray()).toEqual([0, 1, 5]);
  });

  it('never fails but with ProtocolError, whatever JSON holds', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        try {
          decodeRuns(value, { blocks: 1000 });
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
    );
  });

  const refused: [string, unknown, string][] = [
    ['no list', { 0: 1 }, 'it is not a list'],
    ['a skip at the end', [1, 1, 1], 'it ends with a skip'],
    ['taking nothing', [5, 0], 'number 1 is 0'],
    ['a run cut in two', [0, 1, 0, 1], 'number 2 is 0'],
    ['a negative number', [0, 1, -1, 1], 'number 2 is -1, not an integer'],
    ['a fraction', [0.5, 1], 'number 0 is 0.5, not an integer'],
    ['an unsafe integer', [0, 2 ** 53], 'number 1 is 9007199254740992, not an integer'],
    ['a string', ['0', 1], 'number 0 is "0", not an integer'],
    ['null', [null, 1], 'number 0 is null, not an integer'],
    ['a block past the disk', [9, 2], "number 1 leads past the disk's 10 blocks"],
    ['a skip past the disk', [11, 1], "number 0 leads past the disk's 10 blocks"],
    ['too many numbers', [0, 1, 1, 1, 1, 1], 'it has 6 numbers, and 4 is the limit'],
  ];
  it.each(refused)('refuses %s', (_, value, message) => {
    const decode = () => decodeRuns(value, { blocks: 10, maxLength: 4 });
    expect(decode).toThrow(ProtocolError);
    expect(decode).toThrow(`The run-length form of a block set is wrong: ${message}`);
  });

  it('refuses a number that is a list so deep that it can not be written', () => {
    let deep: unknown = 1;
    for (let depth = 0; depth < 100_000; depth++) deep = [deep];
    const decode = () => decodeRuns([deep, 1], { blocks: 10 });
    expect(decode).toThrow(ProtocolError);
    expect(decode).toThrow(/number 0 is a list, not an integer from 0 on/);
  });
});
