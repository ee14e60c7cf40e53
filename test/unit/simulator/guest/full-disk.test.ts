/** A guest whose disk gets full: its programs are told, and everything else goes on. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runScenario, workloadGuest } from '../../../../src/experiment/index.js';
import { createGuest } from '../../../../src/simulator/guest/guest.js';
import {
  builtInWorkloads,
  createWorkload,
  workloadCalled,
  type OpenFile,
  type SystemCalls,
  type WorkloadDescription,
} from '../../../../src/simulator/workload/index.js';
import { NoSpaceError } from '../../../../src/simulator/workload/no-space.js';
import { createRandom } from '../../../../src/simulator/random.js';
import { run, scenarioFor } from '../../experiment/support.js';
import { CountingDevice, MIB, workloadOf, type Act } from './support.js';

const SIZE = 16 * MIB;

function guestOf(acts: readonly (readonly [atMs: number, act: Act])[], lines: string[] = []) {
  const device = new CountingDevice(SIZE);
  const console = (line: string): void => void lines.push(line);
  const settings = { cacheBytes: 64 * MIB };
  return createGuest({ device, workload: workloadOf(acts), seed: 1, settings, console });
}

/** Writes so many pages at an end that is there; what was written where not all had room. */
function append(calls: SystemCalls, file: OpenFile, count: number): number {
  try {
    calls.write(file, file.pages, count);
    return count;
  } catch (error) {
    if (!(error instanceof NoSpaceError)) throw error;
    return error.written;
  }
}

/** Fills the disk. @returns how many pages it took. */
function fill(calls: SystemCalls, file: OpenFile): number {
  for (let all = 0; ;) {
    const written = append(calls, file, 100);
    all += written;
    if (written < 100) return all;
  }
}

describe('a disk that is full', () => {
  it('is full when it is written to, to the last page, long before anything is written back', () => {
    const lines: string[] = [];
    const counts: number[] = [];
    const guest = guestOf(
      [
        [
          100,
          (calls, open) => {
            const file = open('/data/a');
            counts.push(fill(calls, file), append(calls, file, 1));
            calls.write(file, 0, 10);
            counts.push(file.pages);
          },
        ],
        [60_000, (calls, open) => counts.push(append(calls, open('/data/a'), 1))],
      ],
      lines,
    );
    guest.advance(200);
    const [all, none, pages] = counts;
    expect(all).toBeGreaterThan((SIZE / 4096) * 0.6);
    expect(none).toBe(0);
    expect(pages).toBe(all);
    guest.advance(120_000);
    expect(counts[3]).toBe(0);
    expect(guest.dirtyBytes).toBe(0);
    const [file] = [...guest.files()];
    const placed = file!.extents.reduce((sum, { length }) => sum + length, 0);
    expect(placed).toBe(all! * 4096);
    expect(lines).toEqual([
      "[    0.100000] vda: /data/a can't be written: No space left on device (28)",
    ]);
  });

  it('refuses a new file, a new name and O_DIRECT in a hole, and nothing has changed', () => {
    const refused: string[] = [];
    const attempt = (what: string, act: () => void): void => {
      try {
        act();
      } catch (error) {
        if (error instanceof NoSpaceError) refused.push(what);
        else throw error;
      }
    };
    const guest = guestOf([
      [
        0,
        (calls, open) => {
          const hole = open('/data/hole');
          calls.truncate(hole, 50);
          fill(calls, open('/data/a'));
          attempt('create', () => calls.create('/new/folder/file'));
          attempt('rename', () => calls.rename('/data/a', '/other/a'));
          attempt('direct', () => calls.writeDirect(hole, 0, 5));
          attempt('replace', () => calls.rename('/data/a', '/data/hole'));
        },
      ],
    ]);
    guest.advance(60_000);
    expect(refused).toEqual(['create', 'rename', 'direct']);
    expect([...guest.files()].map(({ path }) => path)).toEqual(['/data/hole']);
  });

  it('has room again for what was dropped before it was written, and for what was deleted', () => {
    const counts: number[] = [];
    const guest = guestOf([
      [
        0,
        (calls, open) => {
          const file = open('/data/a');
          counts.push(fill(calls, file));
          calls.truncate(file, 0);
          counts.push(fill(calls, file));
        },
      ],
      [
        60_000,
        (calls, open) => {
          calls.unlink('/data/a');
          counts.push(fill(calls, open('/data/a')));
        },
      ],
    ]);
    guest.advance(120_000);
    const [first] = counts;
    expect(counts).toEqual([first, first, first]);
  });

  it('harms nothing, whatever programs do on it', () => {
    const paths = ['/a/1', '/a/2', '/b/1', '/c/d/1'];
    let refusals = 0;
    fc.assert(
      fc.property(fc.integer({ min: 1 }), (seed) => {
        const random = createRandom(seed, 'acts');
        const acts = Array.from({ length: 300 }, (_, index) => {
          const act: Act = (calls) => {
            const path = paths[random.below(paths.length)]!;
            const open = () => calls.open(path) ?? calls.create(path);
            const some = () => 1 + random.below(900);
            const all: (() => unknown)[] = [
              () => calls.write(open(), random.below(3000), some()),
              () => calls.write(open(), open().pages, some()),
              () => calls.truncate(open(), random.below(3000)),
              () => open().pages > 9 && calls.writeDirect(open(), 2, random.below(7)),
              () => calls.sync(open(), random.next() < 0.5),
              () => calls.open(path) && calls.unlink(path),
              () => calls.open(path) && calls.rename(path, paths[random.below(4)]!),
            ];
            try {
              all[random.below(all.length)]!();
            } catch (error) {
              if (!(error instanceof NoSpaceError)) throw error;
              refusals++;
            }
          };
          return [index * 150, act] as const;
        });
        const clean: Act = (calls) => {
          for (const path of paths) if (calls.open(path)) calls.unlink(path);
        };
        const guest = guestOf([...acts, [60_000, clean]]);
        for (let ms = 500; ms < 59_000; ms += 500) {
          guest.advance(ms);
          if (random.next() < 0.1) guest.drain();
        }
        guest.advance(100_000);
        expect([...guest.files()]).toEqual([]);
        // All is free again that was free, but for the folders' own pages and what is kept for small files.
        expect(guest.trim() / 4096).toBeGreaterThanOrEqual(fresh() - 4 - 512);
      }),
      { numRuns: 15 },
    );
    expect(refusals).toBeGreaterThan(0);
  });
});

