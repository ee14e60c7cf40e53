/** Reports of the simulated probe: bounds, lines, checksum, speed of what is large. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReportAssembler } from '../../../../src/probe/report.js';
import type { CacheReport } from '../../../../src/probe/types.js';
import type { CachedRun } from '../../../../src/simulator/guest/types.js';
import { ProbeFaults } from '../../../../src/simulator/probe/faults.js';
import { lineOf } from '../../../../src/simulator/probe/lines.js';
import { reportLines } from '../../../../src/simulator/probe/report.js';
import type { RequestId } from '../../../../src/simulator/probe/requests.js';
import { FakeGuest } from '../support/fake-guest.js';

const folder = path.resolve(import.meta.dirname, '../../../../protocol');
const schema = JSON.parse(readFileSync(path.join(folder, 'probe.schema.json'), 'utf8')) as object;
const validate = new Ajv({
  strict: true,
  strictTypes: false,
  strictTuples: false,
  strictRequired: false,
}).compile(schema);

const header = {
  method: 'kcore',
  kernel: '6.12.0',
  bootId: 'boot',
  dirtyExpireMs: 30_000,
  dirtyWritebackMs: 5_000,
  disk: { name: 'vda', size: 2 ** 40 },
};

function linesOf(
  guest: FakeGuest,
  { id = 'a', paths = true, faults = new ProbeFaults(() => undefined) } = {},
): Buffer[] {
  const request = { id: id as RequestId, sequence: 1, clean: true, paths, isGuests: true, header };
  const lines = reportLines(guest, faults, request);
  const all: Buffer[] = [];
  for (;;) {
    const { done, value } = lines.next();
    if (done) return [...all, lineOf({ id, result: value })];
    all.push(value);
  }
}

function read(lines: readonly Buffer[]): CacheReport {
  const assembler = new ReportAssembler();
  for (const line of lines.slice(0, -1))
    assembler.add(JSON.parse(line.toString()) as Record<string, unknown>, line);
  const end = JSON.parse(lines.at(-1)!.toString()) as { result: unknown };
  return assembler.finish(end.result);
}

function manyRuns(count: number, files: number): CachedRun[] {
  return Array.from({ length: count }, (_, index) => ({
    offset: index * 1_048_576,
    length: 4096 * (1 + (index % 7)),
    state: index % 3 === 0 ? 'dirty' : 'clean',
    class: 'data',
    inode: 11 + (index % files),
    fileOffset: index * 4096,
    ageMs: index % 30_000,
  }));
}

describe('a report of the simulated probe', () => {
  it('is read by the host, checks included, whatever is cached', () => {
    const run = fc.record({
      gap: fc.nat(2 ** 40),
      length: fc.integer({ min: 1, max: 2 ** 32 }),
      state: fc.constantFrom('clean', 'dirty', 'writeback'),
      class: fc.constantFrom('data', 'metadata', 'journal'),
      inode: fc.option(fc.constantFrom(2, 12, 2 ** 53 + 2), { nil: undefined }),
      fileOffset: fc.option(fc.nat(2 ** 40), { nil: undefined }),
      ageMs: fc.option(fc.double({ min: 0, max: 1e9, noNaN: true }), { nil: undefined }),
    });
    const property = fc.property(
      fc.array(run, { maxLength: 12 }),
      fc.string({ unit: 'binary', maxLength: 30 }),
      fc.string({ minLength: 1, maxLength: 20, unit: 'binary' }),
      (runs, path, id) => {
        const guest = new FakeGuest();
        let end = 0;
        guest.runs = runs.map(({ gap, ...rest }) => {
          const offset = end + gap;
          end = offset + rest.length;
          return JSON.parse(JSON.stringify({ ...rest, offset })) as CachedRun;
        });
        guest.allFiles.set(12, { inode: 12, path, size: 0, extents: [] });
        const lines = linesOf(guest, { id });
        expect(lines.filter((line) => !validate(JSON.parse(line.toString())))).toEqual([]);
        const report = read(lines);
        expect(report.extents).toEqual(guest.runs.map((told) => asReported(told, report)));
      },
    );
    fc.assert(property, { numRuns: 50 });
  });

  it('of 200,000 extents comes in full lines', () => {
    const guest = new FakeGuest();
    guest.runs = manyRuns(200_000, 3000);
    const lines = linesOf(guest);
    const report = read(lines);
    expect(report.extents).toHaveLength(200_000);
    expect(report.files).toHaveLength(3000);
    expect(report.truncated).toBeUndefined();
    const extents = lines.filter((line) => line.includes('"extents":['));
    for (const line of extents.slice(0, -1)) {
      expect(line.length).toBeLessThanOrEqual(65_536);
      expect(line.length).toBeGreaterThan(65_400);
    }
  });

  it.each([
    [262_144, 1, 262_144, undefined],
    [262_145, 1, 262_144, 'The page cache holds more extents than the probe reports.'],
    [65_536, 65_536, 65_536, undefined],
    [65_537, 65_537, 65_536, 'The page cache holds more files than the probe reports.'],
  ])('of %i extents in %i files has %i extents', (count, files, told, truncated) => {
    const guest = new FakeGuest();
    guest.runs = manyRuns(count, files);
    const lines = linesOf(guest);
    const { report } = JSON.parse(lines[0]!.toString()) as { report: Record<string, unknown> };
    expect(report['truncated']).toBe(truncated);
    expect(JSON.parse(lines.at(-1)!.toString())).toMatchObject({
      result: { extents: told, files: Math.min(files, 65_536) },
    });
  });

  it('has 4,096 paths, and none that fills a line', () => {
    const guest = new FakeGuest();
    guest.runs = manyRuns(5000, 5000);
    for (let inode = 11; inode < 5011; inode++)
      guest.allFiles.set(inode, { inode, path: `/f/${inode}`, size: 0, extents: [] });
    guest.allFiles.set(11, { inode: 11, path: `/${'\u0001'.repeat(5000)}`, size: 0, extents: [] });
    const lines = linesOf(guest);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(65_536);
    const { files } = read(lines);
    expect(files[0]).toEqual({
      device: '254:0',
      inode: 11,
      generation: 1,
      links: 1,
      fileSystem: 'ext4',
    });
    expect(files.filter((file) => file.path !== undefined)).toHaveLength(4096);
    expect(files[4096]!.path).toBe('/f/4107');
    expect(files[4097]!.path).toBeUndefined();
  });

  it('puts long paths of any letters into lines that are short enough', () => {
    const guest = new FakeGuest();
    guest.runs = manyRuns(30, 30);
    for (let inode = 11; inode < 41; inode++)
      guest.allFiles.set(inode, { inode, path: `/${'é'.repeat(4000)}`, size: 0, extents: [] });
    const lines = linesOf(guest);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(65_536);
    expect(read(lines).files.every(({ path }) => path?.length === 4001)).toBe(true);
  });

  it('is of the moment at which it began', () => {
    const guest = new FakeGuest();
    guest.runs = manyRuns(10_000, 1);
    const before = read(linesOf(guest)).extents;
    guest.onLook = () => queueMicrotask(() => (guest.runs = []));
    expect(read(linesOf(guest)).extents).toEqual(before);
  });

  it('has no journal where there is none', () => {
    const guest = new FakeGuest();
    guest.journal = { offset: 0, length: 0 };
    expect(read(linesOf(guest)).journals).toEqual([]);
  });
});

/** A run as the host's reader gives it. */
function asReported({ inode, ...run }: CachedRun, { files }: CacheReport): object {
  const { offset, length, state, fileOffset, ageMs } = run;
  const file = inode === undefined ? -1 : files.findIndex((told) => told.inode === inode);
  return {
    offset,
    length,
    state,
    class: run.class,
    ...(file < 0 ? {} : { file }),
    ...(file < 0 || fileOffset === undefined ? {} : { fileOffset }),
    ...(ageMs === undefined || state === 'clean' ? {} : { ageMs: Math.floor(ageMs) }),
  };
}
