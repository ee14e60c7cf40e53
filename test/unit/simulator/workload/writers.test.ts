import { describe, expect, it } from 'vitest';
import type { Files, Where } from '../../../../src/simulator/workload/description.generated.js';
import { createWorkload } from '../../../../src/simulator/workload/workload.js';
import { described, DISK_BYTES, MIB, oneWriter } from './describe.js';
import { record, Recorder, type Recorded } from './recorder.js';

/** The calls without their files being opened. */
function acts(calls: readonly Recorded[]): Recorded[] {
  return calls.filter(({ call }) => call !== 'open');
}

/** As `CALL FIRST+COUNT`. */
function shapes(calls: readonly Recorded[]): string[] {
  return acts(calls).map(({ call, first, count }) =>
    first === undefined ? call : `${call} ${first}+${count!}`,
  );
}

function pages(calls: readonly Recorded[]): number {
  return calls.reduce((sum, { first, count }) => sum + (first === undefined ? 0 : count!), 0);
}

const many: Files = { name: 'data', path: '/mnt/data-##', count: 10, size: '1 %' };

describe('how fast a writer is', () => {
  it.each([
    ['200 pages/s', '1 page', 2000],
    ['3 MiB/s', '64 KiB', 7680],
    ['7 operations/s', '8 KiB', 140],
    ['0.5 operations/s', '1 page', 5],
    ['0 pages/s', '1 page', 0],
  ])('%s in sizes of %s are %i pages in 10 s', (rate, size, expected) => {
    const calls = record(oneWriter({ rate, do: [{ write: 'data', size }] }), 10_000);
    expect(Math.abs(pages(calls) - expected)).toBeLessThanOrEqual(16);
  });

  it('takes what a turn did beyond its share off the next ones', () => {
    const workload = oneWriter({ rate: '20 pages/s', do: [{ write: 'data', size: '10 pages' }] });
    expect(acts(record(workload, 2000)).map(({ ms }) => ms)).toEqual([0, 500, 1000, 1500]);
  });

  it('does not when turns stand apart', () => {
    const workload = oneWriter({
      rate: '20 pages/s',
      turnsApart: true,
      do: [{ write: 'data', size: '10 pages' }],
    });
    expect(acts(record(workload, 200)).map(({ ms }) => ms)).toEqual([0, 50, 100, 150]);
  });

  it('does one operation a turn where there is no rate', () => {
    const workload = oneWriter({ every: '3 s', do: [{ fsync: 'data' }] });
    expect(acts(record(workload, 10_000)).map(({ ms }) => ms)).toEqual([0, 3000, 6000, 9000]);
  });

  it('multiplies rates, and leaves what has none at its beat', () => {
    const writer = { rate: '100 pages/s', do: [{ write: 'data' }] };
    expect(pages(record(oneWriter(writer, undefined, 2.5), 4000))).toBe(1000);
    const beat = oneWriter({ every: '1 s', do: [{ fsync: 'data' }] }, undefined, 2.5);
    expect(acts(record(beat, 4000))).toHaveLength(4);
  });

  it('works in its phases, each at its rate, again and again', () => {
    const workload = oneWriter({
      rate: '20 operations/s',
      repeat: '10 s',
      phases: [
        { from: '1 s', to: '2 s' },
        { from: '5 s', to: '6 s', rate: '40 operations/s' },
      ],
      do: [{ write: 'data' }],
    });
    const perSecond = new Array<number>(20).fill(0);
    for (const { ms, count } of acts(record(workload, 20_000))) {
      perSecond[Math.floor(ms / 1000)]! += count!;
    }
    const cycle = [0, 20, 0, 0, 0, 40, 0, 0, 0, 0];
    expect(perSecond).toEqual([...cycle, ...cycle]);
  });

  it('never acts again after its last phase', () => {
    const workload = oneWriter({ phases: [{ to: '1 s' }], do: [{ write: 'data' }] });
    const running = workload.start(new Recorder(workload), 1);
    for (let turns = 0; turns < 20; turns++) running.act();
    expect(running.nextMs).toBe(Infinity);
    expect(() => running.act()).not.toThrow();
  });

  it('lets time go on, whatever the rate is', () => {
    const workload = oneWriter({
      rate: '999999999999 pages/s',
      do: [{ write: 'data' }],
    });
    const calls = record(workload, 3);
    expect(calls.length).toBeGreaterThan(1000);
    expect(calls.length).toBeLessThan(3100);
  });
});

