/** The arithmetic with which both labs are compared. */
import { describe, expect, it } from 'vitest';
import {
  blocksPerFlush,
  compareRuns,
  median,
  verdictOn,
  type Run,
} from '../../../bench/model-figures.js';

const MiB = 1024 ** 2;
const sightsOf = (...written: number[]) =>
  written.map((writtenBlocks, index) => ({
    atMs: (index + 1) * 2000,
    writtenBlocks,
    dirtyBytes: index * MiB,
  }));

function runOf(plainMiB: number, cacheMiB: number): Run {
  const of = (sentMiB: number) => ({
    sights: sightsOf(0, 16, 0, 16),
    moved: {
      ...{ sentBytes: sentMiB * MiB, resentBytes: 0, rounds: 2, totalMs: 1 },
      ...{ outcome: 'completed', course: [] },
    },
  });
  return { plain: of(plainMiB), history: of(plainMiB), cache: of(cacheMiB) };
}

describe('median', () => {
  it.each([
    [[3], 3],
    [[9, 1, 5], 5],
    [[4, 1, 3, 2], 2.5],
    [[], NaN],
  ])('of %j is %d', (values, expected) => {
    expect(median(values)).toBe(expected);
  });
});

describe('blocks per flush', () => {
  it('is what is written together with a block taken at random', () => {
    expect(blocksPerFlush(sightsOf(2, 0, 2, 96))).toBeCloseTo((4 + 4 + 96 ** 2) / 100);
    expect(blocksPerFlush(sightsOf(0, 0))).toBe(0);
  });
});

describe('a verdict', () => {
  it.each([
    [100, 120, 'agrees'],
    [100, 80, 'agrees'],
    [100, 121, 'apart'],
    [100, 79, 'apart'],
    [0.5, 2.4, 'small'],
    [0, 0, 'agrees'],
    [-1, 0.5, 'small'],
    [-10, 10, 'apart'],
  ] as const)('on %d and %d MiB is %s', (real, simulated, verdict) => {
    expect(verdictOn(real, simulated, 'MiB')).toBe(verdict);
  });
});

describe('the comparison', () => {
  const rows = compareRuns(
    [runOf(200, 100), runOf(220, 100), runOf(300, 100)],
    [runOf(242, 142), runOf(242, 142)],
  );
  const row = (name: string) => rows.find((each) => each.name === name);

  it('is of the medians, with the range of the runs', () => {
    expect(row('sent, plain')).toMatchObject({
      real: { median: 220, lowest: 200, highest: 300 },
      simulated: { median: 242, lowest: 242, highest: 242 },
      verdict: 'agrees',
    });
    expect(row('sent, plain')?.ratio).toBeCloseTo(1.1);
  });

  it('takes the gain of a policy from the same run under plain', () => {
    expect(row('gain of cache')).toMatchObject({
      real: { median: 120 },
      simulated: { median: 100 },
      verdict: 'agrees',
    });
    expect(row('gain of history')?.ratio).toBeNaN();
  });

  it('adds what was written up to a moment, and takes the mean of what waited', () => {
    expect(row('written by 8 s')?.real.median).toBe(2);
    expect(row('dirty until 8 s')?.real.median).toBe(1.5);
  });
});
