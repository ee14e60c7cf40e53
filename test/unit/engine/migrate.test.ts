/** Migrations from beginning to end, in memory: what arrives is what was there when the guest stood. */
import { describe, expect, it } from 'vitest';
import type { MemoryLab } from '../support/memory-lab.js';
import { eventsOf, linesOf, migrateInLab } from '../support/migrate-in-lab.js';
import { randomLab } from '../support/random-lab.js';

const POLICIES = ['plain', 'history', 'cache'] as const;
const SEEDS = Array.from({ length: 120 }, (_, index) => index + 1);

/** What the destination must hold: the source when the guest was paused, or as it was found paused. */
function expected(lab: MemoryLab): Buffer {
  return lab.atPause ?? lab.source;
}

describe.each(POLICIES)('a migration by policy %s', (policy) => {
  it.each(SEEDS)(
    'copies the disk as it was at the pause, block for block (seed %i)',
    async (seed) => {
      const { lab, ask } = randomLab(seed);
      const watched = await migrateInLab(lab, {
        policy,
        ...ask,
        decide: () => Promise.resolve('pause-anyway'),
      });
      expect(watched.error).toBeUndefined();
      const { size, foundPaused } = lab.options;
      expect(lab.destination.subarray(0, size).equals(expected(lab))).toBe(true);
      expect(lab.outcome).toBe('keep');
      expect(lab.guest.running).toBe(!foundPaused);
      expect(watched.summary).toMatchObject({
        outcome: 'completed',
        switchedOver: false,
        guest: foundPaused ? 'paused' : 'running',
        verified: ask.verify !== 'none',
        disk: 'disk0',
      });
      expect(linesOf(watched)).not.toContain(17);
    },
  );

  it.each(SEEDS.slice(0, 60))('pivots the guest to the same bytes (seed %i)', async (seed) => {
    const { lab, ask } = randomLab(1000 + seed);
    let atSwitch: Buffer | undefined;
    lab.faults.add({
      at: 'pivot.switchOver',
      does: () => {
        atSwitch = Buffer.from(lab.destination.subarray(0, lab.options.size));
      },
    });
    const before = () => Buffer.from(lab.source);
    const watched = await migrateInLab(lab, {
      policy,
      pivot: true,
      ...ask,
      decide: () => Promise.resolve('pause-anyway'),
    });
    expect(watched.error).toBeUndefined();
    expect(atSwitch?.equals(expected(lab))).toBe(true);
    expect(before().equals(expected(lab))).toBe(true);
    expect(lab.outcome).toBe('keep');
    expect(lab.guest.running).toBe(!lab.options.foundPaused);
    expect(watched.summary).toMatchObject({ switchedOver: true, disk: 'disk0-moved' });
    expect(eventsOf(watched.events, 'switchover')).toHaveLength(1);
  });
});
