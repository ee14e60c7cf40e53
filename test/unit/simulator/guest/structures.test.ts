/** The structures below the simulated guest against plain ones that do the same slowly. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Extents } from '../../../../src/simulator/guest/extents.js';
import { FreeSpace } from '../../../../src/simulator/guest/free-space.js';
import { FrameTable, NONE } from '../../../../src/simulator/guest/frame-table.js';
import { GROUP_PAGES, Layout } from '../../../../src/simulator/guest/layout.js';
import { DEFAULT_SETTINGS, thresholdsOf } from '../../../../src/simulator/guest/settings.js';

describe('free space', () => {
  it('gives each page once, the goal where it is free, and takes all back', () => {
    const acts = fc.array(fc.tuple(fc.nat(400), fc.integer({ min: 1, max: 60 }), fc.boolean()));
    fc.assert(
      fc.property(acts, (all) => {
        const space = new FreeSpace([
          { first: 10, count: 100 },
          { first: 200, count: 150 },
        ]);
        const taken: { first: number; count: number }[] = [];
        const used = new Set<number>();
        for (const [goal, wanted, gives] of all) {
          const back = gives ? taken.splice(goal % Math.max(1, taken.length), 1)[0] : undefined;
          if (back) {
            space.release(back.first, back.count);
            for (let page = back.first; page < back.first + back.count; page++) used.delete(page);
            continue;
          }
          const inside = (goal >= 10 && goal < 110) || (goal >= 200 && goal < 350);
          const goalIsFree = inside && !used.has(goal);
          const run = space.take(goal, wanted);
          if (!run) {
            expect(used.size).toBe(250);
            continue;
          }
          if (goalIsFree) expect(run.first).toBe(goal);
          expect(run.count).toBeLessThanOrEqual(wanted);
          for (let page = run.first; page < run.first + run.count; page++) {
            expect(used.has(page)).toBe(false);
            used.add(page);
          }
          taken.push(run);
        }
        expect(space.pages).toBe(250 - used.size);
        for (const { first, count } of taken) space.release(first, count);
        const runs: number[][] = [];
        space.visit((...run) => runs.push(run));
        expect(runs).toEqual([
          [10, 100],
          [200, 150],
        ]);
      }),
    );
  });
});

describe('extents', () => {
  it('tell the place of each page, however they were added and cut', () => {
    const acts = fc.array(fc.tuple(fc.nat(100), fc.integer({ min: 1, max: 20 }), fc.nat(9)));
    fc.assert(
      fc.property(acts, (all) => {
        const extents = new Extents();
        const plain = new Map<number, number>();
        let next = 1000;
        for (const [first, count, kind] of all) {
          if (kind === 0) {
            const freed = extents.cut(first).reduce((sum, run) => sum + run.count, 0);
            const gone = [...plain.keys()].filter((page) => page >= first);
            expect(freed).toBe(gone.length);
            for (const page of gone) plain.delete(page);
            continue;
          }
          if (extents.placeOf(first) >= 0) continue;
          const length = Math.min(count, extents.roomAt(first));
          extents.add(first, next, length);
          for (let page = 0; page < length; page++) plain.set(first + page, next + page);
          next += length + (kind % 2);
        }
        const pages = Array.from({ length: 130 }, (_, page) => page);
        const placeOf = (page: number) => plain.get(page) ?? -1;
        expect(pages.map((page) => extents.placeOf(page))).toEqual(pages.map(placeOf));
        const wrong = pages.filter((page) => {
          const place = placeOf(page);
          for (let step = 1; step < Math.min(extents.roomAt(page), 30); step++)
            if (placeOf(page + step) !== (place < 0 ? -1 : place + step)) return true;
          return false;
        });
        expect(wrong).toEqual([]);
      }),
    );
  });
});

describe('the table of frames', () => {
  it('finds what was taken and not forgotten, through its growth', () => {
    const table = new FrameTable();
    const frames = new Map<string, number>();
    for (let index = 0; index < 6000; index++) {
      const [slot, page] = [index % 7, (index * 7919) % 100_000];
      if (index % 3 === 2) {
        const [key, frame] = [...frames.entries()][0]!;
        table.forget(frame);
        table.release(frame);
        frames.delete(key);
      }
      frames.set(`${slot} ${page}`, table.take(slot, page));
    }
    expect(table.used).toBe(frames.size);
    for (const [key, frame] of frames) {
      const [slot, page] = key.split(' ').map(Number);
      expect(table.find(slot!, page!)).toBe(frame);
    }
    expect(table.find(8, 1)).toBe(NONE);
  });
});

describe('the layout', () => {
  it.each([4096, 30_000, 102_400, 1_000_000, 26_214_400, 2_684_354_560])(
    'of %s pages keeps metadata out of what is free, each kind on a page of its own',
    (pages) => {
      const layout = new Layout(pages);
      const free = layout.free();
      const isFree = (page: number) =>
        free.some(({ first, count }) => page >= first && page < first + count);
      const seen = new Set<number>();
      const step = Math.max(1, Math.floor(layout.groups / 40));
      for (let group = 0; group < layout.groups; group += step) {
        const inode = group * layout.inodesOfGroup + 1;
        const last = inode + layout.inodesOfGroup - 1;
        expect(layout.groupOfInode(inode)).toBe(group);
        expect(layout.groupOfInode(last)).toBe(group);
        for (const page of [
          layout.blockBitmap(group),
          layout.inodeBitmap(group),
          layout.inodePage(inode),
          layout.inodePage(last),
        ]) {
          expect(page).toBeLessThan(pages);
          expect(seen.has(page)).toBe(false);
          seen.add(page);
          expect(isFree(page)).toBe(false);
        }
        expect(isFree(layout.descriptor(group))).toBe(false);
      }
      const total = free.reduce((sum, { count }) => sum + count, 0);
      expect(total / pages).toBeGreaterThan(0.85);
      expect(free.every(({ first }, index) => index === 0 || first > free[index - 1]!.first)).toBe(
        true,
      );
      expect(layout.groupOf(pages - 1)).toBe(layout.groups - 1);
      expect(layout.groupOf(GROUP_PAGES - 1)).toBe(0);
    },
  );
});

describe('the limits of dirty memory', () => {
  it('are shares of the memory; a background share that is too large is half of the limit', () => {
    const settings = { ...DEFAULT_SETTINGS, cacheBytes: 4096 * 1000 };
    expect(thresholdsOf(settings)).toEqual({ background: 100, free: 150, limit: 200 });
    expect(thresholdsOf({ ...settings, dirtyBackgroundRatio: 30 })).toEqual({
      background: 100,
      free: 150,
      limit: 200,
    });
  });
});
