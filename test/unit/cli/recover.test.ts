/** What `migrascope recover` tells, asks and does, and with which exit code it ends. */
import { expect, it, describe } from 'vitest';
import { runCommandLine } from '../../../src/cli/program.js';
import type { KnownRun, RecoveryWorld } from '../../../src/reach/types.js';
import type { RunStatus } from '../../../src/engine/index.js';
import { MemoryLab } from '../support/memory-lab.js';
import { DeadRun, DIED } from '../recover/support.js';
import { facts } from '../runs/support.js';
import { FakeWorld } from './fake-world.js';

const BITMAP = 'migrascope-r1-bitmap-3';

/** A world with one run, r1 on the host `lab`, that died while the guest was paused. */
async function worldWithDeadRun(more: readonly RunStatus[] = []) {
  const lab = new MemoryLab();
  lab.names.add(BITMAP);
  lab.guest.pause(0);
  const run = await DeadRun.create(lab, DIED.paused);
  const world = new FakeWorld();
  const others = more.map((status): KnownRun => ({
    folder: { ...run.folder, run: status.run },
    status,
  }));
  const recovery: RecoveryWorld = {
    clock: run.clock,
    logger: run.logger,
    today: run.today,
    machine: run.machine,
    reach: run.reach,
    isLocal: run.isLocal,
    status: run.status,
    readJournal: run.readJournal,
    readEvents: run.readEvents,
    appendJournal: run.appendJournal,
    runs: async (signal) => {
      const status = await run.status(run.folder, signal);
      const begin = (await run.records()).find((record) => record.type === 'begin')!;
      return [{ folder: run.folder, status: { ...status, begin } }, ...others];
    },
    hypervisorOf: (host) => Promise.resolve(host === 'lab' ? 'memory:lab' : host),
  };
  world.recoveryWorld = recovery;
  const recover = (...args: string[]) =>
    runCommandLine(['recover', ...args], { world, version: '0.0.0', commands: [] });
  return { lab, run, world, recover };
}

const status = (run: string, state: RunStatus['state'], reason: string): RunStatus => ({
  run,
  state,
  reason,
  begin: { type: 'begin', at: '2026-01-01T00:00:00.000Z', monotonicMs: 0, ...facts, host: 'lab' },
});

describe('without a terminal and without --yes', () => {
  it('tells what it would do, does nothing, and says so by its exit code', async () => {
    const { lab, world, recover } = await worldWithDeadRun();
    expect(await recover()).toBe(7);
    expect(world.stdout.text).toBe(
      [
        'Run r1 is dead: lab disk0 → file:/srv/new.img, begun 1970-01-01T00:00:00.000Z',
        '  It died after it began to pause the guest.',
        '  guest        is paused, on its source: the run paused it, and did not resume it',
        "  source       /srv/old.img is whole, and is the guest's disk",
        '  destination  /srv/new.img is incomplete, or was not compared: of no use',
        "  resume       can't be resumed: The events can’t be read: there are none.",
        '  to do        resume the guest',
        '               remove the bitmap migrascope-r1-bitmap-3 of disk0',
        '               delete the image /srv/new.img, which the run made',
        "               note the run's end in its journal",
        '  Nothing is done: it needs --yes, or a terminal to ask.',
        '',
      ].join('\n'),
    );
    expect(lab.guest.running).toBe(false);
    expect([...lab.names]).toEqual([BITMAP]);
  });
});

it('a dead run is told once where its host is named, too', async () => {
  const { world, recover } = await worldWithDeadRun();
  expect(await recover('lab')).toBe(7);
  expect(world.stdout.text.match(/^Run r1 is dead/gm)).toHaveLength(1);
});

describe('with --yes', () => {
  it('does it, and a second time there is nothing to do', async () => {
    const { lab, world, recover } = await worldWithDeadRun();
    expect(await recover('lab', '--yes')).toBe(0);
    expect(world.stdout.text).toContain('  done         resume the guest\n');
    expect(world.stdout.text).toMatch(/ {2}Nothing of run r1 is left\.\n$/);
    expect(lab.guest.running).toBe(true);
    world.stdout.text = '';
    expect(await recover('lab')).toBe(0);
    expect(await recover()).toBe(0);
    expect(world.stdout.text).toBe(
      'There is nothing to recover on lab.\nThere is nothing to recover.\n',
    );
  });

  it('tells what failed', async () => {
    const { world, run, recover } = await worldWithDeadRun();
    run.machine.inUse = 'somebody has it open';
    expect(await recover('--yes')).toBe(7);
    expect(world.stdout.text).toContain(
      '  failed       delete the image /srv/new.img, which the run made: It is kept: somebody has it open.\n',
    );
    expect(world.stdout.text).toMatch(/Something of run r1 is left; .* tried again\.\n$/);
  });
});

describe('at a terminal', () => {
  it.each([
    ['y\n', true],
    ['Yes\n', true],
    ['n\n', false],
    ['\n', false],
    ['what?\n', false],
  ])('the answer %j counts as %s', async (answer, agreed) => {
    const { lab, world, recover } = await worldWithDeadRun();
    world.asTerminal();
    world.stdin.write(answer);
    expect(await recover()).toBe(agreed ? 0 : 7);
    expect(world.stdout.text).toContain('Do this? [y/N] ');
    expect(lab.guest.running).toBe(agreed);
  });

  it('the end of the input is no', async () => {
    const { lab, world, recover } = await worldWithDeadRun();
    world.asTerminal();
    world.stdin.end();
    expect(await recover()).toBe(7);
    expect(lab.guest.running).toBe(false);
  });

  it('Ctrl-C at the question cancels', async () => {
    const { lab, world, recover } = await worldWithDeadRun();
    world.asTerminal();
    const recovering = recover();
    while (!world.stdout.text.includes('[y/N]'))
      await new Promise((resolve) => setImmediate(resolve));
    world.signal();
    expect(await recovering).toBe(130);
    expect(lab.guest.running).toBe(false);
    expect(world.listeners).toBe(0);
  });
});

