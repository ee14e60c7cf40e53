import { appendFile, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { HostChange } from '../../../src/hypervisor/types.js';
import {
  FileJournal,
  longestJournalLine,
  parseJournal,
  readJournal,
} from '../../../src/engine/runs/index.js';
import { SmallFile, facts, journalOptions, testFolder } from './support.js';

const change: HostChange = { host: 'vm', run: 'r1', action: 'nbd-server-stop', arguments: {} };

async function onFile(file: SmallFile): Promise<FileJournal> {
  return FileJournal.create('journal', facts, {
    ...journalOptions(),
    openFile: () => Promise.resolve(file),
  });
}

const types = (text: string) => parseJournal(text, 'j').map(({ type }) => type);

describe('writing', () => {
  test('a file for its user alone, that begins with the run', async () => {
    const path = join(await testFolder(), 'journal.jsonl');
    const journal = await FileJournal.create(path, facts, journalOptions());
    await journal.record(change);
    await journal.note({ type: 'pausing', before: { running: true, status: 'running' } });
    await journal.close();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const records = await readJournal(path);
    expect(records).toMatchObject([
      { type: 'begin', run: 'r1', at: '1970-01-01T00:00:00.000Z', monotonicMs: 0 },
      { type: 'change', ...change },
      { type: 'pausing', before: { running: true } },
    ]);
  });

  test('a file that is there is not written to', async () => {
    const path = join(await testFolder(), 'journal.jsonl');
    await writeFile(path, 'what somebody else wrote');
    await expect(FileJournal.create(path, facts, journalOptions())).rejects.toMatchObject({
      kind: 'journal',
      message: expect.stringMatching(/^The journal .* can't be written: EEXIST/) as string,
    });
    expect(await readFile(path, 'utf8')).toBe('what somebody else wrote');
  });

  test('a record is on the disk when it is said to be', async () => {
    const file = new SmallFile();
    const journal = await onFile(file);
    expect(types(file.synced)).toEqual(['begin']);
    await journal.record(change);
    expect(types(file.synced)).toEqual(['begin', 'change']);
    file.syncs = false;
    await expect(journal.note({ type: 'paused' })).rejects.toMatchObject({
      kind: 'journal',
      message: expect.stringContaining('EIO') as string,
    });
  });

  test('a full disk is an error, and leaves a journal that can be read and written again', async () => {
    const file = new SmallFile();
    const journal = await onFile(file);
    file.room = 30;
    await expect(journal.record(change)).rejects.toMatchObject({
      kind: 'journal',
      message: "The journal journal can't be written: ENOSPC: no space left on device, write",
    });
    expect(types(file.text)).toEqual(['begin']);
    await expect(journal.record(change)).rejects.toMatchObject({ kind: 'journal' });
    file.room = 20;
    await expect(journal.record(change)).rejects.toMatchObject({ kind: 'journal' });
    expect(types(file.text)).toEqual(['begin']);
    file.room = Infinity;
    await journal.note({ type: 'cleaning' });
    expect(parseJournal(file.text, 'j')).toMatchObject([
      { type: 'begin' },
      { type: 'cleaning', afterTorn: true },
    ]);
    await journal.note({ type: 'resumed' });
    expect(types(file.text)).toEqual(['begin', 'cleaning', 'resumed']);
  });

  test('one record after the other, whatever becomes of the first', async () => {
    const file = new SmallFile();
    const journal = await onFile(file);
    const huge = { ...change, arguments: { path: 'x'.repeat(longestJournalLine) } };
    const results = await Promise.allSettled([
      journal.record(huge),
      journal.note({ type: 'tracking' }),
      journal.note({ type: 'cleaning' }),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
    expect(results[0]).toMatchObject({ reason: { kind: 'limit' } });
    expect(types(file.text)).toEqual(['begin', 'tracking', 'cleaning']);
  });

  test('routine changes once for each action, and again when the first could not be written', async () => {
    const file = new SmallFile();
    const journal = await onFile(file);
    const flip = { ...change, action: 'transaction', routine: true } as const;
    file.room = 10;
    await expect(journal.record(flip)).rejects.toMatchObject({ kind: 'journal' });
    file.room = Infinity;
    for (let i = 0; i < 3; i++) await journal.record(flip);
    await journal.record({ ...flip, action: 'block-export-del' });
    expect(parseJournal(file.text, 'j').slice(1)).toMatchObject([
      { action: 'transaction' },
      { action: 'block-export-del' },
    ]);
  });

  test('at its limit, what puts things back is still taken', async () => {
    const file = new SmallFile();
    const journal = await onFile(file);
    const large = { ...change, arguments: { path: 'x'.repeat(60_000) } };
    const fill = async () => {
      for (let i = 0; i < 1000; i++) await journal.record(large);
    };
    await expect(fill()).rejects.toMatchObject({
      kind: 'limit',
      message: 'The journal journal would be larger than 16777216 bytes.',
    });
    await journal.record({ ...large, undoes: true });
    await journal.note({
      type: 'end',
      outcome: 'failed',
      switchedOver: false,
      guest: 'running',
      leftBehind: [],
    });
    expect(types(file.text).at(-1)).toBe('end');
  });

  test('no secret', async () => {
    const file = new SmallFile();
    const journal = await onFile(file);
    await journal.record({
      ...change,
      arguments: { password: 'hunter2', file: { uri: 'rbd:pool/image:id=me:key=hunter2==' } },
    });
    const image = 'json:{"driver":"https","url":"https://me:hunter2@h/x","password":"hunter2"}';
    await journal.note({
      type: 'source',
      hypervisor: 'vm',
      disk: 'd',
      image,
      format: 'raw',
      size: 1,
    });
    expect(file.text).not.toContain('hunter2');
    expect(file.text).toContain('nbd://***@backup/disk0');
    expect(parseJournal(file.text, 'j')[2]).toMatchObject({
      image: 'json:{"driver":"https","url":"https://***@h/x","password":"***"}',
    });
  });
});

describe('reading', () => {
  const begin = JSON.stringify({ at: 'x', monotonicMs: 1, type: 'begin', ...facts });
  const line = (record: object) => JSON.stringify({ at: 'x', monotonicMs: 1, ...record });
  const ended = { type: 'end', outcome: 'failed', switchedOver: false, guest: 'running' };

  test('a last line that is torn anywhere says nothing', () => {
    const last = line({ type: 'resumed' });
    for (let length = 0; length < last.length; length++) {
      expect(types(`${begin}\n${last.slice(0, length)}`)).toEqual(['begin']);
    }
    expect(types(`${begin}\n${last}`)).toEqual(['begin', 'resumed']);
    expect(types('')).toEqual([]);
  });

  test.each([
    ['not JSON', '{"at":', 'is not JSON'],
    ['no object', '[1]', 'is not an object'],
    ['of an unknown type', line({ type: 'explode' }), 'has the unknown type "explode"'],
    ['of a type of Object', line({ type: 'constructor' }), 'has the unknown type "constructor"'],
    ['without a type', line({}), 'has no type'],
    ['that lacks a field', line({ type: 'switched', disk: 'd' }), '(switched) lacks "scope"'],
    [
      'with a foreign scope',
      line({ type: 'switched', disk: 'd', scope: 'x' }),
      '(switched) has an unknown scope',
    ],
    [
      'that does not say whether the guest ran',
      line({ type: 'pausing', before: {} }),
      '(pausing) does not say',
    ],
    [
      'without a process',
      line({ type: 'begin', ...facts, process: { pid: -1 } }),
      '(begin) names no process',
    ],
    ['without a disk', line({ type: 'begin', ...facts, options: {} }), '(begin) names no disk'],
    [
      'that does not say whether the guest moves',
      line({ type: 'begin', ...facts, options: { ...facts.options, pivot: null } }),
      '(begin) does not say',
    ],
    ...[null, { type: 'file', uri: 'x' }, { type: 'nbd', uri: 1 }, { type: 'toString' }].map(
      (destination): [string, string, string] => [
        `with the destination ${JSON.stringify(destination)}`,
        line({ type: 'begin', ...facts, options: { ...facts.options, destination } }),
        '(begin) names no destination',
      ],
    ),
    [
      'that left what is no text',
      line({ ...ended, leftBehind: [{ toString: 1 }] }),
      '(end) has no list of texts',
    ],
    [
      'that ended without a reason',
      line({ ...ended, leftBehind: [], error: {} }),
      '(end) has an error without',
    ],
  ])('a line %s in the middle is refused by its number', (_, faulty, says) => {
    const text = `${begin}\n${faulty}\n${line({ type: 'resumed' })}\n`;
    expect(() => parseJournal(text, '/j')).toThrow(`Line 2 of the journal /j ${says}`);
    expect(() => parseJournal(`${begin}\n${faulty}\n`, '/j')).toThrow(`Line 2 of the journal /j`);
  });

  test('limits are named', async () => {
    const limits = { bytes: 1000, lineBytes: 500, records: 2 };
    expect(() => parseJournal('x'.repeat(501), '/j', limits)).toThrow(
      'Line 1 of the journal /j is longer than 500 bytes.',
    );
    const many = `${line({ type: 'paused' })}\n`.repeat(3);
    expect(() => parseJournal(many, '/j', limits)).toThrow(
      'The journal /j has more than 2 records.',
    );
    const path = join(await testFolder(), 'j');
    await appendFile(path, 'x'.repeat(1001));
    await expect(readJournal(path, limits)).rejects.toMatchObject({
      kind: 'limit',
      message: `The journal ${path} has 1001 bytes, and at most 1000 are read.`,
    });
  });

  test('a file that is not there is an error of the journal', async () => {
    await expect(readJournal('/nowhere/j')).rejects.toMatchObject({ kind: 'journal' });
  });

  test('the description’s example is a journal', async () => {
    const prose = await readFile(join(import.meta.dirname, '../../../protocol/JOURNAL.md'), 'utf8');
    const examples = [...prose.matchAll(/```jsonl\n([^]*?)```/g)].map(([, text]) => text!);
    expect(examples).toHaveLength(2);
    expect(types(examples.join(''))).toEqual([
      ...['begin', 'source', 'change', 'tracking', 'change', 'pausing', 'change', 'paused'],
      ...['switching', 'switched', 'change', 'resumed', 'cleaning', 'end', 'guardian', 'guardian'],
    ]);
    for (const type of types(examples.join(''))) expect(prose).toContain(`| \`${type}\``);
  });
});
