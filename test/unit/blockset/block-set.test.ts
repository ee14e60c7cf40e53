/** Block sets against a plain Set of numbers, and their edges one by one. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LimitError, UsageError } from '../../../src/base/errors.js';
import {
  BlockSet,
  BlockSetBuilder,
  MAX_BLOCKS,
  blockGeometry,
} from '../../../src/engine/blockset/index.js';

const CHUNK = 65_536;
type Run = readonly [start: number, count: number];

/** Runs that give chunks of every form: single blocks, long runs, whole chunks, combs. */
const start = fc.oneof(
  fc.integer({ min: 0, max: 3 * CHUNK }),
  fc.integer({ min: -40, max: 40 }).map((near) => CHUNK + near),
  fc.integer({ min: 0, max: 100 }),
);
const run: fc.Arbitrary<Run> = fc.tuple(
  start,
  fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 1, max: 40 }) },
    { weight: 1, arbitrary: fc.integer({ min: CHUNK - 40, max: CHUNK + 40 }) },
  ),
);
const comb = fc
  .tuple(start, fc.integer({ min: 2, max: 40 }), fc.integer({ min: 1, max: 600 }))
  .map(([first, step, count]) =>
    Array.from({ length: count }, (_, index): Run => [first + index * step, 1]),
  );
const runs = fc
  .array(
    fc.oneof({ weight: 3, arbitrary: run.map((one) => [one]) }, { weight: 1, arbitrary: comb }),
    {
      maxLength: 5,
    },
  )
  .map((lists) => lists.flat());

function setOf(list: readonly Run[]): BlockSet {
  const builder = new BlockSetBuilder();
  for (const [from, count] of list) builder.add(from, count);
  return builder.build();
}

function modelOf(list: readonly Run[]): Set<number> {
  const model = new Set<number>();
  for (const [from, count] of list) for (let i = 0; i < count; i++) model.add(from + i);
  return model;
}

function sorted(model: Iterable<number>): number[] {
  return [...model].sort((a, b) => a - b);
}

/** Fails when the set is not the model; also that its form is the one that equality relies on. */
function expectSame(set: BlockSet, model: Set<number>): void {
  const blocks = sorted(model);
  expect(set.count).toBe(blocks.length);
  expect(set.isEmpty).toBe(blocks.length === 0);
  expect(set.first).toBe(blocks[0]);
  expect(set.last).toBe(blocks.at(-1));
  const actual = set.toArray();
  expect(actual.length === blocks.length && actual.every((b, i) => b === blocks[i])).toBe(true);
  expect(set.equals(setOf(runsOf(set)))).toBe(true);
}

function runsOf(set: BlockSet): Run[] {
  const list: Run[] = [];
  set.runs((from, count) => list.push([from, count]));
  return list;
}

const settings = { numRuns: 20 };

