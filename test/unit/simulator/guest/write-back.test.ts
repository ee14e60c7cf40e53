/** When the simulated guest writes, and what: the flusher's times and limits. */
import { describe, expect, it } from 'vitest';
import { bytesOf, MIB, PAGE, rewriting, scene, workloadOf } from './support.js';

const FILE = { path: '/data/region', pages: 4096 };

describe('periodic write-back', () => {
  it('writes an inode that has been dirty for the time, and all that is dirty of it', () => {
    const { guest, device } = scene(
      rewriting([FILE], 50, (calls, file, turn) => void calls.write(file, turn % 4096, 1)),
    );
    guest.advance(29_900);
    expect(bytesOf(guest.look({ clean: false }), 'dirty')).toBe(599 * PAGE);
    const [run] = guest.look({ clean: false }).runs.filter((each) => each.class === 'data');
    expect(run).toMatchObject({ fileOffset: 0, length: 599 * PAGE, ageMs: 29_900 });
    guest.advance(30_500);
    const before = guest.writtenBytes;
    guest.advance(31_000);
    // The flusher first woke 5.12 s after the first write or a little before, and each 5.12 s since.
    const flushed = (guest.writtenBytes - before) / PAGE;
    expect(flushed).toBeGreaterThanOrEqual(610);
    expect(flushed).toBeLessThanOrEqual(620);
    expect(bytesOf(guest.look({ clean: true }), 'clean')).toBeGreaterThan(595 * PAGE);
    guest.advance(64_000);
    const age = guest.look({ clean: false }).runs.find((run) => run.class === 'data')?.ageMs;
    expect(age).toBeGreaterThan(1900);
    expect(age).toBeLessThan(2700);
    expect(device.writes.length).toBeGreaterThan(0);
  });

  it('does not write what is young, nor anything when it is switched off', () => {
    const write = workloadOf(
      [
        [3000, (calls, open) => void calls.write(open(FILE.path), 0, 4)],
        [4000, (calls, open) => void calls.write(open('/data/young'), 0, 8)],
      ],
      [FILE, { path: '/data/young', pages: 8 }],
    );
    const { guest } = scene(write);
    const dirtyAt = (ms: number) => {
      guest.advance(ms);
      return bytesOf(guest.look({ clean: false }), 'dirty') / PAGE;
    };
    // It wakes 5 to 5.26 s after the first write, and each 5.12 s since: both are 30 s old then, or
    // the first alone.
    expect([32_900, 34_000, 38_000, 39_200].map(dirtyAt)).toEqual([12, 8, 8, 0]);
    const off = scene(write, { dirtyWritebackCentisecs: 0 }).guest;
    off.advance(600_000);
    expect(bytesOf(off.look({ clean: false }), 'dirty')).toBe(12 * PAGE);
    off.set({ dirtyWritebackCentisecs: 500 });
    off.advance(605_300);
    expect(bytesOf(off.look({ clean: false }), 'dirty')).toBe(0);
  });

  it('goes on with what background work left, however young it is, when it wakes by time', () => {
    const { guest } = scene(
      workloadOf(
        [
          [0, (calls, open) => void calls.write(open(FILE.path), 0, 1700)],
          [4000, (calls, open) => void calls.write(open(FILE.path), 1700, 500)],
        ],
        [FILE],
      ),
      { cacheBytes: 64 * MIB },
    );
    const dirtyAt = (ms: number) => {
      guest.advance(ms);
      return guest.look({ clean: false }).runs.filter((run) => run.class === 'data');
    };
    // Over the limit of 1638 pages: a chunk of 1024 is written, and the rest is queued.
    expect(dirtyAt(1000).map(({ length }) => length / PAGE)).toEqual([676]);
    expect(dirtyAt(5400)).toEqual([]);
  });

  it('writes a file that was emptied when it is closed by a look', () => {
    const { guest } = scene(
      workloadOf(
        [
          [0, (calls, open) => void calls.write(open(FILE.path), 0, 8)],
          [10, (calls, open) => void calls.truncate(open('/data/log'), 0)],
          [20, (calls, open) => void calls.write(open('/data/log'), 0, 4)],
        ],
        [FILE, { path: '/data/log', pages: 8 }],
      ),
    );
    guest.advance(1000);
    expect(guest.dirtyBytes).toBe(12 * PAGE);
    guest.closeLookedAt!({ clean: false });
    guest.advance(1100);
    expect(guest.dirtyBytes).toBe(8 * PAGE);
  });

  it('lets dirty pages wait longer while it is steered so', () => {
    const { guest } = scene(
      workloadOf([[0, (calls, open) => void calls.write(open(FILE.path), 0, 4)]], [FILE]),
    );
    guest.set({ dirtyExpireCentisecs: 60_000 });
    guest.advance(120_000);
    expect(bytesOf(guest.look({ clean: false }), 'dirty')).toBe(4 * PAGE);
    guest.set({ dirtyExpireCentisecs: 3000 });
    guest.advance(125_300);
    expect(bytesOf(guest.look({ clean: false }), 'dirty')).toBe(0);
  });
});

