import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import {
  BlockSet,
  blockGeometry,
  encodeRuns,
  type MigrationEvent,
} from '../../../src/engine/index.js';
import { BLOCK_STATES, MigrationBlocks } from '../../../src/cli/view/blocks.js';
import { CountedSet, partsOf } from '../../../src/cli/view/cells.js';
import { ViewModel } from '../../../src/cli/view/model.js';
import { scriptedMigration } from './fixtures.js';

const GRANULARITY = 65_536;

function play(events: readonly MigrationEvent[]): ViewModel {
  const model = new ViewModel();
  for (const event of events) model.apply(event);
  return model;
}

describe('the model of the view', () => {
  const events = scriptedMigration({ sizeMiB: 256 });

  it('agrees with every figure that the events state', () => {
    const model = new ViewModel();
    let rounds = 0;
    for (const event of events) {
      model.apply(event);
      if (event.type !== 'round' && event.type !== 'batch') continue;
      rounds++;
      // What is written between statement 11's flip and the end of its round is known to the view only.
      const later = event.type === 'round' && !event.final ? 2 * GRANULARITY : 0;
      expect(model.missingBytes).toBeGreaterThanOrEqual(event.pendingBytes);
      expect(model.missingBytes).toBeLessThanOrEqual(event.pendingBytes + later);
    }
    expect(rounds).toBeGreaterThan(5);
    expect(model.missingBytes).toBe(0);
    expect(model.sentBytes).toBe(model.summary?.sentBytes);
    expect(model.resentBytes).toBe(model.summary?.resentBytes);
  });

  it('has every byte of the disk in exactly one state, after every event', () => {
    const model = new ViewModel();
    for (const event of events) {
      model.apply(event);
      const { blocks } = model;
      if (!blocks) continue;
      const total = BLOCK_STATES.reduce((sum, state) => sum + blocks.bytes(state), 0);
      expect(total).toBe(256 * 1024 * 1024);
      expect(blocks.bytes('free')).toBeGreaterThanOrEqual(0);
    }
  });

  it('counts for the cells what is in the sets', () => {
    for (const share of [0.2, 0.5, 0.9]) {
      const { blocks } = play(events.slice(0, Math.floor(events.length * share)));
      for (const state of BLOCK_STATES) {
        if (state === 'free') continue;
        const counted = blocks!.count(state, 0, blocks!.parts.count) * GRANULARITY;
        expect(counted).toBe(blocks!.bytes(state));
      }
    }
  });

  it('follows statement, round and batch, and shows the running round last', () => {
    const sending = events.findIndex(
      (each) => each.type === 'statement' && each.line === 8 && each.round === 1,
    );
    const model = play(events.slice(0, sending + 2));
    expect(model).toMatchObject({ line: 8, round: 1, batch: 0, heldSince: undefined });
    expect(model.rounds().map(({ round, running }) => ({ round, running }))).toEqual([
      { round: 0, running: false },
      { round: 1, running: true },
    ]);
    expect(model.rounds()[1]?.sentBytes).toBeGreaterThan(0);
  });

  it('knows that it is held until the statement is executed', () => {
    const model = new ViewModel();
    model.apply({ type: 'held', seq: 0, t: 5, line: 1 });
    expect(model).toMatchObject({ line: 1, heldSince: 5 });
    model.apply({ type: 'statement', seq: 1, t: 9, line: 1, round: 0, batch: 0 });
    expect(model.heldSince).toBeUndefined();
  });

  it('knows since when the program has the guest paused', () => {
    const paused = events.findIndex((each) => each.type === 'paused');
    expect(play(events.slice(0, paused + 1)).pausedSince).toBe(events[paused]?.t);
    expect(play(events).pausedSince).toBeUndefined();
  });

  it('keeps what was written while it was being sent pending', () => {
    const blocks = new MigrationBlocks(blockGeometry(GRANULARITY, 10 * GRANULARITY));
    blocks.allocated(BlockSet.range(0, 4));
    blocks.beginSending();
    blocks.dirtied(BlockSet.of(1));
    blocks.sent(BlockSet.range(0, 4));
    expect(blocks.bytes('pending')).toBe(GRANULARITY);
    expect(blocks.bytes('sent')).toBe(3 * GRANULARITY);
    blocks.beginSending();
    blocks.sent(BlockSet.of(1));
    expect(blocks.bytes('resent')).toBe(GRANULARITY);
    expect(blocks.bytes('pending')).toBe(0);
  });

  it('lists what is put off by reason, without what was sent since', () => {
    const blocks = new MigrationBlocks(blockGeometry(GRANULARITY, 10 * GRANULARITY));
    blocks.allocated(BlockSet.range(0, 6));
    blocks.planned([
      { reason: 'hot', blocks: encodeRuns(BlockSet.of(0)) },
      { reason: 'dirty', blocks: encodeRuns(BlockSet.of(2, 3)) },
    ]);
    expect(blocks.deferredByReason()).toEqual([
      { reason: 'dirty', bytes: 2 * GRANULARITY },
      { reason: 'hot', bytes: GRANULARITY },
    ]);
    blocks.sent(BlockSet.of(0, 3));
    expect(blocks.deferredByReason()).toEqual([{ reason: 'dirty', bytes: GRANULARITY }]);
    expect(blocks.bytes('deferred')).toBe(GRANULARITY);
    blocks.deferNothing();
    expect(blocks.deferredByReason()).toEqual([]);
    expect(blocks.bytes('pending')).toBe(4 * GRANULARITY);
  });

  it('forgets the page cache when the probe is lost', () => {
    const model = play(events.slice(0, Math.floor(events.length * 0.5)));
    expect(model.blocks?.bytes('dirty')).toBeGreaterThan(0);
    model.apply({ type: 'probe', seq: 0, t: 0, state: 'lost', message: 'It hung.' });
    expect(model.cache).toBeUndefined();
    expect(model.blocks?.bytes('dirty')).toBe(0);
  });

  it('refuses a set that does not fit the disk', () => {
    const model = play(events.slice(0, 2));
    const beyond = {
      type: 'dirty',
      seq: 0,
      t: 0,
      sinceMs: 1,
      blocks: [0, 5000],
      bytes: 0,
      flip: 1,
    } as const;
    expect(() => model.apply({ ...beyond, blocks: [...beyond.blocks] })).toThrow(
      expect.objectContaining({ kind: 'protocol' }),
    );
  });

  it('counts any change of a set right', () => {
    const set = fc.array(fc.nat({ max: 299 })).map((blocks) => BlockSet.of(...blocks));
    fc.assert(
      fc.property(fc.array(fc.tuple(set, set), { maxLength: 6 }), (changes) => {
        const counted = new CountedSet(partsOf(300), BlockSet.empty);
        let truth = BlockSet.empty;
        for (const [within, some] of changes) {
          const now = some.intersection(within);
          truth = truth.difference(within).union(now);
          counted.update(within, now);
          expect(counted.blocks.equals(truth)).toBe(true);
          for (let part = 0; part < 300; part++)
            expect(counted.counts.sum(part, part + 1)).toBe(truth.has(part) ? 1 : 0);
        }
      }),
    );
  });

  it('cuts a disk of 160 million blocks into few parts', () => {
    const parts = partsOf(160_000_000);
    expect(parts.count).toBeLessThanOrEqual(8192);
    expect(parts.count * parts.perPart).toBeGreaterThanOrEqual(160_000_000);
    expect(partsOf(100)).toEqual({ blocks: 100, perPart: 1, count: 100 });
  });
});
