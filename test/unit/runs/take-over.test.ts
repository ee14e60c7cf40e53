/** Taking a dead run over: one process has it, and its journal says which. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import {
  createRunFolder,
  FileJournal,
  identifyProcess,
  readJournal,
  runStatus,
  type ProcessIdentity,
  type RunFolder,
} from '../../../src/engine/runs/index.js';
import { facts, journalOptions, testFolder } from './support.js';

/** A process that lives until the test is over. */
async function other(): Promise<{ identity: ProcessIdentity; end: () => Promise<void> }> {
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const identity = await identifyProcess(child.pid);
  const end = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  onTestFinished(end);
  return { identity, end };
}

/** The folder of a run whose process is dead. */
async function deadRun(): Promise<RunFolder> {
  const folder = await createRunFolder(await testFolder(), 'r1');
  const { identity, end } = await other();
  const begin = { ...facts, process: identity };
  const journal = await FileJournal.create(folder.journal, begin, journalOptions());
  await journal.note({ type: 'tracking' });
  await journal.close();
  await end();
  return folder;
}

const takeOver = (folder: RunFolder, process: ProcessIdentity) =>
  FileJournal.takeOver(folder.journal, { version: '2', process }, journalOptions());

test('goes on with its journal, behind a line that was torn, too', async () => {
  const folder = await deadRun();
  await appendFile(folder.journal, '{"type":"paus');
  const own = await identifyProcess();
  const journal = await takeOver(folder, own);
  await journal.note({ type: 'cleaning' });
  await journal.close();
  const records = await readJournal(folder.journal);
  expect(records.map(({ type }) => type)).toEqual(['begin', 'tracking', 'taken-over', 'cleaning']);
  expect(records[2]).toMatchObject({ afterTorn: true, version: '2', process: own });
});

test('is for one process only: the first in the journal that lives', async () => {
  const folder = await deadRun();
  const first = await other();
  await (await takeOver(folder, first.identity)).close();
  expect(await runStatus(folder)).toMatchObject({
    state: 'unknown',
    owner: first.identity,
    reason: `Its process ${first.identity.pid} lives, but does not listen: it begins, or ends.`,
  });
  const late = await other();
  await expect(takeOver(folder, late.identity)).rejects.toMatchObject({
    kind: 'usage',
    message: `The run is gone on with by another process, ${first.identity.pid}.`,
  });
  await late.end();
  await first.end();
  const second = await other();
  await (await takeOver(folder, second.identity)).close();
  await second.end();
  expect(await runStatus(folder)).toMatchObject({ state: 'dead', owner: second.identity });
});

test('needs a journal', async () => {
  const folder = await createRunFolder(await testFolder(), 'r1');
  await expect(takeOver(folder, await identifyProcess())).rejects.toMatchObject({
    kind: 'journal',
  });
});
