/** What is said of a dead run and what is to be done, for each point at which it may have died and each state of its host. */
import { describe, expect, it } from 'vitest';
import { judge, judgeStray } from '../../../src/engine/recover/judge.js';
import type { Situation } from '../../../src/engine/recover/findings.js';
import { progressOf } from '../../../src/engine/recover/progress.js';
import type { HostView, MachineView, Recovery } from '../../../src/engine/recover/types.js';
import type { JournalEntry } from '../../../src/engine/runs/index.js';
import type { GuestDisk, Leftover } from '../../../src/hypervisor/index.js';
import { DIED, IMAGE, recordsOf, replayedTo } from './support.js';

const bitmap: Leftover = { kind: 'bitmap', name: 'migrascope-r1-dirty-1', run: 'r1', on: 'disk0' };

const disk: GuestDisk = {
  name: 'disk0',
  aliases: ['vd0'],
  size: 1024,
  format: 'raw',
  image: '/srv/old.img',
  readOnly: false,
  guestIdentity: {},
};

/** A host that is reached, with a guest that runs on its source and a bitmap of the run. */
function reached(changes: {
  status?: string;
  disk?: string;
  leftovers?: readonly Leftover[];
}): HostView {
  const { status = 'running', disk: name = 'disk0', leftovers = [bitmap] } = changes;
  return {
    state: 'reached',
    runState: { running: status === 'running', status },
    disks: [{ ...disk, name }],
    leftovers,
  };
}

const gone: HostView = { state: 'gone', reason: 'Nobody listens there.' };
const made: MachineView = { leftovers: [], image: { state: 'made', bytes: 4096 } };

function judged(
  entries: readonly JournalEntry[],
  host: HostView = reached({}),
  machine: MachineView = made,
  replayed: Situation['replayed'] = replayedTo(0),
): Recovery {
  return judge({ progress: progressOf(recordsOf(entries)), host, machine, replayed });
}

const actions = ({ steps }: Recovery) => steps.map(({ action }) => action);
const states = ({ guest, source, destination }: Recovery) => [
  guest?.state,
  source?.state,
  destination?.state,
];
const everything = ['remove-leftovers', 'delete-image', 'close-journal'];

