/** A trace on its way into a file, on the real file system; a full disk is /dev/full. */
import type * as fs from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createTraceWriter } from '../../../src/engine/trace.js';
import { MemoryLab } from '../support/memory-lab.js';
import { migrateInLab } from '../support/migrate-in-lab.js';

const disk = vi.hoisted(() => ({ full: false }));

vi.mock('node:fs', async (importOriginal) => {
  const real = await importOriginal<typeof fs>();
  const createWriteStream: typeof fs.createWriteStream = (path, options) =>
    disk.full ? real.createWriteStream('/dev/full') : real.createWriteStream(path, options);
  return { ...real, createWriteStream };
});

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trace-'));
  disk.full = false;
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

function unexpected(error: Error): never {
  throw error;
}

describe('a trace', () => {
  it.each([
    ['run.jsonl', (bytes: Buffer) => bytes.toString()],
    ['run.jsonl.gz', (bytes: Buffer) => gunzipSync(bytes).toString()],
  ])('in %s holds every event, one a line', async (name, textOf) => {
    const path = join(folder, name);
    const trace = await createTraceWriter(path, unexpected);
    const { events } = await migrateInLab(new MemoryLab(), { onEvent: trace.sink });
    expect(await trace.close()).toBeUndefined();
    const lines = textOf(await readFile(path))
      .trimEnd()
      .split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(events);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('is not written over a file that is there', async () => {
    const path = join(folder, 'there.jsonl');
    await writeFile(path, 'mine');
    const writer = createTraceWriter(path, unexpected);
    await expect(writer).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringMatching(/^Can't write the trace to .*there\.jsonl: EEXIST/) as string,
    });
    expect(await readFile(path, 'utf8')).toBe('mine');
  });

  it('is not written into a folder that is not there', async () => {
    const writer = createTraceWriter(join(folder, 'no', 'run.jsonl'), unexpected);
    await expect(writer).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringMatching(/^Can't write the trace to .*ENOENT/) as string,
    });
  });

  it.each(['run.jsonl', 'run.jsonl.gz'])(
    'in %s on a full disk is told once and leaves the run unharmed',
    async (name) => {
      disk.full = true;
      const failures: Error[] = [];
      const trace = await createTraceWriter(join(folder, name), (error) => failures.push(error));
      for (let i = 0; i < 3; i++) {
        const { error } = await migrateInLab(new MemoryLab(), { onEvent: trace.sink });
        expect(error).toBeUndefined();
      }
      const failure = await trace.close();
      expect(failure?.message).toMatch(/^ENOSPC/);
      expect(failures).toEqual([failure]);
    },
  );
});
