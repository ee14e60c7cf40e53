/** Journals of runs: whether they are read, and how far a run was by what they say. */
import fc from 'fast-check';
import { parseJournal, JOURNAL_LIMITS } from '../../../src/engine/runs/index.js';
import { progressOf } from '../../../src/engine/recover/progress.js';
import type { Random } from '../../unit/support/random.js';
import { wholeOf, type FuzzInput } from '../harness/input.js';
import { must, verdictOf, type FuzzTarget, type Verdict } from '../harness/target.js';
import { arbitrary, asLine, mutateTurns } from '../mutate/turns.js';
import { linesBy } from '../recording.js';
import { recordings } from '../recordings.js';

const lines = linesBy('peer', recordings.journal);
const LIMITS = { ...JOURNAL_LIMITS, lineBytes: 32 * 1024, records: 40 };

const value = fc.oneof(
  fc.constantFrom<unknown>(null, {}, [], 0, -1, 1e300, '', 'x', true, { running: true }),
  fc.jsonValue({ maxDepth: 1 }),
);
const time = { at: fc.constant('2026-01-01T00:00:00.000Z'), monotonicMs: fc.nat(1000) };
const text = fc.constantFrom('x', '', '__proto__');
const record = fc.oneof(
  fc.record({
    ...time,
    type: fc.constantFrom('tracking', 'paused', 'resumed', 'cleaning', '__proto__', 'toString'),
    afterTorn: value,
  }),
  fc.record({ ...time, type: fc.constant('pausing'), before: value }),
  fc.record({
    ...time,
    type: fc.constantFrom('switching', 'switched'),
    scope: fc.constantFrom<unknown>('disk', 'guest', 'other', 1),
    disk: text,
    from: text,
    to: text,
  }),
  fc.record({
    ...time,
    type: fc.constant('begin'),
    run: text,
    version: text,
    host: text,
    process: fc.oneof(value, fc.record({ pid: fc.nat(9), machine: text })),
    options: fc.oneof(value, fc.record({ pivot: value, destination: value })),
  }),
  fc.record({
    ...time,
    type: fc.constant('change'),
    host: text,
    action: fc.constantFrom('create-file', 'blockdev-create', 'made-file', 'found-on-source'),
    arguments: fc.oneof(value, fc.record({ path: value, options: value, driver: value })),
  }),
  fc.record({ ...time, type: fc.constant('guardian'), act: text, message: value }),
  fc.record({ ...time, type: value }),
);

function make(random: Random): FuzzInput {
  const from = random.chance(0.7) ? 0 : random.below(lines.length);
  const some = lines.slice(from, from + 1 + random.below(lines.length));
  const turns = random.chance(0.7)
    ? mutateTurns(some, random, { lines: true })
    : [lines[0]!, ...arbitrary(fc.array(record, { maxLength: 6 }), random).map(asLine)].slice(
        random.below(2),
      );
  return { turns, cuts: [], ending: 'end' };
}

function read(input: FuzzInput): Verdict {
  return verdictOf(() => {
    const journal = wholeOf(input).toString();
    const records = parseJournal(journal, 'journal.jsonl', LIMITS);
    must(records.length <= LIMITS.records, 'More records than the limit.');
    must(records.length <= journal.split('\n').length, 'More records than lines.');
    const progress = progressOf(records);
    must(typeof progress.run === 'string', 'A run without an id.');
    const { destination } = progress;
    const where: unknown = destination.type === 'file' ? destination.path : destination.uri;
    must(typeof where === 'string', 'A destination without a name.');
    for (const ended of records)
      if (ended.type === 'end') must(ended.leftBehind.join().length >= 0, 'No words.');
    must(
      !(progress.debt.owed && progress.debt.elsewhere),
      'A resume is owed to a guest elsewhere.',
    );
  });
}

export const journalTarget: FuzzTarget = {
  name: 'journal',
  about: 'the journal of a run, and how far the run was',
  share: 14,
  make,
  read,
};