describe('--json', () => {
  it('prints one object a run, and asks nothing', async () => {
    const { world, recover } = await worldWithDeadRun([status('r2', 'running', 'It runs.')]);
    world.asTerminal();
    expect(await recover('--json')).toBe(7);
    const [dead, running] = world.stdout.text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(dead).toMatchObject({
      type: 'recovery',
      run: 'r1',
      state: 'dead',
      guest: { state: 'paused' },
      source: { state: 'current' },
      destination: { state: 'incomplete' },
      steps: [
        { action: 'resume-guest', outcome: 'not-done' },
        { action: 'remove-leftovers', outcome: 'not-done', leftovers: [{ kind: 'bitmap' }] },
        { action: 'delete-image', outcome: 'not-done' },
        { action: 'close-journal', outcome: 'not-done' },
      ],
      complete: false,
    });
    expect(running).toEqual({
      type: 'recovery',
      run: 'r2',
      state: 'running',
      reason: 'It runs.',
      complete: true,
    });
  });

  it('tells what was done', async () => {
    const { world, recover } = await worldWithDeadRun();
    expect(await recover('--json', '--yes')).toBe(0);
    expect(JSON.parse(world.stdout.text)).toMatchObject({
      steps: [{ outcome: 'done' }, { outcome: 'done' }, { outcome: 'done' }, { outcome: 'done' }],
      complete: true,
    });
  });
});

describe('runs that are not dead', () => {
  it('that run are told of, with the way to them', async () => {
    const { world, recover } = await worldWithDeadRun([
      status('r2', 'running', 'It holds its socket.'),
    ]);
    expect(await recover('--run', 'r2', '--yes')).toBe(0);
    expect(world.stdout.text).toBe(
      'Run r2 runs: It holds its socket.\n  `migrascope attach r2` shows it; there it can be cancelled, too.\n',
    );
  });

  it('that may be alive are left alone', async () => {
    const { lab, world, recover } = await worldWithDeadRun([
      status('r2', 'unknown', 'It ran on m2.'),
    ]);
    lab.names.add('migrascope-r2-bitmap-1');
    expect(await recover('lab', '--run', 'r2', '--yes')).toBe(7);
    expect(world.stdout.text).toMatch(
      /^Run r2 may be alive: It ran on m2\.\n {2}Nothing is done to it\./,
    );
    expect(lab.names.has('migrascope-r2-bitmap-1')).toBe(true);
  });

  it('that ended and left something are cleaned up after', async () => {
    const { lab, world, recover } = await worldWithDeadRun([
      status('r2', 'ended', 'It ended as failed.'),
    ]);
    lab.names.add('migrascope-r2-bitmap-1');
    expect(await recover('lab', '--run', 'r2', '--yes')).toBe(0);
    expect(world.stdout.text).toContain('Run r2 has ended: leftovers on lab\n');
    expect([...lab.names]).toEqual([BITMAP]);
  });
});

describe('leftovers of a run that nothing is known of here', () => {
  it.each([
    [['lab', '--yes'], 7, true],
    [['lab', '--run', 's1'], 7, true],
    [['lab', '--run', 's1', '--yes'], 0, false],
  ])('recover %j', async (args, code, stays) => {
    const { lab, world, recover } = await worldWithDeadRun();
    lab.names.add('migrascope-s1-bitmap-1');
    expect(await recover(...args)).toBe(code);
    expect(world.stdout.text).toContain('Run s1 is not known here: leftovers on lab\n');
    expect(lab.names.has('migrascope-s1-bitmap-1')).toBe(stays);
  });

  it('are of no run that can be named without its host', async () => {
    const { world, recover } = await worldWithDeadRun();
    expect(await recover('--run', 's1', '--yes')).toBe(2);
    expect(world.stderr.text).toMatch(
      /^migrascope: There is no run "s1" here\.\n {2}hint: Name the host/,
    );
  });
});

describe('a host', () => {
  it('that can’t be reached, with nothing known of it, is an error', async () => {
    const { world, run, recover } = await worldWithDeadRun();
    run.unreachable = { state: 'unreachable', reason: 'Connecting to unix:/x failed.' };
    expect(await recover('unix:/x')).toBe(5);
    expect(world.stderr.text).toContain('migrascope: Connecting to unix:/x failed.\n');
  });

  it('that can’t be reached, with a dead run on it: it is told, and nothing is done', async () => {
    const { world, run, recover } = await worldWithDeadRun();
    run.unreachable = { state: 'unreachable', reason: 'No route to host.' };
    expect(await recover('--yes')).toBe(7);
    expect(world.stdout.text).toContain('  not now      nothing is done: No route to host.\n');
  });

  it('is found by the address that a name stands for', async () => {
    const { lab, recover } = await worldWithDeadRun();
    expect(await recover('memory:lab', '--yes')).toBe(0);
    expect(lab.guest.running).toBe(true);
  });
});
