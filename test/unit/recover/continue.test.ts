/** What is put right of a dead run before another process goes on with it, and what stays. */
import { expect, it } from 'vitest';
import { HypervisorError } from '../../../src/base/errors.js';
import { continueRun } from '../../../src/engine/recover/index.js';
import type { JournalEntry } from '../../../src/engine/runs/index.js';
import { MemoryLab } from '../support/memory-lab.js';
import { DeadRun, DIED, replayedTo } from './support.js';

const journal = { record: () => Promise.resolve() };
const { signal } = new AbortController();
const read = { count: 42, bytes: 4200, index: [0] };

/** A run that died, with the exports and bitmaps that it had. */
async function died(entries: readonly JournalEntry[]): Promise<DeadRun> {
  const lab = new MemoryLab();
  for (const name of ['dirty-7', 'node', 'source-1', 'image-1'])
    lab.names.add(`migrascope-r1-${name}`);
  if (entries !== DIED['in-rounds']) lab.guest.pause(0);
  const run = await DeadRun.create(lab, entries);
  run.events = { replayed: replayedTo(6), read };
  return run;
}

const goOn = (run: DeadRun) => continueRun(run.folder, run, { journal, agoMs: 9, signal });

it('exports go, bitmaps stay, and what the events tell is handed on', async () => {
  const run = await died(DIED['in-rounds']);
  const { continuation, read: told } = await goOn(run);
  expect([...run.lab.names]).toEqual(['migrascope-r1-dirty-7', 'migrascope-r1-node']);
  expect(continuation).toMatchObject({ flip: 6, events: 42, agoMs: 9 });
  expect(told).toBe(read);
  expect(run.lab.hypervisorOpen).toBe(false);
  expect(await run.typesSince(DIED['in-rounds'].length)).toEqual([]);
});

it('a guest that is owed a resume is resumed first', async () => {
  const run = await died(DIED.paused);
  await goOn(run);
  expect(run.lab.guest.running).toBe(true);
  expect(await run.typesSince(DIED.paused.length)).toEqual(['resumed']);
});

it('is refused where it can’t be, and nothing is touched', async () => {
  const run = await died(DIED.paused);
  run.events = { replayed: replayedTo(3), read };
  await expect(goOn(run)).rejects.toMatchObject({
    kind: 'hypervisor',
    message: expect.stringMatching(
      /^The run r1 can't be resumed: what was written since/,
    ) as string,
  });
  expect(run.lab.names.size).toBe(4);
  expect(run.lab.guest.running).toBe(false);
  expect(run.lab.hypervisorOpen).toBe(false);
});

it('is refused where something that is in the way can’t be removed', async () => {
  const run = await died(DIED['in-rounds']);
  run.lab.faults.add({
    at: 'hypervisor.removeLeftovers',
    does: new HypervisorError('It is in use.'),
  });
  await expect(goOn(run)).rejects.toMatchObject({
    kind: 'hypervisor',
    message: expect.stringMatching(
      /^The run r1 can't be resumed: .* remains: It is in use/,
    ) as string,
  });
});
