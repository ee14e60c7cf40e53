/** The milestones of a migration: each is told before what it announces, and what a journal that fails does. */
import { describe, expect, it } from 'vitest';
import { JournalError } from '../../../src/base/errors.js';
import type { Milestone, MilestoneJournal } from '../../../src/engine/runs/index.js';
import { MemoryLab, PREFIX } from '../support/memory-lab.js';
import { eventsOf, migrateInLab } from '../support/migrate-in-lab.js';
import { expectPutBack } from './put-back.js';

interface Noted {
  readonly milestone: Milestone;
  /** How the lab was when it was told. */
  readonly running: boolean;
  readonly names: number;
  readonly switchedOver: boolean;
  readonly paused: number;
}

function noteIn(lab: MemoryLab, noted: Noted[]): MilestoneJournal {
  return {
    note: (milestone) => {
      const { names, switchedOver } = lab;
      noted.push({
        milestone,
        running: lab.guest.running,
        names: [...names].filter((name) => name.startsWith(PREFIX)).length,
        switchedOver,
        paused: lab.faults.calls.get('hypervisor.pause') ?? 0,
      });
      return Promise.resolve();
    },
  };
}

const find = (noted: Noted[], type: Milestone['type']) =>
  noted.find(({ milestone }) => milestone.type === type)!;
const typesOf = (noted: Noted[]) => noted.map(({ milestone }) => milestone.type);
const full = new JournalError("The journal /j can't be written: ENOSPC");

/** A journal that takes nothing from the first milestone of that type on. */
function fullFrom(type: Milestone['type']): MilestoneJournal {
  let isFull = false;
  return {
    note: (milestone) => {
      isFull ||= milestone.type === type;
      return isFull ? Promise.reject(full) : Promise.resolve();
    },
  };
}

describe('the milestones', () => {
  it('are told before what they announce is done, and what is done after it', async () => {
    const lab = new MemoryLab();
    const noted: Noted[] = [];
    await migrateInLab(lab, { pivot: true, journal: noteIn(lab, noted) });
    expect(typesOf(noted)).toEqual([
      ...['source', 'tracking', 'pausing', 'paused', 'switching', 'switched', 'resumed'],
      ...['cleaning', 'end'],
    ]);
    expect(find(noted, 'source')).toMatchObject({
      milestone: { hypervisor: 'memory:lab', disk: 'disk0', image: 'disk.img', format: 'raw' },
      names: 0,
    });
    expect(find(noted, 'pausing')).toMatchObject({
      milestone: { before: { running: true } },
      running: true,
      paused: 0,
    });
    expect(find(noted, 'paused')).toMatchObject({ running: false });
    expect(find(noted, 'switching')).toMatchObject({
      milestone: { scope: 'disk', from: 'disk0', to: 'disk0-moved' },
      switchedOver: false,
    });
    expect(find(noted, 'switched')).toMatchObject({
      milestone: { scope: 'disk', disk: 'disk0-moved' },
      switchedOver: true,
      running: false,
    });
    expect(find(noted, 'resumed')).toMatchObject({ running: true });
    expect(find(noted, 'cleaning').names).toBeGreaterThan(0);
    expect(find(noted, 'end')).toMatchObject({
      milestone: { outcome: 'completed', switchedOver: true, guest: 'running', leftBehind: [] },
      names: 0,
    });
  });

  it('of a guest that was found paused owe it no resume', async () => {
    const lab = new MemoryLab({ foundPaused: true });
    const noted: Noted[] = [];
    await migrateInLab(lab, { journal: noteIn(lab, noted) });
    expect(find(noted, 'pausing').milestone).toMatchObject({ before: { running: false } });
    expect(lab.resumes).toBe(0);
  });

  it('say that nothing is owed once somebody else resumed the guest', async () => {
    const lab = new MemoryLab();
    const noted: Noted[] = [];
    const watched = await migrateInLab(lab, {
      journal: noteIn(lab, noted),
      onEvent: (event) => {
        if (event.type === 'statement' && event.line === 16) lab.foreign('resume');
      },
    });
    expect(watched.error?.kind).toBe('guest');
    expect(typesOf(noted).filter((type) => type === 'resumed')).toHaveLength(1);
    expect(lab.resumes).toBe(0);
  });

  it('leave a guest alone that somebody else resumed and paused', async () => {
    const lab = new MemoryLab();
    const watched = await migrateInLab(lab, {
      onEvent: (event) => {
        if (event.type !== 'statement' || event.line !== 16) return;
        lab.foreign('resume');
        lab.foreign('pause');
      },
    });
    expect(watched.error?.kind).toBe('guest');
    expect(lab.resumes).toBe(0);
    expect(watched.summary.guest).toBe('paused');
  });

  it('end with what could not be put back', async () => {
    const lab = new MemoryLab();
    const noted: Noted[] = [];
    lab.faults.add({ at: 'hypervisor.close', does: new Error('QEMU hangs') });
    await migrateInLab(lab, { journal: noteIn(lab, noted) }).catch(() => undefined);
    expect(find(noted, 'end').milestone).toMatchObject({
      leftBehind: ['letting go of the hypervisor: QEMU hangs'],
    });
  });
});

describe('a journal that is full', () => {
  it.each(['source', 'tracking', 'pausing', 'paused', 'switching'] as const)(
    'at "%s" ends the migration, the guest on its source',
    async (type) => {
      const lab = new MemoryLab();
      const watched = await migrateInLab(lab, { pivot: true, journal: fullFrom(type) });
      expectPutBack(lab, watched);
      expect(watched.error).toBe(full);
      const paused = lab.faults.calls.get('hypervisor.pause') ?? 0;
      expect(paused).toBe(type === 'paused' || type === 'switching' ? 1 : 0);
      expect(lab.resumes).toBe(paused);
    },
  );

  it.each(['switched', 'resumed', 'cleaning', 'end'] as const)(
    'at "%s" keeps nothing from being put back, and is told of',
    async (type) => {
      const lab = new MemoryLab();
      const watched = await migrateInLab(lab, { pivot: true, journal: fullFrom(type) });
      expect(watched.error).toBeUndefined();
      expect(watched.summary).toMatchObject({ outcome: 'completed', switchedOver: true });
      expect(lab.guest.running).toBe(true);
      const warnings = eventsOf(watched.events, 'warning').map(({ message }) => message);
      expect(warnings).toContain(
        `The journal does not say "${type}": The journal /j can't be written: ENOSPC`,
      );
    },
  );
});
