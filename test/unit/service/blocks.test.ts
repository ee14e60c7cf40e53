/** The words of the blocks against what the terminal's view makes of the same events. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ViewModel } from '../../../src/cli/view/model.js';
import {
  BlockSet,
  encodeRuns,
  type EventBody,
  type MigrationEvent,
} from '../../../src/engine/index.js';
import {
  ALLOCATED,
  cacheStateOf,
  dirtiedCountOf,
  DIRTY_SINCE,
  migrationStateOf,
  MIGRATION_STATES,
  PENDING,
  sentCountOf,
} from '../../../src/heatmap/index.js';
import type { Blocks } from '../../../src/service/view/blocks.js';
import { FileNames } from '../../../src/service/view/file-map.js';
import { Moment } from '../../../src/service/view/moment.js';
import { scriptedMigration } from '../cli/fixtures.js';
import { GRANULARITY, numbered, startEvent } from './support.js';

/** Two pages and a little, and a last block that is shorter. */
const BLOCKS = 9000;
const SIZE = BLOCKS * GRANULARITY - 1000;

/** What the terminal's view calls a block with this word. */
function terminalState(word: number): string {
  const state = MIGRATION_STATES[migrationStateOf(word)]!;
  if (state === 'deferred') return state;
  if ((word & PENDING) !== 0) return 'pending';
  if (cacheStateOf(word) === 3) return 'dirty';
  return state;
}

function bytesOf(blocks: Blocks, state: string): number {
  return bytesIn(blocks, (word) => terminalState(word) === state);
}

function bytesIn(blocks: Blocks, is: (word: number) => boolean): number {
  const { granularity, size } = blocks.geometry;
  let bytes = 0;
  for (let block = 0; block < blocks.count; block++) {
    if (is(blocks.word(block))) bytes += Math.min(granularity, size - block * granularity);
  }
  return bytes;
}

const STATES = ['pending', 'deferred', 'dirty', 'resent', 'sent', 'free'] as const;

function expectSame(moment: Moment, model: ViewModel): void {
  const [blocks, theirs] = [moment.blocks!, model.blocks!];
  for (const state of STATES)
    expect([state, bytesOf(blocks, state)]).toEqual([state, theirs.bytes(state)]);
  expect(blocks.pendingBytes).toBe(model.missingBytes);
  expect(blocks.deferredBytes).toBe(theirs.bytes('deferred'));
}

const anySet = fc
  .array(fc.tuple(fc.nat(BLOCKS - 1), fc.integer({ min: 1, max: 5000 })), { maxLength: 3 })
  .map((runs) =>
    encodeRuns(
      BlockSet.unionOf(
        runs.map(([start, count]) => BlockSet.range(start, Math.min(count, BLOCKS - start))),
      ),
    ),
  );

const anyBody = fc.oneof(
  fc.record({ type: fc.constant('allocated'), blocks: anySet, bytes: fc.constant(0) }),
  fc.record({ type: fc.constant('dirty'), blocks: anySet }),
  fc.record({
    type: fc.constant('sent'),
    blocks: anySet,
    bytes: fc.nat(100),
    resentBytes: fc.nat(9),
  }),
  fc.record({
    type: fc.constant('cache'),
    ...{ dirty: anySet, writeback: anySet, clean: anySet },
    files: fc.constant([]),
  }),
  fc.record({
    type: fc.constant('plan'),
    send: anySet,
    deferred: fc.uniqueArray(
      fc.record({ reason: fc.constantFrom('a', 'b', 'c'), blocks: anySet }),
      { selector: ({ reason }) => reason, maxLength: 3 },
    ),
  }),
  fc.record({
    type: fc.constant('statement'),
    line: fc.integer({ min: 1, max: 18 }),
    ...{ round: fc.nat(3), batch: fc.nat(3) },
  }),
  fc.constantFrom<object>(
    { type: 'batch', dirtyRate: 1, bandwidth: 1 },
    { type: 'paused', byProgram: true },
    { type: 'drain' },
    { type: 'probe', state: 'lost', message: '' },
  ),
) as unknown as fc.Arbitrary<EventBody>;

const anyEvents = fc
  .array(anyBody, { maxLength: 25 })
  .map((bodies) => numbered([startEvent(SIZE), ...bodies]));

describe('the words of the blocks', () => {
  it('say the same as the view of the terminal, whatever the events', () => {
    fc.assert(
      fc.property(anyEvents, (events) => {
        const moment = new Moment(new FileNames(), false);
        const model = new ViewModel();
        for (const event of events) {
          moment.apply(event);
          model.apply(event);
        }
        expectSame(moment, model);
      }),
      { numRuns: 150 },
    );
  });

  it('say the same as the view of the terminal after each event of a migration', () => {
    const events = scriptedMigration({ sizeMiB: 64, pivot: true });
    const moment = new Moment(new FileNames(), false);
    const model = new ViewModel();
    for (const event of events) {
      moment.apply(event);
      model.apply(event);
      if (model.blocks) expectSame(moment, model);
    }
    expect(moment.figures.summary).toBeDefined();
  });

  it('are the same whether a moment was kept on the way or not, and it stays as it was', () => {
    fc.assert(
      fc.property(anyEvents, fc.nat(25), (events, cut) => {
        const names = new FileNames();
        const whole = new Moment(names, false);
        let kept = whole.freeze();
        let words: number[] = [];
        events.forEach((event, index) => {
          whole.apply(event);
          if (index !== cut) return;
          kept = whole.freeze();
          words = wordsOf(whole);
        });
        const again = new Moment(names, false, kept);
        if (kept.seq >= 0) expect(wordsOf(again)).toEqual(words);
        for (const event of events.slice(kept.seq + 1)) again.apply(event);
        expect(wordsOf(again)).toEqual(wordsOf(whole));
        expect(again.blocks?.pendingBytes).toBe(whole.blocks?.pendingBytes);
      }),
      { numRuns: 60 },
    );
  });

  it('are counted in the legend, the last block by its own length', () => {
    fc.assert(
      fc.property(anyEvents, (events) => {
        const moment = new Moment(new FileNames(), false);
        for (const event of events) moment.apply(event);
        const blocks = moment.blocks!;
        const { migration, cache, disk, frequency } = blocks.legend;
        for (const layer of [migration, cache, disk, frequency])
          expect(layer.reduce((sum, bytes) => sum + bytes, 0)).toBe(SIZE);
        expect(migration[5]).toBe(blocks.deferredBytes);
        expect(migration[3]! + migration[4]! + migration[5]!).toBe(blocks.pendingBytes);
        expect(migration).toEqual(
          MIGRATION_STATES.map((_, state) =>
            bytesIn(blocks, (word) => migrationStateOf(word) === state),
          ),
        );
        const reasons = blocks.reasons.map((_, reason) => blocks.reasonBytes(reason));
        expect(reasons.reduce((sum, bytes) => sum + bytes, 0)).toBe(blocks.deferredBytes);
      }),
      { numRuns: 60 },
    );
  });
});

