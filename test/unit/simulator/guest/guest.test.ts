/** The simulated guest as its host sees it: pause, drain, trim, and the same whatever steps it takes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../../src/base/errors.js';
import { createGuest } from '../../../../src/simulator/guest/guest.js';
import { createRandom } from '../../../../src/simulator/random.js';
import type { Workload } from '../../../../src/simulator/workload/types.js';
import { bytesOf, CountingDevice, MIB, PAGE, scene, workloadOf, type Scene } from './support.js';

const FILE = { path: '/data/region', pages: 2048 };

/** Any calls at any times, as a seed says. */
function anything(seed: number): Workload {
  return {
    name: 'anything',
    description: 'Does anything.',
    files: [FILE, { path: '/data/other', pages: 100 }],
    start(calls) {
      const random = createRandom(seed, 'anything');
      let nextMs = 0;
      const paths = Array.from({ length: 12 }, (_, index) => `/small/${index}`);
      const act = () => {
        const path = paths[random.below(paths.length)]!;
        const region = calls.open(FILE.path)!;
        const small = calls.open(path) ?? calls.create(path);
        const pages = 1 + random.below(60);
        switch (random.below(12)) {
          case 0:
            return calls.sync(small, random.below(2) === 0);
          case 1:
            return calls.truncate(small, random.below(40));
          case 2:
            calls.unlink(path);
            return 0;
          case 3:
            calls.rename(path, paths[random.below(paths.length)]!);
            return 0;
          case 4:
            return calls.read(region, random.below(1900), 100);
          case 5:
            return calls.writeDirect(region, random.below(1900), pages);
          case 6:
            return calls.sync(region, false);
          case 7:
            return calls.write(small, random.below(50), pages);
          case 8:
            return calls.truncate(calls.create(path), 0);
          default:
            return calls.write(region, random.below(1900), pages);
        }
      };
      return {
        get nextMs() {
          return nextMs;
        },
        act: () => (nextMs += act() + random.below(800)),
      };
    },
  };
}

const SMALL = { cacheBytes: 4 * MIB, diskBytesPerSecond: 3e6 };

/** All that can be seen of a guest. */
function state({ guest, device }: Scene): unknown {
  return {
    look: guest.look({ clean: true }),
    files: [...guest.files()],
    versions: [...device.versions].sort(([one], [other]) => one - other),
    counts: [guest.dirtyBytes, guest.writtenBytes, guest.monotonicMs],
  };
}

