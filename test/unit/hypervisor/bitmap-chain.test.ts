/** The dirty bitmaps with which another process was tracking: whether nothing is missing from them. */
import { describe, expect, it } from 'vitest';
import { bitmapsOf, chain, trackedSince } from '../../../src/hypervisor/qemu/bitmap-chain.js';
import type { BlockDirtyInfo } from '../../../src/hypervisor/qemu/schema.js';

const disk = { name: 'disk0' };
const options = { run: 'r1', after: 4, granularity: 65_536 };

function bitmap(number: number, changes: Partial<BlockDirtyInfo> = {}): BlockDirtyInfo {
  return {
    name: `migrascope-r1-dirty-${number}`,
    count: 0,
    granularity: 65_536,
    recording: false,
    busy: false,
    persistent: false,
    ...changes,
  };
}

const recording = { recording: true };
const numbers = (found: readonly { readonly number: number }[]) => found.map((each) => each.number);

describe('the bitmaps of a run', () => {
  it('are those of its name, the oldest first', () => {
    const others = [
      { ...bitmap(3), name: 'migrascope-r12-dirty-3' },
      { ...bitmap(1), name: 'x' },
    ];
    const found = bitmapsOf('r1', [bitmap(10), ...others, bitmap(9)]);
    expect(numbers(found)).toEqual([9, 10]);
  });

  it('are known up to a flip, closed, and recording', () => {
    const found = bitmapsOf('r1', [bitmap(4), bitmap(5), bitmap(6, recording)]);
    const { spent, unread, recording: newest } = chain(disk, found, options);
    expect([numbers(spent), numbers(unread), newest.number]).toEqual([[4], [5], 6]);
  });

  it.each<[string, readonly BlockDirtyInfo[]]>([
    ['its dirty bitmaps are not there', []],
    ['its dirty bitmaps are not there', [bitmap(4, recording)]],
    ['dirty bitmap 5 is not there, and migrascope-r1-dirty-6 is', [bitmap(6, recording)]],
    ['dirty bitmap 6 is not there', [bitmap(5), bitmap(7, recording)]],
    ['migrascope-r1-dirty-5 does not record', [bitmap(5)]],
    ['migrascope-r1-dirty-5 is in use', [bitmap(5, { busy: true }), bitmap(6, recording)]],
    [
      'migrascope-r1-dirty-5 is in use, or of another',
      [bitmap(5, { ...recording, granularity: 512 })],
    ],
  ])('are refused: %s', (why, bitmaps) => {
    const start = `The tracking of disk0 by run r1 can't be gone on with: ${why}`;
    expect(() => chain(disk, bitmapsOf('r1', bitmaps), options)).toThrow(
      expect.objectContaining({
        kind: 'hypervisor',
        message: expect.stringContaining(start) as string,
      }),
    );
  });

  it('tell among leftovers whether they are whole', () => {
    const left = (...found: number[]) =>
      found.map((number) => ({ kind: 'bitmap', name: bitmap(number).name!, run: 'r1' }) as const);
    expect(trackedSince(4, 'r1', left(4, 6, 5))).toBe(true);
    expect(trackedSince(4, 'r1', left(6))).toBe(false);
    expect(trackedSince(4, 'r1', left(4))).toBe(false);
    expect(trackedSince(4, 'r2', left(5))).toBe(false);
  });
});
