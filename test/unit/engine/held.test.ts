/** A person stands at a gate for an hour: what was true before it is computed again after it. */
import { describe, expect, it } from 'vitest';
import { ControlledGate, type Gate } from '../../../src/engine/gate.js';
import type { MigrationEvent } from '../../../src/engine/events.js';
import { MemoryLab, type LabOptions } from '../support/memory-lab.js';
import {
  eventsOf,
  linesOf,
  migrateInLab,
  type Asked,
  type Watched,
} from '../support/migrate-in-lab.js';

const HOUR_MS = 3_600_000;

/** Holds once, before the first execution of a statement, for an hour of virtual time. */
async function heldAt(
  line: number,
  lab: MemoryLab,
  asked: Asked = {},
  meanwhile: () => void = () => undefined,
): Promise<Watched> {
  const gate = new ControlledGate('held');
  let held = false;
  const onEvent: Asked['onEvent'] = (event) => {
    asked.onEvent?.(event);
    if (event.type !== 'held') return;
    if (event.line !== line || held) {
      if (held) gate.run();
      else gate.step('statement');
      return;
    }
    held = true;
    meanwhile();
    void lab.clock.sleep(HOUR_MS).then(() => gate.run());
  };
  return migrateInLab(lab, { ...asked, gate, onEvent });
}

/** Bytes that were sent from the guest's pause on. */
function sentWhilePaused(events: readonly MigrationEvent[]): number {
  const paused = events.findIndex(({ type }) => type === 'paused');
  return eventsOf(events.slice(paused), 'sent').reduce((sum, { bytes }) => sum + bytes, 0);
}

const BUSY: Partial<LabOptions> = { seed: 7, writesPerSecond: 5, workingSet: 1, direct: 0.5 };

/** Writes all over the disk while somebody stands at the gate, and goes back to its pace then. */
function writeALot(lab: MemoryLab): void {
  lab.guest.setPace(lab.clock.now(), 4);
  void lab.clock.sleep(HOUR_MS / 2).then(() => lab.guest.setPace(lab.clock.now(), 1));
}

describe('holding for an hour', () => {
  it.each([13, 14, 15])(
    'at statement %i: the guest is not paused with too much left',
    async (line) => {
      const lab = new MemoryLab(BUSY);
      const watched = await heldAt(line, lab, { policy: 'cache' }, () => writeALot(lab));
      expect(watched.error).toBeUndefined();
      expect(lab.destination.equals(lab.atPause!)).toBe(true);
      expect(watched.summary).toMatchObject({ converged: true, heldMs: 0 });
      expect(watched.summary.downtimeMs).toBeLessThan(400);
      const { bytesPerSecond } = lab.options;
      expect(sentWhilePaused(watched.events)).toBeLessThan((bytesPerSecond * 300) / 1000);
      const lines = linesOf(watched);
      expect(lines.lastIndexOf(12)).toBeGreaterThan(lines.indexOf(line));
    },
  );

  it('at statement 15, having agreed to a longer pause: asks again when it has become much longer', async () => {
    const lab = new MemoryLab({ ...BUSY, size: 256 * 4096, writesPerSecond: 6 });
    const asked: number[] = [];
    const decide: Asked['decide'] = ({ downtimeMs }) => {
      asked.push(downtimeMs);
      return Promise.resolve('pause-anyway');
    };
    const watched = await heldAt(15, lab, { policy: 'plain', maxRounds: 2, decide });
    expect(watched.error).toBeUndefined();
    expect(asked.length).toBeGreaterThan(1);
    expect(asked.at(-1)).toBeGreaterThan(2 * asked[0]!);
    expect(lab.destination.equals(lab.atPause!)).toBe(true);
  });

  it.each([4, 7, 8, 9, 12, 13, 14, 15])(
    'at statement %i: what the guest writes is known at least every 2 s',
    async (line) => {
      const lab = new MemoryLab(BUSY);
      const { events } = await heldAt(line, lab, { policy: 'cache' });
      const samples = eventsOf(events, 'dirty');
      expect(samples.length).toBeGreaterThan(HOUR_MS / 2000);
      expect(Math.max(...samples.map(({ sinceMs }) => sinceMs))).toBeLessThanOrEqual(2000);
    },
  );

  it('at statement 8: what was seen before it is not taken for written after it', async () => {
    const lab = new MemoryLab({ ...BUSY, writesPerSecond: 2 });
    const { events, summary } = await heldAt(7, lab, { policy: 'plain' });
    expect(eventsOf(events, 'dirty').length).toBeGreaterThan(2000);
    expect(summary.resentBytes).toBeLessThan(lab.options.size / 2);
  });

  it.each([16, 17, 18])(
    'at statement %i: the downtime has the hour, and says that a person caused it',
    async (line) => {
      const lab = new MemoryLab(BUSY);
      const watched = await heldAt(line, lab, { pivot: true });
      expect(watched.error).toBeUndefined();
      const { heldMs, downtimeMs } = watched.summary;
      expect(heldMs).toBe(HOUR_MS);
      expect(downtimeMs - heldMs).toBeGreaterThan(0);
      expect(downtimeMs - heldMs).toBeLessThan(400);
      expect(eventsOf(watched.events, 'resumed')).toMatchObject([{ pausedMs: downtimeMs }]);
      const paused = watched.events.findIndex(({ type }) => type === 'paused');
      expect(eventsOf(watched.events.slice(paused), 'dirty')).toHaveLength(1);
    },
  );

  it('at statement 17, with the guest found paused: there is no downtime to be caused', async () => {
    const lab = new MemoryLab({ foundPaused: true });
    const { summary, events } = await heldAt(17, lab, { pivot: true });
    expect(summary).toMatchObject({
      heldMs: 0,
      downtimeMs: 0,
      guest: 'paused',
      switchedOver: true,
    });
    expect(lab.guest.running).toBe(false);
    expect(eventsOf(events, 'paused')).toMatchObject([{ byProgram: false }]);
    expect(eventsOf(events, 'resumed')).toEqual([]);
  });

  it('at every statement, one after another', async () => {
    const lab = new MemoryLab({ seed: 4, writesPerSecond: 3 });
    const gate: Gate = {
      pass: async (_, onHold) => {
        onHold();
        await lab.clock.sleep(1000);
      },
    };
    const watched = await migrateInLab(lab, { policy: 'cache', gate, pivot: true });
    expect(watched.error).toBeUndefined();
    expect(watched.summary).toMatchObject({ heldMs: 3000, switchedOver: true });
    expect(eventsOf(watched.events, 'held').map(({ line }) => line)).toEqual(linesOf(watched));
  });
});