describe('what a writer waits for', () => {
  it('goes on when a call has returned, and is not slowed by the calls of others', () => {
    const description = described(
      [{ name: 'data', path: '/mnt/data', size: '10 %' }],
      [
        {
          name: 'slow',
          every: '100 ms',
          do: [{ fsync: 'data' }, { write: 'data', size: '2 pages' }],
        },
        { name: 'quick', every: '100 ms', do: [{ write: 'data' }] },
      ],
    );
    const workload = createWorkload(description, { diskBytes: DISK_BYTES });
    const wait = ({ call }: Recorded) => (call === 'sync' ? 30 : 0);
    const times = (count: number) =>
      acts(record(workload, 350, { wait }))
        .filter((act) => act.count === count)
        .map(({ ms }) => ms);
    expect(times(2)).toEqual([30, 130, 230, 330]);
    expect(times(1)).toEqual([0, 100, 200, 300]);
  });

  it('catches up with what it is late by, but not by more than a second', () => {
    const workload = oneWriter({ every: '100 ms', do: [{ fdatasync: 'data' }] });
    let first = 500;
    const wait = () => {
      const now = first;
      first = 0;
      return now;
    };
    const late = acts(record(workload, 700, { wait })).map(({ ms }) => ms);
    expect(late).toEqual([0, 500, 500, 500, 500, 500, 600]);
    first = 5000;
    const latest = acts(record(workload, 5300, { wait })).map(({ ms }) => ms);
    expect(latest).toEqual([0, 5000, 5100, 5200]);
  });

  it('does the same things in the same order, whatever it waits for', () => {
    const writer = {
      rate: '50 operations/s',
      pick: 'anywhere' as const,
      do: [
        { create: 'data', size: ['1 page', '5 pages'] as [string, string] },
        { fsync: 'data', chance: '50 %' },
        { write: 'data', where: { zipf: 1 } },
      ],
    };
    const workload = oneWriter(writer, [many]);
    const quick = shapes(record(workload, 4000));
    const slow = shapes(record(workload, 4000, { wait: () => 7 }));
    const length = Math.min(quick.length, slow.length);
    expect(length).toBeGreaterThan(300);
    expect(slow.slice(0, length)).toEqual(quick.slice(0, length));
  });

  it('has a stream of chance of its own', () => {
    const files: Files[] = [{ name: 'data', path: '/mnt/data', size: '10 %' }];
    const a = { name: 'a', rate: '20 pages/s', do: [{ write: 'data' }] as [{ write: string }] };
    const b = { ...a, name: 'b', do: [{ read: 'data' }] as [{ read: string }] };
    const writes = (...writers: (typeof a | typeof b)[]) =>
      record(createWorkload(described(files, writers), { diskBytes: DISK_BYTES }), 5000).filter(
        ({ call }) => call === 'write',
      );
    expect(writes(b, a)).toEqual(writes(a));
  });
});