describe('a simulated guest', () => {
  it('does the same in whatever steps it is advanced', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1000 }),
        fc.array(fc.double({ min: 0, max: 90_000, noNaN: true }), { maxLength: 30 }),
        (seed, cuts) => {
          const [whole, stepped] = [scene(anything(seed), SMALL), scene(anything(seed), SMALL)];
          whole.guest.advance(90_000);
          for (const cut of cuts.sort((one, other) => one - other)) stepped.guest.advance(cut);
          stepped.guest.advance(90_000);
          expect(state(stepped)).toEqual(state(whole));
        },
      ),
      { numRuns: 25 },
    );
  });

  it('looks at runs that ascend, do not overlap, and are what it counts as dirty', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 100_000 }), (seed, until) => {
        const { guest } = scene(anything(seed), SMALL);
        guest.advance(until);
        const look = guest.look({ clean: true });
        let end = 0;
        for (const { offset, length } of look.runs) {
          expect(offset).toBeGreaterThanOrEqual(end);
          end = offset + length;
        }
        const files = new Map([...guest.files()].map((file) => [file.inode, file]));
        for (const run of look.runs.filter(({ class: kind }) => kind === 'data'))
          expect(
            files.get(run.inode!)!.extents.some((extent) => {
              const within = run.fileOffset! - extent.fileOffset;
              return (
                within >= 0 &&
                within + run.length <= extent.length &&
                extent.offset + within === run.offset
              );
            }),
          ).toBe(true);
        // With nothing on its way, what is dirty is what it counts.
        guest.pause(until);
        const still = guest.look({ clean: false });
        const dirty = still.runs.reduce((sum, { length }) => sum + length, still.delayedBytes);
        expect(dirty).toBe(guest.dirtyBytes);
      }),
      { numRuns: 40 },
    );
  });

  it('has no two files on one place, and no file on what is free, after any acts', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const { guest, device } = scene(anything(seed), SMALL, 32 * MIB);
        guest.advance(60_000);
        guest.drain();
        guest.advance(120_000);
        guest.pause(120_000);
        guest.trim();
        const taken = new Set<number>();
        for (const file of guest.files())
          for (const { offset, length } of file.extents)
            for (let page = offset / PAGE; page < (offset + length) / PAGE; page++) {
              expect(taken.has(page)).toBe(false);
              taken.add(page);
              expect(
                device.discards.some((run) => page >= run.first && page < run.first + run.count),
              ).toBe(false);
            }
      }),
      { numRuns: 15 },
    );
  });

  it('lays its files out clean, on the disk and not in memory, and leaves the rest a hole', () => {
    const device = new CountingDevice(256 * MIB);
    const guest = createGuest({ device, workload: workloadOf([], [FILE]), seed: 1 });
    const [file] = guest.files();
    expect(file).toMatchObject({ path: FILE.path, size: 2048 * PAGE });
    expect(guest.look({ clean: true })).toEqual({ runs: [], delayedBytes: 0 });
    for (const { offset, length } of file!.extents)
      expect(
        device.versions.has(offset / PAGE) && device.versions.has((offset + length) / PAGE - 1),
      ).toBe(true);
    expect(device.versions.size).toBeLessThan(2048 + 100);
    expect(guest.file(file!.inode)).toEqual(file);
    expect(guest.file(999_999)).toBeUndefined();
    guest.advance(1e9);
    expect(guest.writtenBytes).toBe(0);
  });

  it('stands while it is paused, with nothing on its way', () => {
    const acts = workloadOf(
      [
        [0, (calls, open) => void calls.write(open(FILE.path), 0, 500)],
        [1000, (calls, open) => void calls.write(open(FILE.path), 600, 1)],
      ],
      [FILE],
    );
    const { guest, device } = scene(acts, { cacheBytes: 16 * MIB, diskBytesPerSecond: 10e6 });
    guest.pause(50);
    expect(guest.running).toBe(false);
    expect(bytesOf(guest.look({ clean: true }), 'clean')).toBe(500 * PAGE);
    const written = device.pagesWritten;
    guest.advance(100_000);
    expect(guest.monotonicMs).toBe(50);
    expect(device.pagesWritten).toBe(written);
    guest.resume(200_000);
    guest.advance(200_949);
    expect(guest.dirtyBytes).toBe(0);
    guest.advance(200_951);
    expect([guest.monotonicMs, guest.dirtyBytes]).toEqual([1001, PAGE]);
  });
});

describe('a drain', () => {
  const writes = workloadOf(
    [
      [0, (calls, open) => void calls.write(open(FILE.path), 0, 100)],
      [1, (calls, open) => void calls.write(open('/data/new'), 0, 50)],
    ],
    [FILE],
  );
  const slow = { diskBytesPerSecond: PAGE * 1000 };

  it('of some bytes writes what is dirty there, at the pace of the disk', () => {
    const { guest, device } = scene(writes, slow);
    guest.advance(100);
    device.forget();
    const { offset } = [...guest.files()].find(({ path }) => path === FILE.path)!.extents[0]!;
    const drain = guest.drain([{ offset: offset + 10 * PAGE + 1, length: 20 * PAGE - 1 }]);
    expect(drain.done).toBe(false);
    expect(drain.dueMs).toBeCloseTo(120);
    guest.advance(119);
    expect(drain.done).toBe(false);
    guest.advance(121);
    expect(drain).toMatchObject({ done: true, writtenBytes: 20 * PAGE, skippedBytes: 0 });
    expect(drain.dueMs).toBeCloseTo(120);
    expect(device.writes).toEqual([{ first: offset / PAGE + 10, count: 20 }]);
    expect(guest.look({ clean: false }).delayedBytes).toBe(50 * PAGE);
  });

  it('of metadata alone is skipped, and counted', () => {
    const { guest } = scene(writes);
    guest.advance(10_000);
    const look = guest.look({ clean: false });
    const metadata = look.runs.filter((run) => run.class === 'metadata');
    expect(metadata.length).toBeGreaterThan(0);
    const drain = guest.drain(metadata);
    guest.advance(11_000);
    expect(drain).toMatchObject({
      done: true,
      writtenBytes: 0,
      skippedBytes: bytesOf(look, 'dirty', 'metadata'),
    });
  });

  it('of everything leaves nothing dirty: files, what had no place, and metadata', () => {
    const { guest } = scene(writes);
    guest.advance(100);
    expect(guest.look({ clean: false }).delayedBytes).toBe(50 * PAGE);
    const drain = guest.drain();
    guest.advance(1000);
    expect(drain.done).toBe(true);
    expect(drain.writtenBytes).toBeGreaterThan(150 * PAGE);
    expect(guest.dirtyBytes).toBe(0);
    expect([...guest.files()].find(({ path }) => path === '/data/new')!.extents).toHaveLength(1);
    const again = guest.drain();
    guest.advance(2000);
    expect(again).toMatchObject({ done: true, writtenBytes: 0 });
  });

  it('takes the place of another that is not done', () => {
    const { guest } = scene(writes, slow);
    guest.advance(100);
    const [first, second] = [guest.drain(), guest.drain()];
    guest.advance(10_000);
    expect([first.done, second.done]).toEqual([false, true]);
  });
});

