/**
 * A process that dies anywhere in its rounds or its pause, and another one that goes on with the run:
 * what arrives is the disk as it was at the pause, and nothing is sent again that was not written.
 */
import { describe, expect, it } from 'vitest';
import { BlockSet, blockCount, decodeRuns } from '../../../src/engine/blockset/index.js';
import { Replay } from '../../../src/engine/continuation/index.js';
import type { MigrationEvent } from '../../../src/engine/events.js';
import { openGate } from '../../../src/engine/gate.js';
import { migrate } from '../../../src/engine/migrate.js';
import type { Continuation, MigrationOptions, VerifyMode } from '../../../src/engine/options.js';
import { MemoryLab } from '../support/memory-lab.js';
import { eventsOf, migrateInLab, optionsIn } from '../support/migrate-in-lab.js';
import { mortal, type Life } from '../support/mortal.js';
import { Random } from '../support/random.js';
import { randomLab } from '../support/random-lab.js';

/** Runs a migration until its process dies at an event; gives all that its file of events has then. */
async function untilDeath(
  lab: MemoryLab,
  asked: Partial<MigrationOptions>,
  diesAt: (event: MigrationEvent, events: readonly MigrationEvent[]) => boolean,
  earlier: readonly MigrationEvent[] = [],
): Promise<MigrationEvent[]> {
  const life: Life = { dead: false };
  const events: MigrationEvent[] = [...earlier];
  const before = earlier.length > 0 ? { continuation: continuationOf(earlier) } : {};
  const { clock, ...parts } = lab.parts();
  await new Promise<void>((resolve) => {
    const sink = (event: MigrationEvent) => {
      if (life.dead) return;
      events.push(event);
      if (!diesAt(event, events)) return;
      life.dead = true;
      resolve();
    };
    const decide = () => Promise.resolve('pause-anyway' as const);
    const { signal } = new AbortController();
    const options = optionsIn(lab, asked);
    const others = { clock, gate: mortal(openGate, life), sink, decide, signal, ...before };
    void migrate(options, { ...mortal(parts, life), ...others }).then(() => resolve());
  });
  lab.crash();
  if (life.dead && !lab.guest.running && !lab.options.foundPaused) await lab.resume();
  return events;
}

/** What a process knows that goes on with it. */
function continuationOf(events: readonly MigrationEvent[]): Continuation {
  const replay = new Replay();
  for (const event of events) replay.take(event);
  return { ...replay.replayed, events: events.length, agoMs: 1000 };
}

/** That no block was sent again, after the run was taken over, which the destination had. */
function expectNothingTwice(lab: MemoryLab, events: readonly MigrationEvent[]): void {
  const { granularity, size } = lab.options;
  const blocks = blockCount({ granularity, size });
  const from = events.findIndex(({ type }) => type === 'taken-over');
  let lacking = BlockSet.empty;
  for (const event of events.slice(from)) {
    if (event.type === 'taken-over') lacking = decodeRuns(event.pending, { blocks });
    if (event.type === 'dirty') lacking = lacking.union(decodeRuns(event.blocks, { blocks }));
    if (event.type !== 'sent') continue;
    expect(decodeRuns(event.blocks, { blocks }).difference(lacking).isEmpty).toBe(true);
  }
}

/** One that takes several seconds to move. */
function largeLab(verify: VerifyMode, writesPerSecond = 2) {
  const lab = new MemoryLab({ size: 256 * 4096, bytesPerSecond: 128 * 1024, writesPerSecond });
  return { lab, ask: { verify, policy: 'plain', maxRounds: 10 } as const };
}

const SEEDS = Array.from({ length: 150 }, (_, index) => index + 1);

