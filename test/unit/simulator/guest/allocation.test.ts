/** Where the simulated guest's files lie on its disk. */
import { describe, expect, it } from 'vitest';
import { FreeSpace } from '../../../../src/simulator/guest/free-space.js';
import { MIB, PAGE, scene, workloadOf, type Act } from './support.js';

/** First page and number of pages of each extent of a file, once all is written back. */
function placesAfter(acts: readonly Act[], path: string) {
  const { guest } = scene(
    workloadOf(
      acts.map((act, index) => [index * 100, act]),
      [],
    ),
    {},
    512 * MIB,
  );
  guest.advance(60_000);
  const file = [...guest.files()].find((each) => each.path === path)!;
  return file.extents.map(({ offset, length }) => [offset / PAGE, length / PAGE] as const);
}

const write =
  (path: string, pages: number): Act =>
  (calls) =>
    void calls.write(calls.open(path) ?? calls.create(path), 0, pages);

describe('files of the simulated guest', () => {
  it('begin in the group behind that of the folders', () => {
    expect(placesAfter([write('/mnt/large', 400)], '/mnt/large')).toEqual([[32_770, 400]]);
  });

  it('have room kept up to the next power of two, at a multiple of it', () => {
    const acts = [write('/mnt/one', 20), write('/mnt/two', 20)];
    const [[one], [two]] = [placesAfter(acts, '/mnt/one'), placesAfter(acts, '/mnt/two')];
    expect(one![0] % 32).toBe(0);
    expect(two![0] - one![0]).toBe(32);
  });

  it('share a run where they are small', () => {
    const acts = [write('/mnt/one', 3), write('/mnt/two', 5)];
    const [[one], [two]] = [placesAfter(acts, '/mnt/one'), placesAfter(acts, '/mnt/two')];
    expect(one![0] % 512).toBe(0);
    expect(two![0] - one![0]).toBe(3);
  });
});

describe('aligned room', () => {
  it('is the first from the goal on, then that of the runs before it', () => {
    const space = new FreeSpace([
      { first: 3, count: 20 },
      { first: 40, count: 10 },
    ]);
    expect(space.takeAligned(9, 8)).toEqual({ first: 40, count: 8 });
    expect(space.takeAligned(48, 8)).toEqual({ first: 8, count: 8 });
  });

  it('is none where no run has it', () => {
    const space = new FreeSpace([{ first: 3, count: 10 }]);
    expect(space.takeAligned(0, 8)).toBeUndefined();
    expect(space.pages).toBe(10);
  });
});
