/** Every failure before the switchover: the guest runs on its source, and nothing is left. */
import { describe, expect, it } from 'vitest';
import {
  ConnectError,
  ConnectionLostError,
  DestinationError,
  HypervisorError,
  NbdCommandError,
  QmpCommandError,
  TimeoutError,
  type ErrorKind,
} from '../../../src/base/errors.js';
import { expectPutBack } from './put-back.js';
import type { Gate } from '../../../src/engine/gate.js';
import type { Operation } from '../support/faults.js';
import { MemoryLab, type LabOptions } from '../support/memory-lab.js';
import {
  eventsOf,
  linesOf,
  migrateInLab,
  type Asked,
  type Watched,
} from '../support/migrate-in-lab.js';

interface Failing {
  readonly at: Operation;
  readonly call?: number;
  readonly error: Error & { readonly kind: ErrorKind };
  /** The statement at which the error is told. */
  readonly line: number;
  readonly asked?: Asked;
}

const refused = new QmpCommandError('stop', 'GenericError', 'not now');
const broken = new NbdCommandError('The server failed READ at 0.', 5);
const noSpace = new NbdCommandError('The server failed WRITE at 0.', 28);
const lost = new ConnectionLostError('The connection to nbd://destination ended.');

const FAILURES: readonly Failing[] = [
  { at: 'hypervisor.connect', error: new ConnectError('Could not connect to unix:/q.'), line: 1 },
  { at: 'hypervisor.disks', error: refused, line: 1 },
  { at: 'hypervisor.openSource', error: new HypervisorError('QEMU has no bitmaps.'), line: 1 },
  { at: 'destination.open', error: new DestinationError('The image is in use.'), line: 1 },
  { at: 'source.connect', error: new ConnectError('Could not connect to the source.'), line: 1 },
  { at: 'destination.connect', error: new ConnectError('Could not connect to it.'), line: 1 },
  { at: 'source.read', error: lost, line: 1 },
  { at: 'destination.read', error: lost, line: 1 },
  { at: 'source.startTracking', error: refused, line: 2 },
  { at: 'source.blockStatus', error: broken, line: 3 },
  { at: 'destination.writeZeroes', error: noSpace, line: 3 },
  { at: 'source.read', call: 2, error: broken, line: 8 },
  { at: 'destination.write', error: noSpace, line: 8 },
  { at: 'destination.write', error: lost, line: 8 },
  { at: 'source.flip', error: refused, line: 9 },
  { at: 'destination.read', call: 2, error: broken, line: 12 },
  { at: 'source.flush', error: broken, line: 14 },
  { at: 'destination.flush', error: noSpace, line: 14 },
  { at: 'hypervisor.runState', error: refused, line: 15 },
  { at: 'hypervisor.pause', error: new TimeoutError('QEMU did not answer stop.'), line: 15 },
  { at: 'destination.flush', call: 2, error: noSpace, line: 16 },
  { at: 'hypervisor.resume', error: refused, line: 18 },
  {
    at: 'hypervisor.openPivot',
    error: new DestinationError('The image holds data.'),
    line: 1,
    asked: { pivot: true },
  },
  {
    at: 'pivot.switchOver',
    error: new HypervisorError('Swapping disk0 failed.'),
    line: 17,
    asked: { pivot: true },
  },
];

/** The error as it was thrown, or, where the destination failed while it was used, with its name. */
function expectTold(watched: Watched, at: Operation, error: Error): void {
  const inUse = /^destination\.(read|write|writeZeroes|flush|blockStatus)$/.test(at);
  if (!inUse) expect(watched.error).toBe(error);
  else
    expect(watched.error).toMatchObject({
      kind: 'destination',
      message: `The destination file:new.img failed: ${error.message}`,
      cause: error,
    });
}

