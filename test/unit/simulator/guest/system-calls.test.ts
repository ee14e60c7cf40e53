/** What a workload's calls do to the simulated guest's disk, and how long it waits for them. */
import { describe, expect, it } from 'vitest';
import {
  bytesOf,
  MIB,
  PAGE,
  rewriting,
  scene,
  workloadOf,
  type Act,
  type Scene,
} from './support.js';

const FILE = { path: '/data/region', pages: 2048 };
/** A page takes a millisecond; a flush takes five. */
const SLOW = { diskBytesPerSecond: PAGE * 1000, diskFlushMs: 5 };

/** A guest that does one thing after another, a second apart; what it waited for goes to `waits`. */
function doing(waits: number[], ...acts: Act[]): Scene {
  const timed = acts.map((act, index) => [index * 1000, act] as const);
  return scene(workloadOf(timed, [FILE], waits), SLOW);
}

describe('fsync', () => {
  it('writes what is dirty of the file, and waits for it and the flush', () => {
    const waits: number[] = [];
    const { guest, device } = doing(
      waits,
      (calls, open) => void calls.write(open(FILE.path), 10, 20),
      (calls, open, waited) => waited(calls.sync(open(FILE.path), false)),
      (calls, open, waited) => waited(calls.sync(open(FILE.path), false)),
    );
    guest.advance(2500);
    const place = [...guest.files()][0]!.extents[0]!.offset / PAGE;
    expect(device.writes).toEqual([{ first: place + 10, count: 20 }]);
    expect(waits[0]).toBeCloseTo(25);
    expect(waits[1]).toBeCloseTo(5);
  });

  it('commits the journal when the file grew, or when its times are wanted, too', () => {
    const waits: number[] = [];
    const { guest, device } = doing(
      waits,
      (calls, open) => void calls.write(open(FILE.path), 0, 1),
      (calls, open, waited) => waited(calls.sync(open(FILE.path), true)),
      (calls, open) => void calls.write(open('/log/new'), 0, 1),
      (calls, open, waited) => waited(calls.sync(open('/log/new'), false)),
    );
    guest.advance(1500);
    // The page, then a descriptor, the inode and the commit; two flushes around the commit.
    expect(device.pagesWritten).toBe(4);
    expect(waits[0]).toBeCloseTo(14);
    const { offset, length } = guest.journal;
    expect(device.writes[1]).toEqual({ first: offset / PAGE + 1, count: 3 });
    expect(length).toBe(8 * MIB);
    guest.advance(3500);
    const [page, commit] = device.writes.slice(-2);
    expect(page!.count).toBe(1);
    expect(commit!.first).toBe(offset / PAGE + 4);
    expect(waits[1]).toBeCloseTo(11 + commit!.count);
  });

  it('keeps the age of its inode, which the flusher still goes by', () => {
    const { guest } = doing(
      [],
      (calls, open) => void calls.write(open(FILE.path), 0, 1),
      (calls, open) => void calls.sync(open(FILE.path), false),
      (calls, open) => void calls.write(open(FILE.path), 5, 1),
    );
    guest.advance(10_000);
    const [run] = guest.look({ clean: false }).runs.filter((each) => each.class === 'data');
    expect(run).toMatchObject({ fileOffset: 5 * PAGE, state: 'dirty', ageMs: 10_000 });
  });
});

describe('the journal', () => {
  it('is committed by the clock, and metadata is dirty in memory only then', () => {
    const { guest } = doing([], (calls, open) => void calls.write(open(FILE.path), 0, 1));
    guest.advance(4999);
    expect(guest.writtenBytes).toBe(0);
    expect(bytesOf(guest.look({ clean: false }), 'dirty', 'metadata')).toBe(0);
    guest.advance(5002);
    const [run] = guest.look({ clean: false }).runs.filter((each) => each.class === 'journal');
    expect(run).toEqual({
      offset: guest.journal.offset + PAGE,
      length: 3 * PAGE,
      state: 'writeback',
      class: 'journal',
    });
    guest.advance(5004);
    expect(bytesOf(guest.look({ clean: false }), 'dirty', 'metadata')).toBe(PAGE);
    expect(guest.writtenBytes).toBe(3 * PAGE);
    // By age, as an inode of its own: dirty at 5003 ms, written when the flusher wakes after 35 s.
    guest.advance(34_000);
    expect(bytesOf(guest.look({ clean: false }), 'dirty', 'metadata')).toBe(PAGE);
    guest.advance(41_000);
    expect(bytesOf(guest.look({ clean: false }), 'dirty', 'metadata')).toBe(0);
    expect(guest.writtenBytes).toBe((3 + 1 + 1) * PAGE);
  });

  it('goes around in its place, and puts metadata where it belongs before it is overwritten', () => {
    const { guest, device } = scene(
      rewriting([FILE], 10, (calls, _file, turn) => {
        const file = calls.create(`/${turn % 40}/${turn}`);
        calls.write(file, 0, 1);
        calls.sync(file, true);
      }),
      {},
      64 * MIB,
    );
    guest.advance(10_000);
    const { offset, length } = guest.journal;
    const [first, end] = [offset / PAGE, (offset + length) / PAGE];
    const inJournal = device.writes.filter((write) => write.first >= first && write.first < end);
    expect(inJournal.every((write) => write.first + write.count <= end)).toBe(true);
    // A thousand files, each a commit of several pages in a journal of 1024: around several times.
    expect(inJournal.length).toBeGreaterThan(1000);
    expect(inJournal.filter((write) => write.first === first + 1).length).toBeGreaterThan(3);
    // Its own first page is written when metadata was put in its place to make room.
    expect(inJournal.some((write) => write.first === first)).toBe(true);
  });
});