describe('a trim', () => {
  it('discards what no file uses; again only where something became free', () => {
    const acts = workloadOf([[1000, (calls) => calls.unlink(FILE.path)]], [FILE]);
    const { guest, device } = scene(acts);
    const [file] = guest.files();
    const first = guest.trim();
    expect(first).toBeGreaterThan(200 * MIB);
    expect(guest.trim()).toBe(0);
    guest.advance(2000);
    expect(guest.trim()).toBe(0);
    // Freed by the commit, 5 s after the change.
    guest.advance(7000);
    expect(guest.file(file!.inode)).toBeUndefined();
    expect(guest.trim()).toBeGreaterThan(2048 * PAGE);
    for (const { offset } of file!.extents) expect(device.versions.has(offset / PAGE)).toBe(false);
  });
});

describe('what a guest refuses', () => {
  const idle = workloadOf([]);
  it.each([1, 8 * MIB, 64 * MIB + 512, 65 * 1024 ** 4])('a disk of %s bytes', (size) => {
    expect(() => scene(idle, {}, size)).toThrow(UsageError);
    expect(() => scene(idle, {}, size)).toThrow(/^A guest can't be simulated on a disk/);
  });

  it.each([
    { cacheBytes: 1 },
    { dirtyRatio: 101 },
    { dirtyExpireCentisecs: 0.5 },
    { diskBytesPerSecond: 0 },
    { diskFlushMs: Number.NaN },
  ])('%j', (settings) => {
    expect(() => scene(idle, settings)).toThrow(/^The guest's \w+ can't be/);
    const { guest } = scene(idle);
    expect(() => guest.set(settings)).toThrow(UsageError);
  });

  it('files that do not fit, and paths that are not absolute', () => {
    expect(() => scene(workloadOf([], [{ path: '/a', pages: 1e6 }]))).toThrow(
      /^The guest's disk of .* is full/,
    );
    expect(() => scene(workloadOf([], [{ path: 'a', pages: 1 }]))).toThrow(
      /^The file a can't be made/,
    );
    expect(() => scene(workloadOf([], [{ path: '/a', pages: -1 }]))).toThrow(
      /^The file \/a can't have/,
    );
  });

  it('time that goes back', () => {
    const { guest } = scene(idle);
    guest.advance(10);
    expect(() => guest.advance(9)).toThrow(/^The guest can't be advanced to 9 ms/);
  });

  it.each<[RegExp, Parameters<typeof workloadOf>[0][0][1]]>([
    [/^The workload can't unlink \/none/, (calls) => calls.unlink('/none')],
    [/^The workload can't rename \/none/, (calls) => calls.rename('/none', '/b')],
    [
      /^The workload can't read 2 pages at 2047/,
      (calls, open) => void calls.read(open(FILE.path), 2047, 2),
    ],
    [
      /^The workload can't write inode/,
      (calls, open) => {
        const file = open(FILE.path);
        calls.unlink(FILE.path);
        calls.write(file, 0, 1);
      },
    ],
  ])('a workload that errs: %s', (message, act) => {
    const { guest } = scene(workloadOf([[0, act]], [FILE]));
    expect(() => guest.advance(1)).toThrow(message);
  });
});
