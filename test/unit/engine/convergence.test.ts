/** Migrations that do not converge by themselves, and what is asked and answered then. */
import { describe, expect, it } from 'vitest';
import type { Decision } from '../../../src/engine/options.js';
import { MemoryLab } from '../support/memory-lab.js';
import { eventsOf, linesOf, migrateInLab } from '../support/migrate-in-lab.js';
import { expectPutBack } from './put-back.js';

/** Its guest dirties its working set faster than it can be sent. */
const hopeless = () =>
  new MemoryLab({
    seed: 11,
    writesPerSecond: 400,
    workingSet: 0.6,
    direct: 1,
    bytesPerSecond: 131_072,
  });

/** Gives the answers in turn, and keeps what was asked. */
function answering(...answers: Decision[]) {
  const asked: number[] = [];
  const decide = ({ converged, downtimeMs }: { converged: boolean; downtimeMs: number }) => {
    expect(converged).toBe(false);
    asked.push(downtimeMs);
    return Promise.resolve(answers.shift() ?? 'cancel');
  };
  return { asked, decide };
}

describe('a migration that does not converge', () => {
  it.each([undefined, answering('cancel').decide])(
    'ends with a verdict when told to (%#)',
    async (decide) => {
      const lab = hopeless();
      const watched = await migrateInLab(lab, {
        policy: 'plain',
        maxRounds: 4,
        ...(decide ? { decide } : {}),
      });
      expectPutBack(lab, watched);
      expect(watched.error?.kind).toBe('not-converged');
      expect(watched.error?.message).toMatch(/^The migration does not converge\. /);
      expect(watched.error?.hint).toMatch(/\.$/);
      const [verdict, ...more] = eventsOf(watched.events, 'verdict');
      expect(more).toEqual([]);
      expect(verdict?.converged).toBe(false);
      expect(verdict?.downtimeMs).toBeGreaterThan(300);
      expect(watched.summary).toMatchObject({ converged: false, downtimeMs: 0 });
    },
  );

  it('names a downtime that is above the limit, whatever it is made of', async () => {
    const lab = new MemoryLab({ writesPerSecond: 60, direct: 1 });
    const asked = { policy: 'plain', maxRounds: 2, downtimeLimitMs: 60 } as const;
    const watched = await migrateInLab(lab, asked);
    const [verdict] = eventsOf(watched.events, 'verdict');
    const named = /pause the guest for (\d+) ms, where the limit is 60 ms/.exec(verdict!.message);
    expect(Number(named?.[1])).toBeGreaterThan(60);
    expect(Number(named?.[1])).toBe(Math.round(verdict!.downtimeMs));
  });

  it('pauses anyway when told to, with all that is left', async () => {
    const lab = hopeless();
    const { asked, decide } = answering('pause-anyway');
    const watched = await migrateInLab(lab, { policy: 'plain', maxRounds: 4, decide, pivot: true });
    expect(watched.error).toBeUndefined();
    expect(asked).toHaveLength(1);
    expect(lab.source.equals(lab.atPause!)).toBe(true);
    expect(watched.summary).toMatchObject({ converged: false, switchedOver: true, verified: true });
    expect(watched.summary.downtimeMs).toBeGreaterThan(300);
    expect(watched.summary.downtimeMs).toBeLessThan(asked[0]! * 2);
  });

  it('makes more rounds when told to, and asks again after them', async () => {
    const lab = hopeless();
    const { asked, decide } = answering('more-rounds', 'more-rounds', 'cancel');
    const watched = await migrateInLab(lab, { policy: 'plain', maxRounds: 4, decide });
    expect(watched.error?.kind).toBe('not-converged');
    expect(asked).toHaveLength(3);
    expect(linesOf(watched).filter((line) => line === 12).length).toBeGreaterThan(8);
  });

  it('converges when the guest becomes quieter meanwhile', async () => {
    const lab = hopeless();
    const decide = (): Promise<Decision> => {
      lab.guest.setPace(lab.clock.now(), 0.005);
      return Promise.resolve('more-rounds');
    };
    const watched = await migrateInLab(lab, { policy: 'plain', maxRounds: 4, decide });
    expect(watched.error).toBeUndefined();
    expect(watched.summary.converged).toBe(true);
    expect(lab.destination.equals(lab.atPause!)).toBe(true);
  });

  it('asks also when it fits before each comparison and never after it', async () => {
    const lab = new MemoryLab({ seed: 2, writesPerSecond: 1, direct: 1, workingSet: 1 });
    let comparing = false;
    const { asked, decide } = answering('cancel');
    const watched = await migrateInLab(lab, {
      policy: 'plain',
      maxRounds: 5,
      decide,
      onEvent: (event) => {
        if (event.type !== 'statement' || (event.line === 14) === comparing) return;
        comparing = event.line === 14;
        if (event.line === 15) lab.guest.drain(0, 0);
        lab.guest.setPace(lab.clock.now(), comparing ? 400 : 1);
      },
    });
    expect(asked).toHaveLength(1);
    expect(watched.error?.kind).toBe('not-converged');
    expect(linesOf(watched)).not.toContain(16);
  });

  it('does not take a limit below what any pause costs for one that nothing fits', async () => {
    const lab = new MemoryLab({ writesPerSecond: 0 });
    const watched = await migrateInLab(lab, { downtimeLimitMs: 1 });
    expect(watched.error).toBeUndefined();
    expect(watched.summary.converged).toBe(true);
  });
});

describe('a batch', () => {
  it('of zeroes for the most part is not taken for a slow link', async () => {
    const cap = 64 * 1024;
    const lab = new MemoryLab({
      size: 256 * 4096,
      allocated: 1,
      writesPerSecond: 0,
      sourceInfo: { metaContexts: [] },
    });
    for (let block = 64; block < 256; block++) {
      if (block % 10 > 0) lab.source.fill(0, block * 4096, (block + 1) * 4096);
    }
    const { events } = await migrateInLab(lab, { policy: 'plain', maxBandwidth: cap });
    const measured = eventsOf(events, 'batch').map(({ bandwidth }) => bandwidth);
    expect(measured.length).toBeGreaterThan(5);
    expect(Math.min(...measured)).toBeGreaterThan(cap * 0.8);
  });

  it('is small before the bandwidth is known, so that it does not take long on a slow link', async () => {
    const MiB = 1024 * 1024;
    const lab = new MemoryLab({
      size: 64 * MiB,
      granularity: 1024 * 1024,
      allocated: 1,
      writesPerSecond: 0,
      bytesPerSecond: MiB,
      latencyMs: 0,
    });
    const { events } = await migrateInLab(lab, { policy: 'plain', verify: 'none' });
    const sizes = eventsOf(events, 'plan')
      .map(({ sendBytes }) => sendBytes / MiB)
      .filter((size) => size > 0);
    expect(sizes[0]).toBe(16);
    expect(sizes.slice(1, -1).every((size) => size >= 1 && size <= 2)).toBe(true);
  });
});
