/** Recovering a dead run on the memory lab: each step, what fails in it, and being ended in the middle of it. */
import { appendFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { ConnectionLostError, JournalError } from '../../../src/base/errors.js';
import { lookAtDeadRun, recoverRun, type StepAction } from '../../../src/engine/recover/index.js';
import type { JournalEntry } from '../../../src/engine/runs/index.js';
import { MemoryLab } from '../support/memory-lab.js';
import { DeadRun, DIED } from './support.js';

const all: ReadonlySet<StepAction> = new Set([
  ...(['resume-guest', 'remove-leftovers', 'remove-here', 'delete-image'] as const),
  'close-journal',
]);
const signal = new AbortController().signal;
const names = ['migrascope-r1-source', 'migrascope-r1-bitmap-3'];

/** A lab in which a run died, with the guest paused, if it came so far. */
async function died(entries: readonly JournalEntry[]): Promise<DeadRun> {
  const lab = new MemoryLab();
  for (const name of [...names, 'migrascope-other-bitmap-1', 'foreign']) lab.names.add(name);
  if (entries.some(({ type }) => type === 'paused')) lab.guest.pause(0);
  if (entries.some(({ type }) => type === 'switched')) lab.guestDiskName = 'disk0-moved';
  return DeadRun.create(lab, entries);
}

const recover = (run: DeadRun, agreed = all) => recoverRun(run.folder, agreed, run, signal);

function expectRecovered({ lab, machine }: DeadRun, image: 'gone' | 'made' = 'gone'): void {
  expect([...lab.names]).toEqual(['migrascope-other-bitmap-1', 'foreign']);
  expect(lab.guest.running).toBe(true);
  expect(lab.hypervisorOpen).toBe(false);
  expect(machine.image.state).toBe(image);
}

describe('recovering', () => {
  it('puts everything right, and closes the journal', async () => {
    const run = await died(DIED.paused);
    const { complete, outcomes } = await recover(run);
    expect(complete).toBe(true);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['done', 'done', 'done', 'done']);
    expectRecovered(run);
    expect(await run.typesSince(DIED.paused.length)).toEqual([
      ...['cleaning', 'resumed', 'change', 'end'],
    ]);
    expect((await run.records()).at(-1)).toMatchObject({
      outcome: 'failed',
      switchedOver: false,
      guest: 'running',
      error: { kind: 'died' },
    });
  });

  it('leaves the guest on its new disk after the switchover', async () => {
    const run = await died(DIED.switched);
    expect((await recover(run)).complete).toBe(true);
    expectRecovered(run, 'made');
    expect((await run.records()).at(-1)).toMatchObject({ type: 'end', switchedOver: true });
  });

  it('does nothing to a run that has ended since', async () => {
    const run = await died(DIED.paused);
    await recover(run);
    await expect(recover(run)).rejects.toMatchObject({
      kind: 'hypervisor',
      message: expect.stringMatching(
        /^The run r1 is not recovered, since it is not dead/,
      ) as string,
    });
  });

  it('does nothing when somebody else recovered it while the monitor was waited for', async () => {
    const run = await died(DIED.paused);
    run.lab.faults.add({
      at: 'hypervisor.connect',
      does: async () => {
        await recover(run);
      },
    });
    await expect(recover(run)).rejects.toMatchObject({ kind: 'hypervisor' });
    expect(run.lab.resumes).toBe(1);
  });

  it('asks no host of a run that changed nothing', async () => {
    const run = await died(DIED['not-begun']);
    expect((await recover(run)).complete).toBe(true);
    expect(run.lab.faults.calls.get('hypervisor.connect')).toBe(undefined);
    expect((await run.records()).at(-1)).toMatchObject({ guest: 'unknown' });
  });

  it('closes the journal of a run whose hypervisor has ended', async () => {
    const run = await died(DIED.paused);
    run.unreachable = { state: 'gone', reason: 'Nobody listens.' };
    expect((await recover(run)).complete).toBe(true);
    expect((await run.records()).at(-1)).toMatchObject({ type: 'end', guest: 'gone' });
  });

  it('leaves a run alone whose host can’t be reached, and its journal with it', async () => {
    const run = await died(DIED.paused);
    run.unreachable = { state: 'unreachable', reason: 'No route to host.' };
    const { complete, recovery } = await recover(run);
    expect(complete).toBe(false);
    expect(recovery.blocked).toBe('No route to host.');
    expect(await run.typesSince(DIED.paused.length)).toEqual([]);
  });

  it('goes on behind a line that was torn', async () => {
    const run = await died(DIED.paused);
    await appendFile(run.folder.journal, '{"type":"swit');
    expect((await recover(run)).complete).toBe(true);
    expect((await run.records())[DIED.paused.length]).toMatchObject({
      type: 'cleaning',
      afterTorn: true,
    });
  });
});