describe('a run that died', () => {
  it('before anything was changed: only its journal is closed', () => {
    const found = judged(DIED['not-begun'], { state: 'not-asked' }, { leftovers: [] });
    expect(found.happened).toBe('It died before it changed anything.');
    expect(states(found)).toEqual(['unknown', 'current', 'empty']);
    expect(actions(found)).toEqual(['close-journal']);
  });

  it('before tracking, and in its rounds: the image goes', () => {
    expect(states(judged(DIED['before-tracking']))).toEqual(['running', 'current', 'empty']);
    expect(actions(judged(DIED['before-tracking']))).toEqual(everything);
    const rounds = judged(DIED['in-rounds']);
    expect(states(rounds)).toEqual(['running', 'current', 'incomplete']);
    expect(actions(rounds)).toEqual(everything);
    expect(rounds.source!.text).toBe("/srv/old.img is whole, and is the guest's disk");
    expect(rounds.steps[0]!.what).toBe('remove the bitmap migrascope-r1-dirty-1 of disk0');
    expect(rounds.notes).toEqual([]);
  });

  it('while the guest was paused: it is resumed first', () => {
    const found = judged(DIED.paused, reached({ status: 'paused' }));
    expect(states(found)).toEqual(['paused', 'current', 'incomplete']);
    expect(actions(found)).toEqual(['resume-guest', ...everything]);
  });

  it('with a guest that its guardian had resumed: it is not resumed again', () => {
    const guardian = { type: 'guardian', act: 'resumed', message: 'It runs again.' } as const;
    const running = judged([...DIED.paused, guardian]);
    expect(running.guest!.text).toBe('runs, on its source; its guardian had resumed it');
    const later = judged([...DIED.paused, guardian], reached({ status: 'paused' }));
    expect(actions(later)).toEqual(everything);
    expect(later.guest!.text).toContain('not because of the run (The guardian resumed the guest.)');
  });

  it('without a pivot after the pause: the image may be a copy, and is kept', () => {
    const found = judged(DIED.copying, reached({ status: 'paused' }));
    expect(states(found)).toEqual(['paused', 'current', 'uncertain']);
    expect(actions(found)).toEqual(['resume-guest', 'remove-leftovers', 'close-journal']);
    expect(found.notes).toContain(`The image ${IMAGE} is kept.`);
  });

  it('in the switchover, with the guest on its source: the copy goes', () => {
    const found = judged(DIED.switching, reached({ status: 'paused' }));
    expect(states(found)).toEqual(['paused', 'current', 'copy']);
    expect(actions(found)).toEqual(['resume-guest', ...everything]);
  });

  it('in the switchover, with the guest on its new disk: the image stays', () => {
    const found = judged(DIED.switching, reached({ status: 'paused', disk: 'disk0-moved' }));
    expect(states(found)).toEqual(['paused', 'stale', 'current']);
    expect(actions(found)).toEqual(['resume-guest', 'remove-leftovers', 'close-journal']);
    expect(found.notes[0]).toMatch(/^The guest's configuration .* still names \/srv\/old.img/);
  });

  it('after the switchover: the new disk is the guest’s, also without a trace of the run', () => {
    const host = reached({ status: 'paused', disk: 'disk0-moved', leftovers: [] });
    const found = judged(DIED.switched, host);
    expect(states(found)).toEqual(['paused', 'stale', 'current']);
    expect(actions(found)).toEqual(['resume-guest', 'close-journal']);
  });

  it('while it put things back', () => {
    const found = judged([...DIED.paused, { type: 'resumed' }, { type: 'cleaning' }]);
    expect(found.happened).toMatch(/It was putting things back\.$/);
    expect(actions(found)).toEqual(everything);
  });
});

describe('a guest that is not resumed', () => {
  it('of a hypervisor in which nothing of the run is: it may be another one', () => {
    const found = judged(DIED.paused, reached({ status: 'paused', leftovers: [] }));
    expect(actions(found)).toEqual(['delete-image']);
    expect(found.guest!.text).toContain('nothing of the run is in this hypervisor');
    expect(found.notes[0]).toMatch(/^If it stands because of the run, resume it/);
    expect(actions(judged(DIED.paused, reached({ leftovers: [] })))).toContain('close-journal');
  });

  it('in a state that no pause of the run is', () => {
    const found = judged(DIED.paused, reached({ status: 'io-error' }));
    expect(found.guest).toEqual({
      state: 'other',
      text: 'is in the state "io-error", on its source',
    });
    expect(actions(found)).toEqual(everything);
  });

  it('that was paused already when the run came to it', () => {
    const before = { running: false, status: 'paused' };
    const entries = [...DIED['in-rounds'], { type: 'pausing', before } as const];
    expect(actions(judged(entries, reached({ status: 'paused' })))).toEqual(everything);
  });

  it('that goes on in another hypervisor', () => {
    const elsewhere = { type: 'switched', scope: 'guest', disk: 'disk0' } as const;
    const found = judged([...DIED.paused, elsewhere], reached({ status: 'paused' }));
    expect(actions(found)).not.toContain('resume-guest');
    expect(actions(found)).not.toContain('delete-image');
  });
});

describe('a hypervisor that has ended', () => {
  it('before the switchover: the source has everything, the image goes', () => {
    const found = judged(DIED.paused, gone);
    expect(states(found)).toEqual(['gone', 'current', 'incomplete']);
    expect(actions(found)).toEqual(['delete-image', 'close-journal']);
  });

  it('in the switchover: nobody knows which disk the guest had; both stay', () => {
    const found = judged(DIED.switching, gone);
    expect(states(found)).toEqual(['gone', 'unknown', 'unknown']);
    expect(actions(found)).toEqual(['close-journal']);
    expect(found.notes.join(' ')).toContain('Neither image is deleted.');
  });

  it('after the switchover: the new image is the newest', () => {
    const found = judged(DIED.switched, gone);
    expect(states(found)).toEqual(['gone', 'stale', 'current']);
    expect(actions(found)).toEqual(['close-journal']);
  });

  it('and was started again with the old image: what is in the new one is told', () => {
    const found = judged(DIED.switched, reached({ leftovers: [] }));
    expect(states(found)).toEqual(['running', 'stale', 'unknown']);
    expect(found.source!.text).toContain('although the switchover was done');
    expect(actions(found)).toEqual(['close-journal']);
    const undecided = judged(DIED.switching, reached({ leftovers: [] }));
    expect(actions(undecided)).toEqual(['close-journal']);
    const before = { host: 'h', run: 'r1', action: 'found-on-source', arguments: {} };
    const decided = [...DIED.switching, { type: 'change', ...before } as const];
    expect(actions(judged(decided, reached({ leftovers: [] })))).toEqual([
      ...['delete-image', 'close-journal'],
    ]);
  });
});

it('does nothing about a host that can’t be reached', () => {
  const found = judged(DIED.paused, { state: 'unreachable', reason: 'No route to host.' });
  expect(found).toMatchObject({ steps: [], blocked: 'No route to host.' });
  expect(found.guest!.text).toContain('by the journal it was paused, and is owed a resume');
});

describe('an image', () => {
  it.each<[MachineView, string | undefined]>([
    [
      { leftovers: [], image: { state: 'uncertain', reason: 'another file is there' } },
      `The image ${IMAGE} is kept: another file is there.`,
    ],
    [
      { leftovers: [] },
      `The image ${IMAGE} is on another machine (memory:lab): delete it there, if nobody needs it.`,
    ],
    [{ leftovers: [], image: { state: 'gone' } }, undefined],
  ])('that is %j is not deleted', (machine, note) => {
    const found = judged(DIED['in-rounds'], reached({}), machine);
    expect(actions(found)).toEqual(['remove-leftovers', 'close-journal']);
    if (note === undefined) expect(found.destination!.state).toBe('empty');
    else expect(found.notes).toContain(note);
  });

  it('that the run did not make is not deleted', () => {
    const without = DIED['in-rounds'].filter(({ type }) => type !== 'change');
    expect(actions(judged(without, reached({})))).toEqual(['remove-leftovers', 'close-journal']);
  });
});

it('leaves credentials of a destination out', () => {
  const [begin] = DIED['not-begun'];
  const uri = 'nbd://someone:hunter2@backup/disk0';
  const options = { ...begin.options, destination: { type: 'nbd', uri } as const };
  const found = judged([{ ...begin, options }], { state: 'not-asked' }, { leftovers: [] });
  expect(JSON.stringify(found)).not.toContain('hunter2');
});

it('takes nothing from a run without a journal but what it is told', () => {
  const stray = { run: 's1', host: 'lab', leftovers: [bitmap] };
  expect(judgeStray(stray, undefined)).toMatchObject({
    state: 'no-journal',
    notes: [expect.stringContaining('by your word that it is dead') as string],
  });
  const ended = { run: 's1', state: 'ended', reason: 'It ended as failed.' } as const;
  expect(judgeStray(stray, ended)).toMatchObject({
    state: 'ended',
    happened: 'It ended as failed. It left something.',
    notes: [],
  });
});

it('refuses a journal that does not say which run it is of', () => {
  expect(() => progressOf([])).toThrow(
    expect.objectContaining({
      kind: 'journal',
      message: expect.stringMatching(/^The journal/) as string,
    }),
  );
});

describe('whether it can be resumed', () => {
  const node: Leftover = { kind: 'node', name: 'disk0.r1', run: 'r1' };
  const newer: Leftover = { ...bitmap, name: 'migrascope-r1-dirty-2' };
  const there = reached({ leftovers: [bitmap, newer, node] });
  const resume = (...args: Parameters<typeof judged>) => judged(...args).resume;

  it.each([DIED['in-rounds'], DIED.paused, DIED.switching])('it can, after %j', (...entries) => {
    expect(resume(entries, there)).toEqual({
      state: 'possible',
      text: '`migrascope resume r1` goes on with it: only what was written since is sent',
    });
  });

  const rounds = DIED['in-rounds'];
  const nbd = { type: 'nbd', uri: 'nbd://user:***@host/disk' } as const;
  const secret: JournalEntry = {
    ...DIED.copying[0],
    options: { ...DIED.copying[0].options, destination: nbd },
  };
  it.each<[string, Parameters<typeof judged>]>([
    ['its hypervisor has ended', [rounds, gone]],
    ["its hypervisor can't be asked", [rounds, { state: 'unreachable', reason: 'No.' }]],
    ['The events', [rounds, there, made, { unknown: 'The events are torn.' }]],
    ['what it made was being removed', [[...rounds, { type: 'cleaning' }], there]],
    [
      'the guest does not have its source',
      [DIED.switched, reached({ disk: 'disk0-moved', leftovers: [bitmap, node] })],
    ],
    [
      'nothing of it is in this hypervisor',
      [DIED.paused, reached({ status: 'paused', leftovers: [] })],
    ],
    ['what was written since is not known', [rounds, reached({ leftovers: [newer, node] })]],
    ['what was written since is not known', [rounds, there, made, replayedTo(2)]],
    ['its new image is not open', [rounds, reached({ leftovers: [bitmap] })]],
    ['the credentials of its destination', [[secret, ...DIED.copying.slice(1)], there]],
  ])('it can’t: %s', (why, args) => {
    const found = resume(...args)!;
    expect(found.state).toBe('impossible');
    expect(found.text.startsWith(`can't be resumed: ${why}`)).toBe(true);
  });

  it('after it was taken over, it is in its rounds again', () => {
    const taken: JournalEntry = {
      type: 'taken-over',
      version: '1',
      process: { pid: 1, machine: 'm' },
    };
    const found = judged([...DIED.switching, taken], there);
    expect(found.happened).toBe('It died in its rounds, while the guest ran.');
    expect(states(found)).toEqual(['running', 'current', 'incomplete']);
  });
});