/** Pages that are free on such a disk before anything is on it. */
function fresh(): number {
  return guestOf([]).trim() / 4096;
}

/** Everything that can be written is, and a log that is cut makes room now and then. */
const FILLING: WorkloadDescription = {
  name: 'filling',
  description: 'Fills its disk.',
  files: [
    { name: 'data', path: '/data/#', count: 40, together: '85 %', laidOut: false },
    { name: 'log', path: '/log', size: '5 %', laidOut: false },
  ],
  writers: [
    { name: 'data', rate: '8 operations/s', pick: 'in order', do: [{ create: 'data' }] },
    {
      name: 'log',
      rate: '100 pages/s',
      do: [{ append: 'log' }, { fsync: 'log', after: '8 pages' }, { truncate: 'log', each: 600 }],
    },
  ],
};

describe('a workload that fills its disk', () => {
  it('goes on as far as it can, and writes again where there is room', () => {
    const lines: string[] = [];
    const device = new CountingDevice(SIZE);
    const workload = createWorkload(FILLING, { diskBytes: SIZE });
    const guest = createGuest({ device, workload, seed: 1, console: (line) => lines.push(line) });
    guest.advance(60_000);
    expect(lines).toHaveLength(1);
    const written = guest.writtenBytes;
    guest.advance(120_000);
    expect(guest.writtenBytes).toBeGreaterThan(written + MIB);
    expect(lines).toHaveLength(1);
  });

  it.each(builtInWorkloads)('%s runs on disks that are too small for it', (name) => {
    for (const diskBytes of [16 * MIB, 20 * MIB, 32 * MIB]) {
      const device = new CountingDevice(diskBytes);
      let workload;
      try {
        workload = createWorkload(workloadCalled(name), { diskBytes, rate: 2 });
      } catch {
        // Its files have a size of their own.
        continue;
      }
      const make = () => createGuest({ device, workload, seed: 1 });
      let guest;
      try {
        guest = make();
      } catch (error) {
        // What is laid out before it begins has to fit.
        expect(error).toBeInstanceOf(NoSpaceError);
        continue;
      }
      guest.advance(60_000);
      expect(guest.monotonicMs).toBe(60_000);
    }
  });

  it.each(['plain', 'cache'] as const)('is migrated while it does (%s)', async (policy) => {
    const recipe = { diskBytes: SIZE, cacheBytes: 16 * MIB, seed: 1, rate: 1 };
    const scenario = { ...scenarioFor({ policy }), guest: workloadGuest(FILLING, recipe) };
    const { summary } = await run(scenario);
    expect(summary).toMatchObject({ outcome: 'completed', verified: true, guest: 'running' });
  });

  it('does the same each time', async () => {
    const recipe = { diskBytes: SIZE, cacheBytes: 16 * MIB, seed: 1, rate: 1 };
    const once = async (): Promise<string> => {
      const events: unknown[] = [];
      const guest = workloadGuest(FILLING, recipe);
      await runScenario({ ...scenarioFor(), guest }, { sink: (event) => void events.push(event) });
      return JSON.stringify(events);
    };
    expect(await once()).toBe(await once());
  });
});