describe('when it fails', () => {
  it.each(FAILURES)('$at ($error.name): puts back, and tells it', async (failing) => {
    const { at, call, error, line, asked } = failing;
    const lab = new MemoryLab({ seed: 3, writesPerSecond: 30 });
    lab.faults.add({ at, ...(call ? { call } : {}), does: error });
    const watched = await migrateInLab(lab, { policy: 'cache', ...asked });
    expectPutBack(lab, watched);
    const [told] = eventsOf(watched.events, 'error');
    expectTold(watched, at, error);
    expect(told).toMatchObject({
      kind: watched.error?.kind,
      message: watched.error?.message,
      line,
    });
  });

  it.each(['source.read', 'destination.read'] as const)(
    '%s that only primes the server: goes on',
    async (at) => {
      const lab = new MemoryLab({ seed: 3 });
      lab.faults.add({ at, does: broken });
      const { error, summary } = await migrateInLab(lab);
      expect(error).toBeUndefined();
      expect(summary.outcome).toBe('completed');
    },
  );

  it('in a later round: puts back', async () => {
    const lab = new MemoryLab({ seed: 3, writesPerSecond: 60, direct: 1 });
    const asked: Asked = {
      policy: 'plain',
      onEvent: (event) => {
        if (event.type === 'statement' && event.line === 8 && event.round === 1)
          lab.faults.add({ at: 'destination.write', always: true, does: noSpace });
      },
    };
    const watched = await migrateInLab(lab, asked);
    expectPutBack(lab, watched);
    expectTold(watched, 'destination.write', noSpace);
    expect(watched.summary.rounds).toBe(2);
  });

  it.each(['destination.write', 'source.read', 'source.flip'] as const)(
    '%s between the pause and the switchover: puts back, and the guest runs on its source',
    async (at) => {
      const lab = new MemoryLab({ seed: 5, writesPerSecond: 200, workingSet: 1, direct: 0.5 });
      const watched = await migrateInLab(lab, {
        policy: 'plain',
        pivot: true,
        maxRounds: 1,
        decide: () => Promise.resolve('pause-anyway'),
        onEvent: ({ type }) => {
          if (type === 'paused') lab.faults.add({ at, always: true, does: lost });
        },
      });
      expectPutBack(lab, watched);
      expectTold(watched, at, lost);
      expect(watched.summary.downtimeMs).toBeGreaterThan(0);
      expect(eventsOf(watched.events, 'resumed')).toMatchObject([{ byProgram: true }]);
    },
  );

  it('reads what was asked for wrongly as an error of usage', async () => {
    const lab = new MemoryLab();
    const watched = await migrateInLab(lab, { disk: 'nosuch' });
    expectPutBack(lab, watched);
    expect(watched.error).toMatchObject({
      kind: 'usage',
      message: 'There is no disk nosuch on memory:lab.',
      hint: 'Its disks are: disk0.',
    });
  });

  it('finds the disk by its other names', async () => {
    const lab = new MemoryLab();
    expect((await migrateInLab(lab, { disk: 'virtio0' })).error).toBeUndefined();
  });

  it('refuses to pivot to what its QEMU does not open', async () => {
    const lab = new MemoryLab();
    const watched = await migrateInLab(lab, {
      pivot: true,
      destination: { type: 'nbd', uri: 'nbd://x' },
    });
    expectPutBack(lab, watched);
    expect(watched.error).toMatchObject({
      kind: 'usage',
      message: expect.stringMatching(/^The guest can only be pivoted/) as string,
    });
  });

  const ENDS: readonly (readonly [string, Partial<LabOptions>, ErrorKind, RegExp])[] = [
    [
      'too small',
      { destinationBytes: 4096 },
      'destination',
      /^The destination file:new.img is too small: 4096/,
    ],
    [
      'read-only',
      { info: { readOnly: true } },
      'destination',
      /^The destination file:new.img is read-only/,
    ],
    [
      'takes only large requests',
      { info: { minimumBlock: 65_536 } },
      'destination',
      /takes requests of 65536/,
    ],
    [
      'takes only small requests',
      { info: { maximumPayload: 2048 } },
      'destination',
      /takes requests of 1 to 2048/,
    ],
    [
      'can not be written to its end',
      { size: 4096 * 9 + 512, info: { minimumBlock: 4096 } },
      'destination',
      /is written 4096 bytes at a time/,
    ],
    [
      'has a source that is read in large requests',
      { sourceInfo: { minimumBlock: 65_536 } },
      'usage',
      /^The disk disk0 can be read in 65536/,
    ],
    [
      'has a source of another size',
      { sourceInfo: { size: 512 } },
      'hypervisor',
      /^The export of the disk disk0 has 512 bytes/,
    ],
  ];

  it.each(ENDS)('refuses a destination that %s', async (_, options, kind, message) => {
    const lab = new MemoryLab(options);
    const watched = await migrateInLab(lab);
    expectPutBack(lab, watched);
    expect(watched.error?.kind).toBe(kind);
    expect(watched.error?.message).toMatch(message);
    expect(linesOf(watched)).toEqual([1]);
  });
});

