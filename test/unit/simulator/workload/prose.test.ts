import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createWorkload, parseWorkload } from '../../../../src/simulator/workload/index.js';
import { MIB, problemsOf } from './describe.js';
import { record } from './recorder.js';

const prose = readFileSync(join(import.meta.dirname, '../../../../protocol/WORKLOAD.md'), 'utf8');
const example = /```jsonc\n([^`]*)```/.exec(prose)![1]!;

describe('protocol/WORKLOAD.md', () => {
  it('has an example that does what it says', () => {
    const workload = createWorkload(parseWorkload(example, 'example'), { diskBytes: 1024 * MIB });
    expect(workload.files.map(({ path }) => path).slice(0, 3)).toEqual([
      '/mnt/db/table',
      '/mnt/img/01.jpg',
      '/mnt/img/02.jpg',
    ]);
    const calls = record(workload, 120_000);
    const commits = calls.filter(({ call, path }) => call === 'sync' && path.endsWith('log'));
    expect(commits.filter(({ ms }) => ms < 60_000)).toHaveLength(60 * 50);
    expect(commits.filter(({ ms }) => ms >= 60_000)).toHaveLength(60 * 5);
    const backup = calls.filter(({ call, path }) => call === 'read' && path.endsWith('table'));
    expect(new Set(backup.map(({ ms }) => Math.floor(ms / 5000)))).toEqual(new Set([2, 8, 14, 20]));
  });

  it('shows a message as it is', () => {
    const wrong = example.replace('"in order"', '"anywere"');
    const told = /my\.json:12:34: (.*) …/.exec(prose)![1]!;
    expect(problemsOf(wrong)).toHaveLength(1);
    expect(problemsOf(wrong)[0]).toContain(told);
  });
});