describe('block sets behave as sets of numbers', { timeout: 60_000 }, () => {
  it('union, difference, intersection, and what they share', () => {
    fc.assert(
      fc.property(runs, runs, (left, right) => {
        const [a, b] = [setOf(left), setOf(right)];
        const [m, n] = [modelOf(left), modelOf(right)];
        expectSame(a, m);
        expectSame(a.union(b), new Set([...m, ...n]));
        expectSame(a.difference(b), new Set([...m].filter((block) => !n.has(block))));
        const common = new Set([...m].filter((block) => n.has(block)));
        expectSame(a.intersection(b), common);
        expect(a.intersects(b)).toBe(common.size > 0);
        expectSame(a, m);
        expectSame(b, n);
      }),
      settings,
    );
  });

  it('equality and membership', () => {
    fc.assert(
      fc.property(runs, runs, fc.integer({ min: 0, max: 4 * CHUNK }), (left, right, block) => {
        const [a, b] = [setOf(left), setOf(right)];
        const [m, n] = [modelOf(left), modelOf(right)];
        expect(a.equals(b)).toBe(m.size === n.size && [...m].every((each) => n.has(each)));
        expect(a.has(block)).toBe(m.has(block));
        for (const [from] of left) expect(a.has(from)).toBe(true);
        expect(a.union(b).difference(b).union(a.intersection(b)).equals(a)).toBe(true);
      }),
      settings,
    );
  });

  it('building in place: runs put in and taken out, from a set that stays as it is', () => {
    const steps = fc.array(fc.tuple(fc.boolean(), run), { maxLength: 12 });
    fc.assert(
      fc.property(runs, steps, (list, changes) => {
        const before = setOf(list);
        const model = modelOf(list);
        const builder = new BlockSetBuilder(before);
        for (const [put, [from, count]] of changes) {
          if (put) builder.add(from, count);
          else builder.remove(from, count);
          for (let i = 0; i < count; i++) {
            if (put) model.add(from + i);
            else model.delete(from + i);
          }
        }
        const built = builder.build();
        expectSame(built, model);
        builder.remove(0, 8 * CHUNK);
        expect(builder.build().isEmpty).toBe(true);
        expectSame(built, model);
        expectSame(before, modelOf(list));
      }),
      settings,
    );
  });

  it('runs are maximal, ascending and complete', () => {
    fc.assert(
      fc.property(runs, (list) => {
        let end = -1;
        let total = 0;
        const set = setOf(list);
        set.runs((from, count) => {
          expect(from > end && count > 0).toBe(true);
          end = from + count;
          total += count;
        });
        expect(total).toBe(set.count);
      }),
      settings,
    );
  });

  it('the first blocks from a place on, and the complement of a range', () => {
    const number = fc.integer({ min: 0, max: 2 * CHUNK });
    fc.assert(
      fc.property(runs, number, number, (list, count, from) => {
        const set = setOf(list);
        const blocks = sorted(modelOf(list));
        expectSame(set.take(count), new Set(blocks.slice(0, count)));
        const later = blocks.filter((block) => block >= from);
        expectSame(set.take(count, from), new Set(later.slice(0, count)));
        const outside = set.complement(from, count);
        expect(outside.count).toBe(count - set.intersection(BlockSet.range(from, count)).count);
        expect(outside.intersects(set)).toBe(false);
      }),
      settings,
    );
  });

  it('the first blocks outside of another set', () => {
    const number = fc.integer({ min: 0, max: 2 * CHUNK });
    fc.assert(
      fc.property(runs, runs, number, (list, others, count) => {
        const excluded = modelOf(others);
        const outside = sorted(modelOf(list)).filter((block) => !excluded.has(block));
        const taken = setOf(list).takeOutside(setOf(others), count);
        expectSame(taken, new Set(outside.slice(0, count)));
      }),
      settings,
    );
  });

  it('groups made whole where enough of them is there', () => {
    const size = fc.integer({ min: 5, max: 16 }).map((power) => 2 ** power);
    fc.assert(
      fc.property(runs, size, fc.integer({ min: 1, max: 64 }), (list, group, least) => {
        const model = modelOf(list);
        const counts = new Map<number, number>();
        for (const block of model) {
          const index = Math.floor(block / group);
          counts.set(index, (counts.get(index) ?? 0) + 1);
        }
        const whole = [...counts].filter(([, count]) => count >= least);
        const expected = setOf(list).union(
          setOf(whole.map(([index]) => [index * group, group] as const)),
        );
        expect(setOf(list).withGroups(group, least).equals(expected)).toBe(true);
      }),
      settings,
    );
  });

  it('to bytes and back, with a partial last block', () => {
    const size = fc.integer({ min: 1, max: 4 * CHUNK * 512 });
    fc.assert(
      fc.property(runs, size, (list, bytes) => {
        const geometry = blockGeometry(512, bytes);
        const set = setOf(list).intersection(BlockSet.range(0, Math.ceil(bytes / 512)));
        const builder = new BlockSetBuilder();
        const put = builder.extentVisitor(geometry);
        let total = 0;
        set.extents(geometry, (offset, length) => {
          put(offset, length);
          total += length;
        });
        expect(builder.build().equals(set)).toBe(true);
        expect(set.bytes(geometry)).toBe(total);
      }),
      settings,
    );
  });

  it('the union of many sets', () => {
    fc.assert(
      fc.property(fc.array(runs, { maxLength: 5 }), (lists) => {
        expectSame(BlockSet.unionOf(lists.map(setOf)), modelOf(lists.flat()));
      }),
      settings,
    );
  });
});

