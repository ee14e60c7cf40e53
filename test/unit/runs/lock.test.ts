import { stat } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { UsageError } from '../../../src/base/errors.js';
import {
  createRunFolder,
  FileJournal,
  holdRun,
  identifyProcess,
  runStatus,
} from '../../../src/engine/runs/index.js';
import { facts, journalOptions, testFolder } from './support.js';

test('a run whose lock is held is running, for its user alone', async () => {
  const folder = await createRunFolder(await testFolder(), 'r1');
  const begin = { ...facts, process: await identifyProcess() };
  const journal = await FileJournal.create(folder.journal, begin, journalOptions());
  const lock = await holdRun(folder);
  expect((await stat(folder.controlSocket)).mode & 0o777).toBe(0o600);
  expect(await runStatus(folder)).toMatchObject({ state: 'running' });
  await lock.release();
  expect(await runStatus(folder)).toMatchObject({ state: 'unknown' });
  await journal.close();
});

test('a lock that somebody holds is not taken', async () => {
  const folder = await createRunFolder(await testFolder(), 'r1');
  const lock = await holdRun(folder);
  const refused = holdRun(folder);
  await expect(refused).rejects.toThrow(UsageError);
  await expect(refused).rejects.toThrow(/^The run r1 can't be locked: /);
  await lock.release();
});
