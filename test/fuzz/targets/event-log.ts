/** The file of a run's events, as controllers follow it: each event once, in order, from wherever one begins. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventLog, type MigrationEvent } from '../../../src/engine/index.js';
import type { Random } from '../../unit/support/random.js';
import type { FuzzInput } from '../harness/input.js';
import { must, TAKEN, type FuzzTarget, type Verdict } from '../harness/target.js';
import { arbitrary, mutateTurns } from '../mutate/turns.js';
import { linesBy } from '../recording.js';
import { recordings } from '../recordings.js';
import fc from 'fast-check';

const lines = linesBy('peer', recordings.events);

/** Each turn is the text of an event; the cuts say from which event it is followed. */
function make(random: Random): FuzzInput {
  const some = Array.from({ length: 1 + random.below(20) }, () =>
    random.chance(0.7)
      ? mutateTurns([lines[random.below(lines.length)]!], random, { lines: false })[0]!
      : Buffer.from(arbitrary(fc.string({ unit: 'binary', maxLength: 40 }), random)),
  );
  const turns = random.chance(0.03)
    ? Array.from({ length: 300 }, (_, index) => some[index % some.length]!)
    : some;
  return { turns, cuts: [1 + random.below(turns.length + 2)], ending: 'end' };
}

async function read(input: FuzzInput): Promise<Verdict> {
  const folder = mkdtempSync(join(tmpdir(), 'migrascope-fuzz-'));
  const troubles: string[] = [];
  const log = await EventLog.create(join(folder, 'events.jsonl'), (text) => troubles.push(text));
  try {
    const from = input.cuts[0]! - 1;
    const texts = input.turns.map((turn) => turn.toString());
    const heard = follow(log, from);
    for (const text of texts) log.append({ type: 'text', text } as unknown as MigrationEvent);
    log.end();
    const late = await follow(log, from);
    must(troubles.length === 0, `The log had trouble: ${troubles.join(' ')}`);
    for (const events of [await heard, late]) {
      const same = events.length === Math.max(0, texts.length - from);
      must(same, `${events.length} events of ${texts.length}, from ${from} on`);
      must(
        events.every((event, index) => event === texts[from + index]),
        'Events that are not those that were put in.',
      );
    }
    return TAKEN;
  } finally {
    await log.close();
    rmSync(folder, { recursive: true });
  }
}

async function follow(log: EventLog, from: number): Promise<string[]> {
  const events: string[] = [];
  for await (const line of log.follow(from, new AbortController().signal))
    events.push((JSON.parse(line.toString()) as { text: string }).text);
  return events;
}

export const eventLogTarget: FuzzTarget = {
  name: 'event-log',
  about: "the file of a run's events, as controllers follow it",
  share: 0.1,
  make,
  read,
};