describe('limits of dirty memory', () => {
  const settings = { cacheBytes: 16 * MIB, diskBytesPerSecond: 10e6 };

  it('writes in the background, the oldest inode first, until less is dirty', () => {
    const { guest, device } = scene(
      workloadOf(
        [
          [0, (calls, open) => void calls.write(open('/data/region'), 0, 1500)],
          [10, (calls, open) => void calls.write(open('/data/young'), 0, 1500)],
        ],
        [FILE, { path: '/data/young', pages: 4096 }],
      ),
      { cacheBytes: 64 * MIB, diskBytesPerSecond: 10e6 },
    );
    guest.advance(4000);
    // 10 % of 16,384 pages may be dirty. A chunk of each inode is written, in the file's order.
    const [region, young] = [...guest.files()].map(({ extents }) => extents[0]!.offset / PAGE);
    expect(device.writes).toEqual([
      { first: region, count: 1024 },
      { first: young, count: 1024 },
    ]);
    expect(guest.dirtyBytes).toBe(952 * PAGE);
  });

  it('holds writers at the limit to the pace of the disk', () => {
    let [waited, written] = [0, 0];
    const workload = {
      name: 'hog',
      description: 'Writes as fast as it can.',
      files: [FILE],
      start(calls: Parameters<ReturnType<typeof rewriting>['start']>[0]) {
        const file = calls.open(FILE.path)!;
        let nextMs = 0;
        return {
          get nextMs() {
            return nextMs;
          },
          act() {
            const ms = calls.write(file, written % 4096, 16);
            written += 16;
            waited += ms;
            nextMs += Math.max(0.1, ms);
          },
        };
      },
    };
    const { guest } = scene(workload, settings);
    guest.advance(5000);
    const begun = written;
    guest.advance(25_000);
    const rate = ((written - begun) * PAGE) / 20;
    expect(rate).toBeGreaterThan(0.8 * 10e6);
    expect(rate).toBeLessThan(1.25 * 10e6);
    expect(guest.dirtyBytes).toBeLessThan(0.25 * 16 * MIB);
    expect(waited).toBeGreaterThan(10_000);
  });

  it('has pages under write-back while they are on their way, and dirty again meanwhile', () => {
    const { guest } = scene(
      workloadOf(
        [
          [0, (calls, open) => void calls.write(open(FILE.path), 0, 500)],
          [50, (calls, open) => void calls.write(open(FILE.path), 0, 10)],
        ],
        [FILE],
      ),
      settings,
    );
    guest.advance(40);
    expect(bytesOf(guest.look({ clean: false }), 'writeback')).toBe(500 * PAGE);
    guest.advance(60);
    expect(bytesOf(guest.look({ clean: false }), 'dirty')).toBe(10 * PAGE);
    expect(bytesOf(guest.look({ clean: false }), 'writeback')).toBe(490 * PAGE);
    guest.advance(500);
    expect(bytesOf(guest.look({ clean: true }), 'clean')).toBe(490 * PAGE);
    expect(bytesOf(guest.look({ clean: false }), 'dirty')).toBe(10 * PAGE);
  });

  it('keeps at most the memory that it has, the clean pages used last', () => {
    const { guest } = scene(
      workloadOf(
        [
          [0, (calls, open) => void calls.read(open(FILE.path), 0, 3000)],
          [1, (calls, open) => void calls.read(open(FILE.path), 0, 100)],
          [2, (calls, open) => void calls.read(open('/data/other'), 0, 3000)],
        ],
        [FILE, { path: '/data/other', pages: 4096 }],
      ),
      settings,
    );
    guest.advance(10);
    const clean = guest.look({ clean: true });
    expect(bytesOf(clean, 'clean')).toBe(16 * MIB);
    const region = [...guest.files()].find(({ path }) => path === FILE.path)!.inode;
    const kept = clean.runs.filter((run) => run.inode === region);
    expect(kept[0]).toMatchObject({ fileOffset: 0, length: 100 * PAGE });
    guest.set({ cacheBytes: MIB });
    expect(bytesOf(guest.look({ clean: true }), 'clean')).toBe(MIB);
  });
});