describe('edges of block sets', () => {
  it('the empty set has no first block, no runs and no bytes', () => {
    expect(BlockSet.of()).toBe(BlockSet.empty);
    expect(BlockSet.empty.first).toBeUndefined();
    expect(BlockSet.empty.last).toBeUndefined();
    expect(runsOf(BlockSet.empty)).toEqual([]);
    expect(BlockSet.empty.bytes(blockGeometry(512, 0))).toBe(0);
    expect(BlockSet.range(7, 0).isEmpty).toBe(true);
  });

  it('a run across chunks is one run', () => {
    expect(runsOf(BlockSet.range(CHUNK - 1, CHUNK + 2))).toEqual([[CHUNK - 1, CHUNK + 2]]);
  });

  it('is not any of what is no block', () => {
    const all = BlockSet.range(0, 100);
    for (const block of [-1, 0.5, NaN, Infinity, 100]) expect(all.has(block)).toBe(false);
  });

  it('an operation that changes nothing gives the very set', () => {
    const set = BlockSet.of(1, 70_000, 140_000);
    expect(set.union(BlockSet.of(70_000))).toBe(set);
    expect(set.difference(BlockSet.of(2))).toBe(set);
    expect(set.intersection(BlockSet.range(0, 200_000))).toBe(set);
  });

  it('holds the highest block that it can', () => {
    const set = BlockSet.range(MAX_BLOCKS - 1, 1);
    expect([set.first, set.last, set.count]).toEqual([MAX_BLOCKS - 1, MAX_BLOCKS - 1, 1]);
  });

  it('the bytes of a partial last block', () => {
    const geometry = blockGeometry(65_536, 65_536 * 2 + 100);
    const extents: Run[] = [];
    BlockSet.of(0, 2).extents(geometry, (offset, length) => extents.push([offset, length]));
    expect(extents).toEqual([
      [0, 65_536],
      [131_072, 100],
    ]);
    expect(BlockSet.of(0, 2).bytes(geometry)).toBe(65_636);
  });

  it('an extent marks every block that it touches', () => {
    const builder = new BlockSetBuilder();
    builder.extentVisitor(blockGeometry(65_536, 2 ** 30))(65_535, 2);
    expect(builder.build().toArray()).toEqual([0, 1]);
  });
});

describe('misuse of block sets', () => {
  const cases: [string, () => unknown, typeof UsageError | typeof LimitError, string][] = [
    ['a negative start', () => BlockSet.range(-1, 1), UsageError, '-1 cannot be used as a block'],
    ['half a block', () => BlockSet.range(0, 0.5), UsageError, '0.5 cannot be used as a count'],
    [
      'past the last block',
      () => BlockSet.range(MAX_BLOCKS, 1),
      LimitError,
      'A set of blocks cannot',
    ],
    ['taking fewer than none', () => BlockSet.empty.take(-1), UsageError, '-1 cannot be used'],
    ['building from no number', () => new BlockSetBuilder().add(NaN, 1), UsageError, 'NaN cannot'],
    [
      'bytes past the end of the disk',
      () => BlockSet.of(2).bytes(blockGeometry(512, 1024)),
      UsageError,
      'Block 2 is past the end of a disk of 1024 bytes',
    ],
    [
      'an extent past the end of the disk',
      () => new BlockSetBuilder().extentVisitor(blockGeometry(512, 1024))(1000, 25),
      UsageError,
      'The extent of 25 bytes at 1000 is not within',
    ],
    ['groups of no fit size', () => BlockSet.empty.withGroups(48, 1), UsageError, 'Groups of 48'],
    ['an odd granularity', () => blockGeometry(1000, 1), UsageError, 'A granularity of 1000 bytes'],
    ['a negative disk', () => blockGeometry(512, -1), UsageError, 'A disk of -1 bytes cannot'],
  ];
  it.each(cases)('%s', (_, misuse, type, message) => {
    expect(misuse).toThrow(type);
    expect(misuse).toThrow(message);
  });
});
