/** Adding to the journal of a dead run. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { appendToJournal } from '../../../src/engine/runs/index.js';
import { journalOptions, testFolder } from '../runs/support.js';

it('adds a line, and does not make a journal where there is none', async () => {
  const path = join(await testFolder(), 'journal.jsonl');
  const adding = appendToJournal(path, { type: 'cleaning' }, journalOptions());
  await expect(adding).rejects.toMatchObject({
    kind: 'journal',
    message: expect.stringContaining(`The journal ${path} can't be written: ENOENT`) as string,
  });
  await writeFile(path, '{}\n');
  await appendToJournal(path, { type: 'cleaning' }, journalOptions());
  expect((await readFile(path, 'utf8')).split('\n')).toEqual([
    '{}',
    '{"at":"1970-01-01T00:00:00.000Z","monotonicMs":0,"type":"cleaning"}',
    '',
  ]);
});