it('looking changes nothing', async () => {
  const run = await died(DIED.paused);
  const found = await lookAtDeadRun(run.folder, run, signal);
  expect(found.steps.map(({ action }) => action)).toEqual([
    ...['resume-guest', 'remove-leftovers', 'delete-image', 'close-journal'],
  ]);
  expect(await run.typesSince(DIED.paused.length)).toEqual([]);
  expect(run.lab.guest.running).toBe(false);
  expect(run.lab.names.size).toBe(4);
  expect(run.lab.hypervisorOpen).toBe(false);
});

describe('what fails', () => {
  const outcomesOf = async (run: DeadRun, agreed = all) => {
    const { complete, outcomes } = await recover(run, agreed);
    expect(complete).toBe(false);
    expect(run.lab.hypervisorOpen).toBe(false);
    return outcomes.map(({ step, outcome }) => `${step.action} ${outcome}`);
  };

  it('resuming: what proves that the guest is owed it stays, and a second time it is done', async () => {
    const run = await died(DIED.paused);
    run.lab.faults.add({ at: 'hypervisor.resume', does: new ConnectionLostError('It is lost.') });
    expect(await outcomesOf(run)).toEqual([
      ...['resume-guest failed', 'remove-leftovers skipped', 'delete-image skipped'],
      'close-journal skipped',
    ]);
    expect((await recover(run)).complete).toBe(true);
    expectRecovered(run);
  });

  it('removing one of the leftovers: the others go', async () => {
    const run = await died(DIED.paused);
    run.lab.faults.add({ at: 'hypervisor.removeLeftovers', does: new Error('It is in use.') });
    expect(await outcomesOf(run)).toEqual([
      ...['resume-guest done', 'remove-leftovers failed', 'delete-image skipped'],
      'close-journal skipped',
    ]);
    expect(run.lab.names.has(names[0]!)).toBe(true);
    expect(run.lab.names.has(names[1]!)).toBe(false);
    expect(run.lab.guest.running).toBe(true);
    expect((await recover(run)).complete).toBe(true);
    expectRecovered(run);
  });

  it('deleting the image: it is told, and the run stays dead', async () => {
    const run = await died(DIED['in-rounds']);
    run.machine.inUse = 'somebody has it open';
    expect(await outcomesOf(run)).toEqual([
      ...['remove-leftovers done', 'delete-image failed', 'close-journal skipped'],
    ]);
    run.machine.inUse = undefined;
    expect((await recover(run)).complete).toBe(true);
  });

  it('writing the journal: everything else is done', async () => {
    const run = await died(DIED.paused);
    run.onAppend = () => {
      throw new JournalError("The journal /j can't be written: ENOSPC");
    };
    expect(await outcomesOf(run)).toEqual([
      ...[
        'resume-guest done',
        'remove-leftovers done',
        'delete-image done',
        'close-journal failed',
      ],
    ]);
    expectRecovered(run);
  });

  it('what was not agreed to is not done', async () => {
    const run = await died(DIED.paused);
    expect(await outcomesOf(run, new Set(['remove-leftovers', 'close-journal']))).toEqual([
      ...['resume-guest skipped', 'remove-leftovers skipped', 'delete-image skipped'],
      'close-journal skipped',
    ]);
    expect(run.lab.guest.running).toBe(false);
    expect(run.lab.names.size).toBe(4);
  });

  it('a host that stops answering while it is looked at is as one that can’t be reached', async () => {
    const run = await died(DIED.paused);
    run.lab.faults.add({ at: 'hypervisor.disks', does: new ConnectionLostError('It is lost.') });
    expect(await outcomesOf(run)).toEqual([]);
  });
});

describe('whoever is ended in the middle of it', () => {
  /** Where recovering stops for good: after so many of its effects. */
  async function endedAfter(
    effects: number,
    entries: readonly JournalEntry[],
  ): Promise<{ run: DeadRun; ended: boolean }> {
    const run = await died(entries);
    let left = effects;
    let ended = false;
    const pass = (): void => {
      ended ||= left-- === 0;
      if (ended) throw new ConnectionLostError('Its process was killed.');
    };
    run.onAppend = pass;
    for (const at of ['hypervisor.resume', 'hypervisor.removeLeftovers'] as const)
      run.lab.faults.add({ at, does: pass, always: true });
    const image = run.machine.deleteImage.bind(run.machine);
    run.machine.deleteImage = async () => {
      pass();
      return image();
    };
    await recover(run);
    run.onAppend = () => undefined;
    left = Infinity;
    const was = ended;
    ended = false;
    return { run, ended: was };
  }

  it.each([
    ['paused', 8],
    ['switching', 9],
  ] as const)(
    'leaves what a second one can put right, wherever it was: %s',
    async (stage, most) => {
      let effects = 0;
      for (; ; effects++) {
        const { run, ended } = await endedAfter(effects, DIED[stage]);
        if (!ended) break;
        expect((await recover(run)).complete, `after ${effects} effects`).toBe(true);
        expectRecovered(run);
        expect((await run.records()).filter(({ type }) => type === 'end')).toHaveLength(1);
      }
      expect(effects).toBe(most);
    },
  );
});