describe('when putting back fails', () => {
  const PUT_BACK: readonly Operation[] = [
    'destination.release',
    'source.release',
    'probe.close',
    'hypervisor.close',
  ];

  it.each(PUT_BACK)('%s: does the rest, warns, and tells the first error', async (at) => {
    const lab = new MemoryLab();
    lab.faults.add({ at: 'destination.flush', does: noSpace });
    lab.faults.add({ at, does: refused });
    const close = lab.close.bind(lab);
    lab.close = async () => {
      await close().finally(() => {
        lab.names.clear();
        lab.hypervisorOpen = false;
      });
    };
    const watched = await migrateInLab(lab, { policy: 'cache' });
    expectPutBack(lab, watched);
    expectTold(watched, 'destination.flush', noSpace);
    expect(eventsOf(watched.events, 'warning')).toMatchObject([
      {
        message: expect.stringMatching(/^Putting back failed: letting go of .*not now$/) as string,
      },
    ]);
  });

  it('resuming the guest: tries again at the end', async () => {
    const lab = new MemoryLab();
    lab.faults.add({ at: 'destination.flush', call: 2, does: noSpace });
    lab.faults.add({ at: 'hypervisor.resume', does: refused });
    const watched = await migrateInLab(lab);
    expectPutBack(lab, watched);
    expectTold(watched, 'destination.flush', noSpace);
    expect(lab.resumes).toBe(1);
    expect(watched.summary).toMatchObject({ guest: 'running' });
  });

  it('resuming the guest for good: says that it is paused', async () => {
    const lab = new MemoryLab();
    lab.faults.add({ at: 'hypervisor.resume', always: true, does: refused });
    const watched = await migrateInLab(lab);
    expect(watched.error).toBe(refused);
    expect(watched.summary).toMatchObject({ outcome: 'failed', guest: 'paused' });
    expect(watched.summary.downtimeMs).toBeGreaterThan(0);
    expect(eventsOf(watched.events, 'warning').map(({ message }) => message)).toEqual([
      'Putting back failed: resuming the guest: QEMU refused stop: not now',
      'Putting back failed: resuming the guest: QEMU refused stop: not now',
    ]);
  });
});

