import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  FileJournal,
  createRunFolder,
  forgetRun,
  identifyProcess,
  processLives,
  runStatus,
  type ProcessIdentity,
  type RunFolder,
} from '../../../src/engine/runs/index.js';
import { facts, journalOptions, testFolder } from './support.js';

/** A process that does nothing, and ends with the test. */
async function idleProcess() {
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child, 'spawn');
  return child;
}

async function deadProcess(): Promise<ProcessIdentity> {
  const child = await idleProcess();
  const identity = await identifyProcess(child.pid);
  child.kill('SIGKILL');
  await once(child, 'exit');
  return identity;
}

async function runOf(
  process: ProcessIdentity,
): Promise<{ folder: RunFolder; journal: FileJournal }> {
  const folder = await createRunFolder(await testFolder(), 'r1');
  const journal = await FileJournal.create(folder.journal, { ...facts, process }, journalOptions());
  onTestFinished(() => journal.close());
  return { folder, journal };
}

/** Holds a run's control socket. */
async function hold({ controlSocket }: RunFolder): Promise<void> {
  const server = createServer().listen(controlSocket);
  onTestFinished(() => void server.close());
  await once(server, 'listening');
}

describe('a process', () => {
  test('lives, also when it is stopped, and is known again', async () => {
    const child = await idleProcess();
    const identity = await identifyProcess(child.pid);
    expect(await identifyProcess(child.pid)).toEqual(identity);
    child.kill('SIGSTOP');
    expect(await processLives(identity)).toBe('alive');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await processLives(identity)).toBe('dead');
  });

  test('of the same number that started at another time, or before the machine did, is dead', async () => {
    const own = await identifyProcess();
    expect(await processLives(own)).toBe('alive');
    expect(await processLives({ ...own, startTime: '1' })).toBe('dead');
    expect(await processLives({ ...own, bootId: 'another' })).toBe('dead');
  });

  test('of another machine, or of numbers that are not ours, can not be told', async () => {
    const own = await identifyProcess();
    expect(await processLives({ ...own, machine: 'elsewhere' })).toBe('unknown');
    expect(await processLives({ ...own, pidNamespace: 'pid:[1]', startTime: '1' })).toBe('unknown');
  });

  test('that is not there has no identity', async () => {
    const { pid } = await deadProcess();
    await expect(identifyProcess(pid)).rejects.toMatchObject({ kind: 'journal' });
  });
});

describe('a run', () => {
  test('runs while its control socket is held, whatever its journal says of its process', async () => {
    const { folder } = await runOf(await deadProcess());
    await hold(folder);
    expect(await runStatus(folder)).toMatchObject({ state: 'running', begin: { run: 'r1' } });
  });

  test('has ended when its journal says so, with what was not put back', async () => {
    const { folder, journal } = await runOf(await identifyProcess());
    const leftBehind = ['resuming the guest: QEMU was lost'];
    const error = { kind: 'guest', message: 'It powered off.' };
    await journal.note({
      type: 'end',
      outcome: 'failed',
      switchedOver: false,
      guest: 'gone',
      error,
      leftBehind,
    });
    expect(await runStatus(folder)).toMatchObject({
      state: 'ended',
      reason: 'It ended as failed: It powered off. Not put back: resuming the guest: QEMU was lost',
      last: { type: 'end' },
    });
  });

  test('is dead when its process is, and nobody holds its socket', async () => {
    const { folder, journal } = await runOf(await deadProcess());
    await journal.note({ type: 'tracking' });
    expect(await runStatus(folder)).toMatchObject({ state: 'dead', last: { type: 'tracking' } });
    const server = createServer().listen(folder.controlSocket);
    await once(server, 'listening');
    server.close();
    expect(await runStatus(folder)).toMatchObject({ state: 'dead' });
  });

  test('is dead also when its process left its socket behind', async () => {
    const { folder } = await runOf(await deadProcess());
    const script = 'require("net").createServer().listen(process.argv[1], () => console.log("up"))';
    const child = spawn(process.execPath, ['-e', script, folder.controlSocket]);
    onTestFinished(() => void child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    child.kill('SIGSTOP');
    expect(await runStatus(folder)).toMatchObject({ state: 'running' });
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await runStatus(folder)).toMatchObject({ state: 'dead' });
  });

  test('whose process lives but does not listen is not called dead', async () => {
    const { folder } = await runOf(await identifyProcess());
    expect(await runStatus(folder)).toMatchObject({
      state: 'unknown',
      reason: expect.stringContaining('lives, but does not listen') as string,
    });
  });

  test('of another machine is not called dead', async () => {
    const { folder } = await runOf({ ...(await deadProcess()), machine: 'elsewhere' });
    expect(await runStatus(folder)).toMatchObject({ state: 'unknown' });
  });

  test('without a journal, or with a faulty one, is not called dead', async () => {
    const { folder } = await runOf(await deadProcess());
    await writeFile(folder.journal, 'x\n');
    expect(await runStatus(folder)).toMatchObject({
      state: 'unknown',
      reason: expect.stringMatching(/^Line 1 of the journal/) as string,
    });
    await writeFile(folder.journal, '');
    expect(await runStatus(folder)).toMatchObject({
      state: 'unknown',
      reason: 'Its journal does not name its process.',
    });
    expect(await runStatus({ ...folder, journal: '/nowhere' })).toMatchObject({ state: 'unknown' });
  });

  test('is not waited for once nobody wants to know', async () => {
    const { folder } = await runOf(await identifyProcess());
    await expect(runStatus(folder, AbortSignal.abort())).rejects.toMatchObject({
      kind: 'cancelled',
    });
  });
});

describe('forgetting a run', () => {
  const whole = {
    type: 'end',
    outcome: 'completed',
    switchedOver: true,
    guest: 'running',
    leftBehind: [],
  } as const;

  test('that ended in order deletes its folder', async () => {
    const { folder, journal } = await runOf(await deadProcess());
    await journal.note(whole);
    await forgetRun(folder);
    await expect(stat(folder.path)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('is refused of one that is dead, left something or is told of still', async () => {
    const dead = await runOf(await deadProcess());
    await expect(forgetRun(dead.folder)).rejects.toThrow(
      /^The run r1 is not forgotten, since it is dead: /,
    );
    const left = await runOf(await deadProcess());
    await left.journal.note({ ...whole, leftBehind: ['a bitmap'] });
    await expect(forgetRun(left.folder)).rejects.toThrow(/Not put back: a bitmap/);
    const told = await runOf(await deadProcess());
    await told.journal.note(whole);
    await hold(told.folder);
    await expect(forgetRun(told.folder)).rejects.toThrow(
      /^The run r1 is not forgotten, since its process still tells of it/,
    );
    for (const { folder } of [dead, left, told]) await stat(folder.journal);
  });
});