function wordsOf({ blocks }: Moment): number[] {
  return blocks ? Array.from({ length: blocks.count }, (_, block) => blocks.word(block)) : [];
}

describe('a word', () => {
  const after = (...bodies: readonly object[]) => {
    const moment = new Moment(new FileNames(), false);
    const events = numbered([startEvent(16 * GRANULARITY), ...(bodies as EventBody[])]);
    for (const event of events) moment.apply(event);
    return moment.blocks!.word(3);
  };
  const statement = (line: number) => ({ type: 'statement', line, round: 0, batch: 0 });
  const three = [3, 1];
  const allocated = { type: 'allocated', blocks: three };
  const dirty = { type: 'dirty', blocks: three };
  const sent = { type: 'sent', blocks: three, bytes: 1, resentBytes: 0 };
  const plan = { type: 'plan', send: three, deferred: [], sendBytes: 1 };
  const nameOf = (word: number) => MIGRATION_STATES[migrationStateOf(word)];

  it('is in flight from its plan until it is sent', () => {
    expect(nameOf(after(allocated, statement(7), plan))).toBe('inflight');
    expect(nameOf(after(allocated, statement(7), plan, sent))).toBe('sent');
  });

  it('is not in flight by the outlook of statement 11', () => {
    expect(nameOf(after(allocated, statement(11), plan))).toBe('pending');
  });

  it('stays pending where it was written while it was sent', () => {
    expect(nameOf(after(allocated, plan, dirty, sent))).toBe('pending');
    expect(nameOf(after(allocated, plan, dirty, sent, { type: 'batch' }, plan, sent))).toBe(
      'resent',
    );
  });

  it('counts up to 255', () => {
    const word = after(...Array.from({ length: 300 }, () => [dirty, sent]).flat());
    expect([sentCountOf(word), dirtiedCountOf(word)]).toEqual([255, 255]);
  });

  it('is dirty since the round began, until the next one begins', () => {
    expect(after(dirty) & (DIRTY_SINCE | ALLOCATED)).toBe(DIRTY_SINCE | ALLOCATED);
    expect(after(dirty, statement(4)) & (DIRTY_SINCE | ALLOCATED)).toBe(ALLOCATED);
  });

  it('differs where a comparison said so, until it is sent again', () => {
    const differing = [{ offset: 3 * GRANULARITY + 5, length: 10 }];
    const verify = { type: 'verify', phase: 'sent', checkedBytes: 1, tookMs: 1, differing };
    expect(nameOf(after(allocated, sent, verify))).toBe('differs');
    expect(nameOf(after(allocated, sent, verify, sent))).toBe('resent');
  });

  it('is pending after a take-over only where that says so', () => {
    const takenOver = (pending: number[]) => ({
      type: 'taken-over',
      pending,
      pendingBytes: 0,
      keptBytes: 0,
    });
    expect(nameOf(after(allocated, sent, takenOver(three)))).toBe('pending');
    expect(nameOf(after(allocated, takenOver([5, 1])))).toBe('free');
  });

  it('of a watched disk has no migration, and is dirtied when the page cache says so', () => {
    const look = (set: number[]) => ({
      type: 'cache',
      dirty: set,
      writeback: [],
      clean: [],
      files: [],
    });
    const moment = new Moment(new FileNames(), true);
    const bodies = [allocated, look(three), look(three), look([]), look(three)];
    const events: MigrationEvent[] = numbered([
      startEvent(16 * GRANULARITY),
      ...(bodies as unknown as EventBody[]),
    ]);
    for (const event of events) moment.apply(event);
    const word = moment.blocks!.word(3);
    expect(nameOf(word)).toBe('free');
    expect(dirtiedCountOf(word)).toBe(2);
    moment.apply({ seq: 6, t: 6, type: 'allocated', blocks: [], bytes: 0 });
    expect(moment.blocks!.word(3) & ALLOCATED).toBe(0);
  });

  it('of a set that does not fit the disk is refused', () => {
    expect(() => after({ type: 'dirty', blocks: [15, 2] })).toThrow(/^The run-length form/);
    const moment = new Moment(new FileNames(), false);
    expect(() =>
      moment.apply({ seq: 0, t: 0, type: 'allocated', blocks: [0, 1], bytes: 1 }),
    ).toThrow(/^An event of blocks \(allocated\) is before the start event/);
  });
});