describe('a file that grows', () => {
  it('has no place until it is written back, and then one behind the other', () => {
    const { guest } = doing(
      [],
      (calls, open) => void calls.write(open('/new'), 0, 30),
      (calls, open) => void calls.write(open('/new'), 30, 10),
    );
    guest.advance(1500);
    const look = guest.look({ clean: false });
    expect(look.delayedBytes).toBe(40 * PAGE);
    expect(bytesOf(look, 'dirty')).toBe(0);
    const file = () => [...guest.files()].find(({ path }) => path === '/new')!;
    expect(file()).toMatchObject({ size: 40 * PAGE, extents: [] });
    guest.advance(40_000);
    expect(file().extents).toMatchObject([{ fileOffset: 0, length: 40 * PAGE }]);
    expect(guest.look({ clean: false }).delayedBytes).toBe(0);
  });

  it('leaves nothing dirty behind when it is emptied or unlinked', () => {
    const { guest, device } = doing(
      [],
      (calls, open) => void calls.write(open('/new'), 0, 30),
      (calls) => calls.unlink('/new'),
      (calls, open) => void calls.write(open(FILE.path), 0, 30),
      (calls) => void calls.create(FILE.path),
    );
    guest.advance(3500);
    expect(guest.dirtyBytes).toBe(0);
    expect(device.pagesWritten).toBe(0);
    expect([...guest.files()].map(({ path, size }) => [path, size])).toEqual([[FILE.path, 0]]);
  });

  it('takes the place of another by rename, and is written for that at once', () => {
    const { guest } = doing(
      [],
      (calls, open) => void calls.write(open('/data/next'), 0, 30),
      (calls) => calls.rename('/data/next', FILE.path),
    );
    guest.advance(1500);
    const files = [...guest.files()];
    expect(files).toHaveLength(1);
    expect(files[0]).toMatchObject({
      path: FILE.path,
      size: 30 * PAGE,
      extents: [{ length: 30 * PAGE }],
    });
    expect(bytesOf(guest.look({ clean: false }), 'dirty')).toBe(0);
  });
});

describe('reading and writing past the page cache', () => {
  it('reads what is not cached at the pace of the disk, once', () => {
    const waits: number[] = [];
    const read: Act = (calls, open, waited) => waited(calls.read(open(FILE.path), 0, 10));
    const { guest } = doing(waits, read, read);
    guest.advance(1500);
    expect(waits[0]).toBeCloseTo(10);
    expect(waits[1]).toBe(0);
    expect(bytesOf(guest.look({ clean: true }), 'clean')).toBe(10 * PAGE);
  });

  it('reads a hole without the disk', () => {
    const waits: number[] = [];
    const { guest } = doing(
      waits,
      (calls, open) => void calls.truncate(open('/hole'), 50),
      (calls, open, waited) => waited(calls.read(open('/hole'), 0, 50)),
    );
    guest.advance(1500);
    expect(waits).toEqual([0]);
    expect(guest.look({ clean: true }).runs).toEqual([]);
  });

  it('writes directly, in place of what is cached', () => {
    const waits: number[] = [];
    const { guest, device } = doing(
      waits,
      (calls, open) => void calls.write(open(FILE.path), 0, 10),
      (calls, open, waited) => waited(calls.writeDirect(open(FILE.path), 5, 10)),
    );
    guest.advance(1500);
    const place = [...guest.files()][0]!.extents[0]!.offset / PAGE;
    expect(device.writes).toEqual([{ first: place + 5, count: 10 }]);
    expect(waits[0]).toBeCloseTo(10);
    expect(bytesOf(guest.look({ clean: true }), 'dirty')).toBe(5 * PAGE);
  });
});
