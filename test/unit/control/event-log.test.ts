/** The events of a run in a file, which a second process goes on with. */
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { readEventsFile } from '../../../src/engine/continuation/read-events.js';
import { EventLog, type MigrationEvent } from '../../../src/engine/index.js';

const warning = (seq: number) =>
  ({ type: 'warning', seq, t: seq, message: `No. ${seq}` }) as MigrationEvent;
const noTrouble = (message: string) => expect.fail(message);

async function numbersFrom(log: EventLog, from: number): Promise<number[]> {
  const numbers: number[] = [];
  for await (const line of log.follow(from, new AbortController().signal)) {
    numbers.push((JSON.parse(line.toString()) as MigrationEvent).seq);
  }
  return numbers;
}

it('goes on after the last event that can be read, and followers get all of them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'migrascope-test-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'events.jsonl');
  const first = await EventLog.create(path, noTrouble);
  for (let seq = 0; seq < 700; seq++) first.append(warning(seq));
  await first.close();
  await appendFile(path, '{"type":"warning","seq":700,"t":700,"mess');
  const read = await readEventsFile(path, () => undefined);
  expect(read).toMatchObject({ count: 700, stopped: 'Its last line has no end.' });
  const second = await EventLog.reopen(path, read, noTrouble);
  for (let seq = 700; seq < 800; seq++) second.append(warning(seq));
  second.end();
  const all = Array.from({ length: 800 }, (_, seq) => seq);
  for (const from of [0, 1, 255, 256, 600, 699, 700, 701, 799, 800])
    expect(await numbersFrom(second, from)).toEqual(all.slice(from));
  await second.close();
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as MigrationEvent).seq)).toEqual(all);
});

it('can’t go on with a file that is not there', async () => {
  const read = { count: 0, bytes: 0, index: [] };
  await expect(EventLog.reopen('/nonexistent/events', read, noTrouble)).rejects.toMatchObject({
    kind: 'journal',
    message: expect.stringMatching(
      /^The file of events \/nonexistent\/events can't be gone/,
    ) as string,
  });
});
