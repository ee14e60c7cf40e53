import { Ajv2020 } from 'ajv/dist/2020.js';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { WORKLOADS } from '../../../../src/lab/types.js';
import {
  builtInWorkloads,
  createWorkload,
  parseWorkload,
  workloadCalled,
} from '../../../../src/simulator/workload/index.js';
import { MIB } from './describe.js';
import { record } from './recorder.js';

const root = join(import.meta.dirname, '../../../..');
const folder = join(root, 'src/simulator/workload/built-in');
const schema = JSON.parse(
  readFileSync(join(root, 'protocol/workload.schema.json'), 'utf8'),
) as object;
const validate = new Ajv2020().compile(schema);

function built(name: string, diskBytes = 1024 * MIB) {
  return createWorkload(workloadCalled(name), { diskBytes });
}

describe('the built-in workloads', () => {
  it('are the files of their folder, and those of the real lab first', () => {
    const names = readdirSync(folder).map((name) => name.replace('.json', ''));
    expect([...builtInWorkloads].sort()).toEqual(names.sort());
    expect(builtInWorkloads.slice(0, WORKLOADS.length)).toEqual([...WORKLOADS]);
  });

  it.each(builtInWorkloads)('%s validates, and says what real systems do', (name) => {
    const text = readFileSync(join(folder, `${name}.json`), 'utf8');
    expect(validate(JSON.parse(text)), JSON.stringify(validate.errors)).toBe(true);
    const description = parseWorkload(text, name);
    expect(description.name).toBe(name);
    expect(description.background?.length).toBeGreaterThan(80);
  });

  it.each(builtInWorkloads.flatMap((name) => [64, 1024, 10 * MIB].map((size) => [name, size])))(
    '%s runs on a disk of %i MiB for 40 s',
    (name, mebibytes) => {
      const workload = built(String(name), Number(mebibytes) * MIB);
      const total = workload.files.reduce((sum, { pages }) => sum + pages, 0);
      expect(total * 4096).toBeLessThanOrEqual(Number(mebibytes) * MIB * 0.9);
      const calls = record(workload, 40_000, { wait: ({ call }) => (call === 'sync' ? 2 : 0) });
      expect(calls.length > 0).toBe(name !== 'idle');
    },
  );

  it.each(builtInWorkloads)(
    '%s does the same for the same seed, and something else else',
    (name) => {
      // An upgrade begins with a download, which has no chance in it.
      const untilMs = name === 'package-upgrade' ? 65_000 : 10_000;
      const run = (seed: number) => record(built(name), untilMs, { seed });
      const once = run(7);
      expect(run(7)).toEqual(once);
      // A log has no chance in it.
      if (!['idle', 'sequential-log'].includes(name)) expect(run(8)).not.toEqual(once);
    },
  );

  it('refuses a name that is none', () => {
    expect(() => workloadCalled('data-base')).toThrow(
      expect.objectContaining({
        kind: 'usage',
        message: 'There is no workload called "data-base".',
        hint: expect.stringMatching(/^Did you mean "database"\? There are idle, /) as string,
      }) as Error,
    );
  });
});

