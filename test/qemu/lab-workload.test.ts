/**
 * The writer of the lab's guests, on this machine: what it writes it can check, and a single wrong
 * byte is found.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WORKLOADS, type WorkloadName } from '../../src/lab/index.js';

const program = resolve(import.meta.dirname, '../../dist/lab/lab-workload');
const size = 64 * 1024 ** 2;
const seed = '7';
const run = promisify(execFile);

describe('the writer', () => {
  let folder: string;
  let status: string;
  let writer: ChildProcess | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'migrascope-workload-'));
    status = await mkdtemp(join(tmpdir(), 'migrascope-status-'));
  });

  afterEach(async () => {
    await stop();
    for (const path of [folder, status]) await rm(path, { recursive: true, force: true });
  });

  async function appears(name: string): Promise<string> {
    for (;;) {
      const text = await readFile(join(status, name), 'utf8').catch(() => undefined);
      if (text !== undefined) return text;
      if (writer?.exitCode !== null) throw new Error(`The writer ended before ${name} was there.`);
      await delay(20);
    }
  }

  async function start(workload: WorkloadName, rate = 4000): Promise<void> {
    await rm(join(status, 'workload.ready'), { force: true });
    writer = spawn(program, ['run', folder, workload, seed, String(size), String(rate)], {
      env: { LAB_STATUS: status },
      stdio: 'ignore',
    });
    await appears('workload.ready');
  }

  async function stop(): Promise<void> {
    if (writer?.exitCode === null && writer.signalCode === null) {
      writer.kill('SIGKILL');
      await once(writer, 'exit');
    }
    writer = undefined;
  }

  /** What the writer finds in its own files. */
  async function check(): Promise<string> {
    await rm(join(status, 'workload.check'), { force: true });
    writer?.kill('SIGUSR1');
    return appears('workload.check');
  }

  /** What a check without the writer finds. */
  async function verify(): Promise<string> {
    return run(program, ['verify', folder, seed]).then(
      ({ stdout }) => stdout,
      (error: unknown) => (error as { readonly stdout: string }).stdout,
    );
  }

  it.each(WORKLOADS)(
    'finds its files right while it runs, after it and when it begins anew: %s',
    async (workload) => {
      await start(workload);
      await delay(300);
      expect(await check()).toMatch(/^ok [1-9]\d*\n$/);
      await stop();
      expect(await verify()).toMatch(/^ok [1-9]\d*\n$/);
      await start(workload);
      expect(await check()).toMatch(/^ok [1-9]\d*\n$/);
    },
  );

  const settled = () => join(folder, 'file-0016');
  const region = () => join(folder, 'file-0001');

  async function change(path: string, offset: number, bytes: Uint8Array): Promise<void> {
    const file = await open(path, 'r+');
    await file.write(bytes, 0, bytes.length, offset);
    await file.close();
  }

  it('finds one wrong byte, a page that is gone and one too many', async () => {
    await start('idle');
    const original = await readFile(settled());
    await change(settled(), 3 * 4096 + 4095, Buffer.from([original[3 * 4096 + 4095]! ^ 1]));
    expect(await check()).toBe('wrong 16 3\n');
    expect(await verify()).toBe('wrong 16 3\n');
    await writeFile(settled(), original);
    await truncate(settled(), original.length - 4096);
    expect(await check()).toBe(`wrong 16 ${original.length / 4096 - 1}\n`);
    await writeFile(settled(), Buffer.concat([original, original.subarray(0, 4096)]));
    expect(await check()).toBe(`wrong 16 ${original.length / 4096}\n`);
  });

  it('finds pages that are whole and in their place, but older than what was written last', async () => {
    await start('random-rewrite', 1000);
    const old = await readFile(region());
    await delay(1000);
    writer?.kill('SIGSTOP');
    await change(region(), 0, old);
    const found = check();
    writer?.kill('SIGCONT');
    expect(await found).toMatch(/^wrong 1 \d+\n/);
    await stop();
    expect(await verify()).toMatch(/^ok /);
  });

  it('does not begin on files that are damaged', async () => {
    await start('idle');
    await stop();
    await change(settled(), 0, Buffer.from('nonsense'));
    await expect(start('idle')).rejects.toThrow(
      'The writer ended before workload.ready was there.',
    );
  });

  it('says how it is used', async () => {
    await expect(run(program, ['nonsense'])).rejects.toMatchObject({ code: 2 });
    await expect(run(program, ['run', folder, 'nonsense', seed, '1', '0'])).rejects.toMatchObject({
      code: 2,
      stderr: 'lab-workload: there is no workload nonsense\n',
    });
  });
});
