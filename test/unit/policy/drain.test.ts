/** Whether a drain is of what is wanted or of everything. */
import { describe, expect, it } from 'vitest';
import { BlockSet } from '../../../src/engine/blockset/index.js';
import { Drains, drainsEverything } from '../../../src/engine/policy/index.js';

const wanted = BlockSet.range(0, 100);

describe('a drain', () => {
  it('is of everything when little else is dirty', () => {
    expect(drainsEverything(wanted, BlockSet.range(20, 100), 0, 4096)).toBe(true);
  });

  it('is of what is wanted when much else is dirty', () => {
    expect(drainsEverything(wanted, BlockSet.range(70, 100), 0, 4096)).toBe(false);
  });

  it('is of what is wanted when much is dirty that has no place yet', () => {
    expect(drainsEverything(wanted, BlockSet.range(0, 100), 26 * 4096, 4096)).toBe(false);
    expect(drainsEverything(wanted, BlockSet.range(0, 100), 25 * 4096, 4096)).toBe(true);
  });

  it('is of everything when that is little beside what is sent, though most of it is not dirty', () => {
    expect(drainsEverything(wanted, BlockSet.range(0, 10), 25 * 4096, 4096)).toBe(true);
    expect(drainsEverything(wanted, BlockSet.range(0, 10), 26 * 4096, 4096)).toBe(false);
  });

  it('is of what is wanted when nothing of it is dirty', () => {
    expect(drainsEverything(wanted, BlockSet.empty, 0, 4096)).toBe(false);
  });
});

describe('another drain', () => {
  const drained = (at: number) => {
    const drains = new Drains();
    drains.done(at);
    return drains;
  };

  it('is not worthwhile while the quiet of the one before lasts', () => {
    const drains = drained(1000);
    drains.judge(100, 50);
    expect(drains.worthwhile(30_999, 30_000)).toBe(false);
    expect(drains.worthwhile(31_000, 30_000)).toBe(true);
  });

  it('is not worthwhile after one that brought no quiet', () => {
    const drains = drained(0);
    drains.judge(100, 51);
    expect(drains.worthwhile(60_000, 30_000)).toBe(false);
  });

  it('is not worthwhile after three', () => {
    const drains = drained(0);
    drains.done(40_000);
    expect(drains.worthwhile(80_000, 30_000)).toBe(true);
    drains.done(80_000);
    expect(drains.worthwhile(120_000, 30_000)).toBe(false);
  });
});