describe('what the steps do', () => {
  it('appends, and empties a file that is full', () => {
    const files: Files[] = [{ name: 'log', path: '/mnt/log', size: '5 pages', laidOut: false }];
    const workload = oneWriter({ every: '1 s', do: [{ append: 'log', size: '2 pages' }] }, files);
    expect(shapes(record(workload, 4000))).toEqual([
      'create',
      'write 0+2',
      'write 2+2',
      'truncate',
      'write 0+2',
      'write 2+2',
    ]);
  });

  it('goes through a file in order, in few calls', () => {
    const workload = oneWriter({
      rate: '8000 pages/s',
      do: [{ write: 'data', where: 'in order', size: '3 pages' }],
    });
    expect(shapes(record(workload, 200))).toEqual([
      'write 0+402',
      'write 402+399',
      // 1000 pages are 333 times 3.
      'write 801+198',
      'write 0+201',
      'write 201+402',
    ]);
  });

  it('moves large pieces in calls of 4 MiB', () => {
    const files: Files[] = [{ name: 'data', path: '/mnt/data', size: '2500 pages' }];
    const workload = oneWriter({ every: '1 s', do: [{ read: 'data', size: '100 %' }] }, files);
    expect(shapes(record(workload, 1000))).toEqual([
      'read 0+1024',
      'read 1024+1024',
      'read 2048+452',
    ]);
  });

  it('makes, syncs, renames and deletes the same file of its kind', () => {
    const fresh: Files = { ...many, name: 'fresh', path: '/mnt/fresh-##', laidOut: false };
    const workload = oneWriter(
      {
        every: '1 s',
        pick: 'in order',
        do: [
          { create: 'fresh', size: '2 pages' },
          { fsync: 'fresh' },
          { rename: 'fresh', to: 'data' },
          { delete: 'data', each: 2 },
        ],
      },
      [many, fresh],
    );
    expect(acts(record(workload, 2000)).map(({ call, path, to }) => [call, path, to])).toEqual([
      ['create', '/mnt/fresh-01', undefined],
      ['write', '/mnt/fresh-01', undefined],
      ['sync', '/mnt/fresh-01', undefined],
      ['rename', '/mnt/fresh-01', '/mnt/data-01'],
      ['create', '/mnt/fresh-02', undefined],
      ['write', '/mnt/fresh-02', undefined],
      ['sync', '/mnt/fresh-02', undefined],
      ['rename', '/mnt/fresh-02', '/mnt/data-02'],
      ['unlink', '/mnt/data-02', undefined],
    ]);
  });

  it('writes past the page cache and reads within what is there', () => {
    const workload = oneWriter({
      every: '1 s',
      do: [
        { truncate: 'data', to: '3 pages' },
        { write: 'data', where: 'start', size: '8 pages', direct: true },
        { read: 'data', where: 'start', size: '8 pages', times: 2 },
        { truncate: 'data' },
        { read: 'data' },
        { fdatasync: 'data' },
      ],
    });
    const calls = acts(record(workload, 1000));
    expect(shapes(calls)).toEqual([
      'truncate',
      'writeDirect 0+3',
      'read 0+3',
      'read 0+3',
      'truncate',
      'sync',
    ]);
    expect(calls.at(-1)!.metadata).toBe(false);
  });

  it('leaves alone what is not there', () => {
    const files = [{ ...many, laidOut: false }];
    const workload = oneWriter(
      { rate: '100 pages/s', do: [{ read: 'data' }, { fsync: 'data' }, { delete: 'data' }] },
      files,
    );
    expect(record(workload, 1000)).toEqual([]);
  });

  it('syncs after so much was written', () => {
    const workload = oneWriter({
      rate: '20 operations/s',
      do: [
        { write: 'data', size: '3 pages' },
        { fdatasync: 'data', after: '10 pages' },
      ],
    });
    const syncs = acts(record(workload, 1000)).filter(({ call }) => call === 'sync');
    expect(syncs.map(({ ms }) => ms)).toEqual([150, 350, 550, 750, 950]);
  });
});

