/** The built command and the built library, as their users run them, on a real guest. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MigrationEvent } from '../../src/engine/index.js';
import { MigrationLab } from './support/migration.js';
import { assertNothingLeft } from './support/qemu-leftovers.js';

const root = resolve(import.meta.dirname, '../..');
const execute = promisify(execFile);

/** Where the commands keep their runs. */
let state: string;
beforeAll(async () => {
  state = await mkdtemp(join(tmpdir(), 'migrascope-test-'));
});
afterAll(() => rm(state, { recursive: true }));

function node(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const env = { ...process.env, MIGRASCOPE_STATE: state };
  return execute(process.execPath, args, { cwd: root, env, maxBuffer: 64 * 1024 ** 2 });
}

const migrascope = (...args: string[]) => node('dist/cli.js', ...args);

function eventsIn(lines: string): MigrationEvent[] {
  return lines
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as MigrationEvent);
}

describe('on a real guest', () => {
  let lab: MigrationLab;
  beforeAll(async () => {
    lab = await MigrationLab.boot({ workload: 'random-rewrite' });
  });
  afterAll(() => lab[Symbol.asyncDispose]());

  it('map shows the page cache and the files behind it, and leaves nothing', async () => {
    const { stdout } = await migrascope('map', lab.guest.qmp);
    expect(stdout).toMatch(/^disk0 +128 MiB$/m);
    expect(stdout).toMatch(/^probe +kcore/m);
    expect(stdout).toContain('/mnt/file-0001');
    await assertNothingLeft(lab.monitor);
  });

  it('migrate --json prints events that fit the schema, and the trace has the same', async () => {
    const trace = join(lab.folder, 'trace.jsonl.gz');
    const { stdout } = await migrascope(
      ...['migrate', lab.guest.name, 'disk0', '--to', `file:${lab.newPath()}`],
      ...['--json', '--trace', trace, '--max-bandwidth', '32MiB'],
    );
    const events = eventsIn(stdout);
    const schema = JSON.parse(
      await readFile(join(root, 'protocol/events.schema.json'), 'utf8'),
    ) as object;
    const validate = new Ajv2020({ strict: false }).compile(schema);
    const wrong = events.filter((event) => !validate(event));
    expect(wrong).toEqual([]);
    expect(events.at(-1)).toMatchObject({
      type: 'summary',
      policy: 'cache',
      outcome: 'completed',
      verified: true,
      switchedOver: false,
      guest: 'running',
    });
    expect(eventsIn(gunzipSync(await readFile(trace)).toString('utf8'))).toEqual(events);
    const dirty = events.filter((event) => event.type === 'dirty');
    expect(Math.max(...dirty.map(({ sinceMs }) => sinceMs))).toBeGreaterThan(0);
    await lab.expectOnSource();
    await assertNothingLeft(lab.monitor);
  });

  it('a wrong disk ends with exit code 2, and the names of those that are there', async () => {
    const failed = migrascope('migrate', lab.guest.name, 'sda', '--to', 'file:/nowhere');
    await expect(failed).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /^migrascope: There is no disk sda on .*\n +hint: .*disk0/,
      ) as string,
    });
  });

  it('the example of docs/library.md works', async () => {
    const text = await readFile(join(root, 'docs/library.md'), 'utf8');
    const example = /```js\n([\s\S]*?)```/.exec(text)?.[1];
    // In dist/, where the package's own name leads to its doors.
    const file = join(root, `dist/example-${process.pid}.mjs`);
    await writeFile(file, example ?? '');
    try {
      const { stdout } = await node(file, lab.guest.qmp, 'disk0', lab.newPath());
      expect(stdout).toMatch(/^round 0: \d+ bytes$/m);
      expect(stdout).toMatch(/^\d+ bytes sent$/m);
    } finally {
      await rm(file);
    }
    await assertNothingLeft(lab.monitor);
    expect(await lab.lab.verify()).toBeGreaterThan(0);
  });
});