describe('the workloads of the real lab', () => {
  const pages = (1024 * MIB) / 4096;

  it('lay out the same files as guest/lab/workload.c', () => {
    const workload = built('database');
    const settled = Array.from({ length: 8 }, (_, index) => ({
      path: `/mnt/file-00${16 + index}`,
      pages: pages / 32,
    }));
    expect(workload.files).toEqual([
      ...settled,
      { path: '/mnt/file-0001', pages: pages / 8 },
      { path: '/mnt/file-0002', pages: 0 },
    ]);
  });

  it.each([
    ['random-rewrite', 200],
    ['zipf-rewrite', 400],
    ['sequential-log', 1000],
  ])('%s writes %i pages a second, in turns of 50 ms', (name, rate) => {
    const writes = record(built(name), 10_000).filter(({ call }) => call === 'write');
    expect(writes.reduce((sum, { count }) => sum + count!, 0)).toBe(rate * 10);
    expect(new Set(writes.map(({ ms }) => ms)).size).toBe(200);
    expect(writes.every(({ ms }) => ms % 50 === 0)).toBe(true);
  });

  it('empties a log that is full, and begins it anew', () => {
    const calls = record(built('sequential-log', 64 * MIB), 3000);
    const capacity = (64 * MIB) / 4096 / 8;
    expect(calls[0]).toMatchObject({ call: 'open', path: '/mnt/file-0002' });
    const emptied = calls.findIndex(({ call }) => call === 'truncate');
    const before = calls.slice(0, emptied).filter(({ call }) => call === 'write');
    expect(before.reduce((sum, { count }) => sum + count!, 0)).toBe(capacity);
    expect(calls[emptied]).toMatchObject({ ms: 2000, count: 0, path: '/mnt/file-0002' });
    expect(calls[emptied + 1]).toMatchObject({ call: 'write', first: 0 });
  });

  it('syncs the log after each fourth page of a turn, and the table after 2000 pages', () => {
    const calls = record(built('database'), 30_000).filter(({ call }) => call !== 'open');
    const turn = calls.filter(({ ms }) => ms === 50);
    const shape = turn.map(({ call, path }) => `${call} ${path.slice(-1)}`).join(', ');
    const transaction = 'write 1, write 1, write 1, write 1, write 2, sync 2';
    expect(shape).toBe(`${transaction}, ${transaction}, write 1, write 1`);
    const checkpoints = calls.filter(({ call, path }) => call === 'sync' && path.endsWith('1'));
    expect(checkpoints.map(({ ms }) => ms)).toEqual([9950, 19_950, 29_950]);
    expect(calls.some(({ metadata }) => metadata)).toBe(false);
  });

  it('writes whole small files, at least 40 pages a turn, and empties one in four before', () => {
    const workload = built('small-files', 512 * MIB);
    const calls = record(workload, 60_000);
    const largest = (512 * MIB) / 4096 / 8 / 512;
    const writes = calls.filter(({ call }) => call === 'write');
    const truncated = calls.filter(({ call }) => call === 'truncate').length;
    const turns = new Map<number, number>();
    for (const { ms, count } of writes) turns.set(ms, (turns.get(ms) ?? 0) + count!);
    expect(turns.size).toBe(1200);
    expect(Math.min(...turns.values())).toBeGreaterThanOrEqual(40);
    expect(Math.max(...turns.values())).toBeLessThan(40 + largest);
    expect(writes.every(({ first, count }) => first === 0 && count! <= largest)).toBe(true);
    expect(new Set(writes.map(({ path }) => path)).size).toBeGreaterThan(500);
    // A file must be there to be emptied; nearly all are after a few seconds.
    expect(truncated / writes.length).toBeGreaterThan(0.2);
    expect(truncated / writes.length).toBeLessThan(0.27);
  });
});

describe('boot-storm', () => {
  it('reads far more than it writes for a minute, and then is nearly quiet', () => {
    const calls = record(built('boot-storm'), 120_000);
    const moved = (call: string, fromMs: number, toMs: number) =>
      calls
        .filter((one) => one.call === call && one.ms >= fromMs && one.ms < toMs)
        .reduce((sum, { count }) => sum + count!, 0);
    expect(moved('read', 0, 60_000)).toBeGreaterThan(3 * moved('write', 0, 60_000));
    expect(moved('read', 60_000, 120_000)).toBe(0);
    expect(moved('write', 60_000, 120_000)).toBeLessThan(moved('write', 0, 60_000) / 10);
  });
});

describe('database-checkpoint', () => {
  it('writes the table from second 5 to 20 of each half minute, and then syncs it', () => {
    const calls = record(built('database-checkpoint'), 60_000);
    const table = calls.filter(({ path }) => path === '/mnt/db/table');
    const seconds = table.filter(({ call }) => call === 'write').map(({ ms }) => (ms / 1000) % 30);
    expect(Math.min(...seconds)).toBe(5);
    expect(Math.max(...seconds)).toBeLessThan(20);
    expect(seconds.length).toBe(2 * 15 * 400);
    const syncs = table.filter(({ call }) => call === 'sync');
    expect(syncs.map(({ ms }) => ms)).toEqual([20_000, 50_000]);
  });
});

describe('package-upgrade', () => {
  it('writes each file under another name, syncs it, and renames it into place', () => {
    const calls = record(built('package-upgrade'), 61_000).filter(({ path }) =>
      path.includes('/usr/'),
    );
    const one = calls.slice(0, 4).map(({ call, path, to }) => [call, path, to]);
    const [item, fresh] = ['/mnt/usr/share/item-0001', '/mnt/usr/share/item-0001.new'];
    expect(one).toEqual([
      ['create', fresh, undefined],
      ['write', fresh, undefined],
      ['sync', fresh, undefined],
      ['rename', fresh, item],
    ]);
  });
});