describe('where a writer goes', () => {
  const COUNT = 40_000;

  /** How often each page of 1000 was written, the most often first. */
  function histogram(where: Where): number[] {
    const workload = oneWriter({ rate: '20000 operations/s', do: [{ write: 'data', where }] });
    const counts = new Array<number>(1000).fill(0);
    for (const { first, count } of acts(record(workload, (COUNT / 20_000) * 1000))) {
      for (let page = first!; page < first! + count!; page++) counts[page]!++;
    }
    expect(counts.reduce((sum, count) => sum + count)).toBe(COUNT);
    return counts;
  }

  const sorted = (counts: readonly number[]) => [...counts].sort((one, other) => other - one);

  it('is anywhere as likely', () => {
    const counts = histogram('anywhere');
    const mean = COUNT / 1000;
    const chi = counts.reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0);
    // 999 degrees of freedom: five standard deviations around the mean.
    expect(chi).toBeGreaterThan(999 - 5 * Math.sqrt(2 * 999));
    expect(chi).toBeLessThan(999 + 5 * Math.sqrt(2 * 999));
  });

  it.each([0.8, 1, 1.5])('follows Zipf with the exponent %d', (zipf) => {
    const counts = sorted(histogram({ zipf }));
    // The density r^-s from r to r + 1, as a part of that from 1 to 1001.
    const upTo = (r: number) => (zipf === 1 ? Math.log(r) : (r ** (1 - zipf) - 1) / (1 - zipf));
    for (const ranks of [1, 10, 100]) {
      const expected = upTo(ranks + 1) / upTo(1001);
      const got = counts.slice(0, ranks).reduce((sum, count) => sum + count) / COUNT;
      expect(Math.abs(got - expected)).toBeLessThan(0.02);
    }
  });

  it('keeps hot pages of a unit together, and units apart', () => {
    const counts = histogram({ zipf: 1, unit: '10 pages' });
    const units = Array.from({ length: 100 }, (_, unit) => counts.slice(unit * 10, unit * 10 + 10));
    const totals = units.map((unit) => unit.reduce((sum, count) => sum + count));
    const hottest = totals.indexOf(Math.max(...totals));
    const inHottest = units[hottest]!;
    expect(Math.min(...inHottest)).toBeGreaterThan(Math.max(...inHottest) * 0.8);
    const [first, second] = sorted(totals).map((total) => totals.indexOf(total));
    expect(Math.abs(first! - second!)).toBeGreaterThan(1);
  });

  it('gives the hot set its share', () => {
    const counts = sorted(histogram({ hot: '10 %', gets: '90 %' }));
    const hot = counts.slice(0, 100).reduce((sum, count) => sum + count) / COUNT;
    expect(Math.abs(hot - 0.9)).toBeLessThan(0.01);
    expect(counts[100]).toBeLessThan(counts[99]! / 10);
  });

  it('picks files by the same distributions', () => {
    const workload = oneWriter(
      { rate: '20000 operations/s', pick: { zipf: 1 }, do: [{ write: 'data' }] },
      [many],
    );
    const counts = new Map<string, number>();
    for (const { path } of acts(record(workload, 1000)))
      counts.set(path, (counts.get(path) ?? 0) + 1);
    const ordered = sorted([...counts.values()]);
    expect(ordered).toHaveLength(10);
    expect(Math.abs(ordered[0]! / 20_000 - Math.log(2) / Math.log(11))).toBeLessThan(0.02);
  });

  it('draws sizes between two as likely', () => {
    const workload = oneWriter({
      rate: '20000 operations/s',
      do: [{ write: 'data', size: ['2 pages', '5 pages'] }],
    });
    const counts = new Map<number, number>();
    for (const { count } of acts(record(workload, 1000))) {
      counts.set(count!, (counts.get(count!) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual([2, 3, 4, 5]);
    for (const count of counts.values()) expect(Math.abs(count - 5000)).toBeLessThan(350);
  });
});

describe('a workload for a disk', () => {
  const small = { name: 'data', path: '/mnt/data', size: '30 MiB' };

  it('refuses files that do not fit', () => {
    const description = described([small], []);
    expect(() => createWorkload(description, { diskBytes: 32 * MIB })).toThrow(
      expect.objectContaining({
        kind: 'usage',
        message: expect.stringMatching(
          /^The workload test needs 31457280 bytes for its files/,
        ) as string,
      }) as Error,
    );
    expect(createWorkload(description, { diskBytes: 64 * MIB }).files).toEqual([
      { path: '/mnt/data', pages: 7680 },
    ]);
  });

  it.each([0, -1, 1.5, NaN, 2 ** 52])('refuses a disk of %d bytes', (diskBytes) => {
    expect(() => createWorkload(described([], []), { diskBytes })).toThrow(
      /^A workload can't have a disk of /,
    );
  });

  it.each([0, -1, NaN, Infinity])('refuses to multiply rates by %d', (rate) => {
    expect(() => createWorkload(described([], []), { diskBytes: MIB, rate })).toThrow(
      /^A workload's rate can't be multiplied by /,
    );
  });

  it('refuses a description that nobody has checked, and that is wrong', () => {
    const description = {
      ...described([small], []),
      writers: [{ name: 'writer', do: [{ write: 'dat' }] as [{ write: string }] }],
    };
    expect(() => createWorkload(description, { diskBytes: 64 * MIB })).toThrow(
      'The workload test can\'t be used: There are no files called "dat". Did you mean "data"?',
    );
  });
});