describe('when something happens beside the program', () => {
  /** Does something to the lab the first time a statement is executed. */
  const at = (line: number, action: () => void): NonNullable<Asked['onEvent']> => {
    let done = false;
    return (event) => {
      if (done || event.type !== 'statement' || event.line !== line) return;
      done = true;
      action();
    };
  };

  it.each([1, 3, 8, 12, 14, 15, 16, 17])('the hypervisor is lost at statement %i', async (line) => {
    const lab = new MemoryLab();
    const error = new ConnectionLostError('The connection to unix:/q ended.');
    const onEvent = at(line, () => {
      lab.faults.add({ at: 'source.read', always: true, does: 'hang' });
      lab.foreign('lost', error);
    });
    const watched = await migrateInLab(lab, { pivot: true, onEvent });
    expect(watched.error).toBe(error);
    expectPutBack(lab, watched);
  });

  it('an error of no known kind from a lost hypervisor is told as a lost connection', async () => {
    const lab = new MemoryLab();
    const onEvent = at(8, () => lab.foreign('lost', new Error('EPIPE')));
    const watched = await migrateInLab(lab, { onEvent });
    expect(watched.error).toMatchObject({
      kind: 'connection-lost',
      message: 'The hypervisor was lost: EPIPE',
    });
    expectPutBack(lab, watched);
  });

  it('a guest that powers off and takes its hypervisor along is told as that', async () => {
    const lab = new MemoryLab();
    const onEvent = at(8, () => {
      lab.foreign('shutdown');
      lab.foreign('lost', new ConnectionLostError('The connection to unix:/q ended.'));
      for (const at of ['hypervisor.runState', 'hypervisor.resume'] as const)
        lab.faults.add({ at, always: true, does: lost });
    });
    const watched = await migrateInLab(lab, { onEvent });
    expect(watched.error).toMatchObject({
      kind: 'guest',
      message: expect.stringMatching(/^The guest powered off/) as string,
    });
    expect(watched.summary).toMatchObject({ guest: 'gone', outcome: 'failed' });
    expect(lab.outcome).toBe('discard');
  });

  it('a guest that powers off is told as that when the data connection is the first to know', async () => {
    const lab = new MemoryLab();
    const onEvent = at(8, () => {
      lab.foreign('shutdown');
      lab.faults.add({ at: 'source.read', always: true, does: lost });
    });
    const watched = await migrateInLab(lab, { onEvent });
    expect(watched.error).toMatchObject({
      kind: 'guest',
      message: expect.stringMatching(/^The guest powered off/) as string,
    });
  });

  it('a hypervisor whose end is seen on its data first is told as that', async () => {
    const lab = new MemoryLab();
    const error = new ConnectionLostError('The connection to unix:/q ended.');
    lab.faults.add({
      at: 'destination.write',
      does: () => {
        void lab.clock.sleep(20).then(() => lab.foreign('lost', error));
        throw lost;
      },
    });
    const watched = await migrateInLab(lab);
    expect(watched.error).toBe(error);
    expectPutBack(lab, watched);
  });

  it('a guest that powers off in a hypervisor that stays is copied as it is', async () => {
    const lab = new MemoryLab({ writesPerSecond: 60 });
    const watched = await migrateInLab(lab, { onEvent: at(8, () => lab.foreign('shutdown')) });
    expect(watched.error).toBeUndefined();
    expect(lab.destination.equals(lab.source)).toBe(true);
    expect(watched.summary).toMatchObject({ guest: 'paused', downtimeMs: 0 });
    expect(eventsOf(watched.events, 'warning')).toMatchObject([
      { message: 'The guest powered off.' },
    ]);
  });

  it('a guest that is reset goes on being moved', async () => {
    const lab = new MemoryLab({ writesPerSecond: 60 });
    const watched = await migrateInLab(lab, { onEvent: at(8, () => lab.foreign('reset')) });
    expect(watched.error).toBeUndefined();
    expect(lab.destination.equals(lab.atPause!)).toBe(true);
    expect(eventsOf(watched.events, 'warning')).toMatchObject([
      { message: expect.stringMatching(/^The guest was reset/) as string },
    ]);
  });

  it('a guest that somebody pauses in the rounds stays paused', async () => {
    const lab = new MemoryLab();
    const watched = await migrateInLab(lab, { onEvent: at(8, () => lab.foreign('pause')) });
    expect(watched.error).toBeUndefined();
    expect(lab.guest.running).toBe(false);
    expect(eventsOf(watched.events, 'paused').map(({ byProgram }) => byProgram)).toEqual([
      false,
      false,
    ]);
    expect(watched.summary).toMatchObject({ guest: 'paused', downtimeMs: 0, heldMs: 0 });
  });

  it.each([16, 17, 18])(
    'somebody resumes the guest while it is paused, at statement %i',
    async (line) => {
      const lab = new MemoryLab({ writesPerSecond: 20, direct: 1 });
      const pivot = line !== 18;
      const watched = await migrateInLab(lab, {
        pivot,
        onEvent: at(line, () => lab.foreign('resume')),
      });
      if (line === 18) {
        expect(eventsOf(watched.events, 'resumed')[0]).toMatchObject({ byProgram: false });
        return;
      }
      expectPutBack(lab, watched);
      expect(watched.error).toMatchObject({
        kind: 'guest',
        message: 'The guest was resumed by somebody else while the program had it paused.',
      });
      expect(lab.faults.calls.has('pivot.switchOver')).toBe(false);
    },
  );

  it('somebody resumes the guest without a word: the switchover sees it', async () => {
    const lab = new MemoryLab({ writesPerSecond: 20, direct: 1 });
    const onEvent = at(17, () => lab.guest.resume(lab.clock.now()));
    const watched = await migrateInLab(lab, { pivot: true, onEvent });
    expectPutBack(lab, watched);
    expect(watched.error?.kind).toBe('guest');
    expect(lab.faults.calls.has('pivot.switchOver')).toBe(false);
  });

  it('after the switchover, somebody may resume the guest', async () => {
    const lab = new MemoryLab();
    const gate: Gate = {
      pass: ({ line }) => {
        if (line === 18) lab.foreign('resume');
        return Promise.resolve();
      },
    };
    const watched = await migrateInLab(lab, { pivot: true, gate });
    expect(watched.error).toBeUndefined();
    expect(watched.summary.switchedOver).toBe(true);
  });

  it('a switchover of which the outcome is not known is told as such, not as a lost connection', async () => {
    const lab = new MemoryLab();
    const error = new HypervisorError(
      'Swapping disk0 failed (it is not known which disk the guest has).',
    );
    lab.faults.add({
      at: 'pivot.switchOver',
      does: () => {
        lab.foreign('lost', lost);
        throw error;
      },
    });
    const watched = await migrateInLab(lab, { pivot: true });
    expect(watched.error).toBe(error);
  });
});