describe('a run whose process died', () => {
  it.each(SEEDS)('is gone on with by another one (seed %i)', async (seed) => {
    const random = new Random(9000 + seed);
    const { lab, ask } = randomLab(3000 + seed);
    const pivot = random.chance(0.5);
    const asked = { ...ask, policy: random.pick('plain', 'history', 'cache'), pivot } as const;
    const share = random.below(100);
    const begun = (events: readonly MigrationEvent[]) =>
      events.some((event) => event.type === 'statement' && event.line >= 5) &&
      events.some(({ type }) => type === 'dirty');
    let countdown = 1 + Math.floor(share ** 2 / 100);
    const events = await untilDeath(lab, asked, (event, all) => {
      if (event.type === 'summary' || event.type === 'switchover') return false;
      return begun(all) && --countdown === 0;
    });
    if (events.at(-1)?.type === 'summary') return;
    const before = events.length;
    const continuation = continuationOf(events);
    const atSwitch: Buffer[] = [];
    lab.faults.add({
      at: 'pivot.switchOver',
      call: (lab.faults.calls.get('pivot.switchOver') ?? 0) + 1,
      does: () => void atSwitch.push(Buffer.from(lab.destination.subarray(0, lab.options.size))),
    });
    const watched = await migrateInLab(lab, {
      ...asked,
      decide: () => Promise.resolve('pause-anyway'),
      earlier: { continuation, events },
    });
    expect(watched.error).toBeUndefined();
    const expected = lab.atPause ?? lab.source;
    const arrived = pivot ? atSwitch[0]! : lab.destination.subarray(0, lab.options.size);
    expect(arrived.equals(expected)).toBe(true);
    expect(watched.summary).toMatchObject({ outcome: 'completed', switchedOver: pivot });
    const [taken] = eventsOf(watched.events, 'taken-over');
    expect(taken!.seq).toBeGreaterThanOrEqual(before);
    expect(taken!.lostBytes).toBe(0);
    expect(eventsOf(watched.events, 'start')).toHaveLength(1);
    expectNothingTwice(lab, watched.events);
  });

  it('died again: the third process goes on with it, too', async () => {
    const { lab, ask } = largeLab('sent');
    const sends = (count: number) => {
      let left = count;
      return ({ type }: MigrationEvent) => type === 'sent' && --left === 0;
    };
    const first = await untilDeath(lab, ask, sends(2));
    const events = await untilDeath(lab, ask, sends(1), first);
    const continuation = continuationOf(events);
    const watched = await migrateInLab(lab, { ...ask, earlier: { continuation, events } });
    expect(watched.error).toBeUndefined();
    expect(lab.destination.subarray(0, lab.options.size).equals(lab.atPause!)).toBe(true);
    expect(eventsOf(watched.events, 'taken-over')).toHaveLength(2);
  });

  it('what its destination lost since is found, and sent again', async () => {
    const { lab, ask } = largeLab('none', 0);
    let sent = 0;
    const events = await untilDeath(lab, ask, ({ type }) => type === 'sent' && ++sent === 3);
    const continuation = continuationOf(events);
    const kept = continuation.sent.difference(continuation.pending);
    const lost = kept.take(1);
    lost.extents({ ...lab.options }, (offset, length) => {
      lab.destination.fill(0xd1, offset, offset + length);
    });
    const watched = await migrateInLab(lab, { ...ask, earlier: { continuation, events } });
    expect(watched.error).toBeUndefined();
    expect(lab.destination.subarray(0, lab.options.size).equals(lab.atPause!)).toBe(true);
    const [taken] = eventsOf(watched.events, 'taken-over');
    expect(taken!.lostBytes).toBe(lost.bytes({ ...lab.options }));
  });

  it('has the limits that it had last', async () => {
    const { lab, ask } = largeLab('sent');
    const events = await untilDeath(lab, ask, ({ type }) => type === 'batch');
    const limits = { maxBandwidth: 64 * 1024, downtimeLimitMs: 777, maxRounds: 9 };
    const changed = { type: 'limits', seq: events.length, t: events.at(-1)!.t, limits } as const;
    const all = [...events, changed];
    const continuation = continuationOf(all);
    let begun: unknown;
    await migrateInLab(lab, {
      ...ask,
      onBegin: (run) => (begun = run.limits),
      earlier: { continuation, events: all },
    });
    expect(begun).toEqual(limits);
  });
});
