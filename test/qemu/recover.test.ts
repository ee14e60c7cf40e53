/**
 * What is left of an engine process that was killed, its guardian with it, and `migrascope recover`
 * on it: afterwards the guest runs, nothing of the run is there, and a new migration succeeds.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silentLogger } from '../../src/base/logger.js';
import { runCommandLine } from '../../src/cli/program.js';
import { recoveryBelow } from '../../src/reach/index.js';
import { openRunFolder, runStatus } from '../../src/engine/runs/index.js';
import { FakeWorld } from '../unit/cli/fake-world.js';
import { signal } from './support/command-run.js';
import { buildPrograms, EngineProcess, type Hold, type Task } from './support/engine-process.js';
import { exists, MigrationLab, type Asked } from './support/migration.js';
import { assertNothingLeft, leftovers } from './support/qemu-leftovers.js';

let lab: MigrationLab;
let programs: Awaited<ReturnType<typeof buildPrograms>>;
let runs = 0;

beforeAll(async () => {
  lab = await MigrationLab.boot();
  programs = await buildPrograms(lab.folder);
});
afterAll(() => lab[Symbol.asyncDispose]());

/** An engine that was killed there, and its guardian with it, so that nobody put anything back. */
async function killedAt(hold: Hold, more: Partial<Task> = {}): Promise<EngineProcess> {
  const run = `r${runs++}`;
  const disk = (await lab.diskNode())!;
  const paths = { to: lab.newPath(), letGo: lab.newPath('go'), root: `${lab.folder}/runs` };
  const task = { host: lab.guest.qmp, run, disk, guardian: programs.guardian, hold, ...paths };
  const engine = new EngineProcess(programs.engine, { ...task, ...more });
  await engine.held();
  await engine.signal('SIGSTOP');
  for (const guardian of engine.guardianPids) signal(guardian, 'SIGKILL');
  await engine.signal('SIGKILL');
  return engine;
}

/** What the command says, and its exit code. */
async function recover(...args: string[]): Promise<{ code: number; text: string }> {
  const world = new FakeWorld();
  world.recoveryWorld = recoveryBelow(silentLogger, `${lab.folder}/runs`);
  const code = await runCommandLine(['recover', ...args], { world, version: '0', commands: [] });
  return { code, text: world.stdout.text + world.stderr.text };
}

async function isPaused(): Promise<boolean> {
  return (await lab.monitor.execute('query-status', {})).status === 'paused';
}

/** Everything in QEMU that a run may have left, its lasting names too, and whether the guest runs. */
async function lookAround(): Promise<object> {
  const nodes = await lab.monitor.execute('query-named-block-nodes', { flat: true });
  return {
    status: await lab.monitor.execute('query-status', {}),
    names: await leftovers(lab.monitor),
    nodes: nodes.map((node) => [node['node-name'], node['dirty-bitmaps']?.map(({ name }) => name)]),
  };
}

/** That nothing is left to do, and that the guest can be moved anew. */
async function expectFit({ task }: EngineProcess, more: Asked = { pivot: false }): Promise<void> {
  const folder = await openRunFolder(task.root, task.run);
  expect(await runStatus(folder)).toMatchObject({ state: 'ended' });
  expect(await recover()).toEqual({ code: 0, text: 'There is nothing to recover.\n' });
  expect(await recover(lab.guest.qmp)).toMatchObject({ code: 0 });
  const { summary } = await lab.migrate({ disk: (await lab.diskNode())!, ...more });
  expect(summary).toMatchObject({ outcome: 'completed', guest: 'running' });
}

/** Whether a process is gone, or only waits for somebody to hear of its end. */
async function hasEnded(pid: number): Promise<boolean> {
  const text = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => undefined);
  return text === undefined || /^\d+ \(.*\) Z /.test(text);
}

describe('an engine that was killed, and its guardian with it', () => {
  test('in a round: looking changes nothing; recovering puts everything back', async () => {
    await using engine = await killedAt({ line: 9 });
    const { to, run } = engine.task;
    const before = await lookAround();
    const journal = await readFile(engine.journal, 'utf8');
    const look = await recover();
    expect(look.code).toBe(7);
    expect(look.text).toContain('It died in its rounds, while the guest ran.');
    expect(look.text).toContain('guest        runs, on its source');
    expect(look.text).toContain(`remove the bitmap migrascope-${run}-dirty-`);
    expect(look.text).toContain(`remove the node disk0.${run}`);
    expect(look.text).toContain(`delete the image ${to}, which the run made`);
    expect(look.text).toContain('Nothing is done: it needs --yes');
    expect(await lookAround()).toEqual(before);
    expect(await readFile(engine.journal, 'utf8')).toBe(journal);

    const done = await recover(lab.guest.qmp, '--yes');
    expect(done).toMatchObject({ code: 0 });
    expect(done.text).toContain(`Nothing of run ${run} is left.`);
    await lab.expectUnharmed(to);
    await expectFit(engine);
  });

  test.each<Hold>([{ milestone: 'paused' }, { line: 17 }, { action: 'job-complete' }])(
    'at %o: the guest is resumed, on its source',
    async (hold) => {
      await using engine = await killedAt(hold);
      expect(await isPaused()).toBe(true);
      const done = await recover('--yes');
      expect(done.text).toContain('the run paused it, and did not resume it');
      expect(done).toMatchObject({ code: 0 });
      await lab.expectUnharmed(engine.task.to);
      await expectFit(engine);
    },
  );

  test.each<Hold>([
    { action: 'nbd-server-start' },
    { action: 'blockdev-create' },
    { action: 'job-dismiss' },
    { action: 'made-file' },
    { action: 'blockdev-add' },
    { milestone: 'tracking' },
    { action: 'transaction' },
    { milestone: 'pausing' },
    { action: 'stop' },
    { milestone: 'switching' },
    { action: 'block-export-del' },
    { action: 'blockdev-mirror' },
  ])('at %o: everything is put back', async (hold) => {
    await using engine = await killedAt(hold);
    expect(await recover('--yes')).toMatchObject({ code: 0 });
    await lab.expectUnharmed(engine.task.to);
  });

  test.each<Hold>([{ line: 16 }, { action: 'cont' }, { milestone: 'cleaning' }])(
    'without a pivot, at %o: a copy that may be whole is kept',
    async (hold) => {
      await using engine = await killedAt(hold, { pivot: false });
      const { code, text } = await recover('--yes');
      expect(code).toBe(0);
      expect(text).toContain(`${engine.task.to} may be complete as of the pause, or not`);
      expect(await exists(engine.task.to)).toBe(true);
      await lab.expectUnharmed();
    },
  );

  test('without a pivot: the process that served the image is ended', async () => {
    await using engine = await killedAt({ line: 9 }, { pivot: false });
    const done = await recover('--yes', '--json');
    const told = JSON.parse(done.text) as { steps: { action: string; what: string }[] };
    expect(told.steps.map(({ action }) => action)).toEqual([
      ...['remove-leftovers', 'remove-here', 'delete-image', 'close-journal'],
    ]);
    expect(told.steps[1]!.what).toMatch(/^remove the process qemu-storage-daemon \d+, /);
    const pid = Number(/daemon (\d+)/.exec(told.steps[1]!.what)![1]);
    expect(await hasEnded(pid)).toBe(true);
    expect(done.code).toBe(0);
    await lab.expectUnharmed(engine.task.to);
    await expectFit(engine);
  });
});

test('recovering that is killed again and again is gone on with by the next', async () => {
  await using engine = await killedAt({ action: 'job-complete' });
  const { root, run } = engine.task;
  for (let records = 1; ; records++) {
    const child = spawn(process.execPath, [programs.recover, root, run, String(records)], {
      stdio: 'inherit',
    });
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
    if (signal === null) {
      expect(code).toBe(0);
      break;
    }
    expect(signal).toBe('SIGKILL');
    const folder = await openRunFolder(root, run);
    expect((await runStatus(folder)).state).toMatch(/^(dead|ended)$/);
    if ((await runStatus(folder)).state === 'ended') break;
  }
  await lab.expectUnharmed(engine.task.to);
  await expectFit(engine);
});

describe('what is not ours', () => {
  test('is not touched: a bitmap, an NBD server and its export', async () => {
    await using engine = await killedAt({ line: 9 });
    const { monitor } = lab;
    const bitmap = { node: 'disk0', name: 'backup-of-somebody' };
    await monitor.execute('block-dirty-bitmap-add', bitmap);
    await monitor.execute('nbd-server-stop', {});
    const addr = { type: 'unix', data: { path: lab.newPath('foreign') } } as const;
    await monitor.execute('nbd-server-start', { addr });
    const mine = { type: 'nbd', id: 'theirs', name: 'theirs', 'node-name': 'disk0' } as const;
    await monitor.execute('block-export-add', mine);

    expect(await recover('--yes')).toMatchObject({ code: 0 });
    expect(await leftovers(monitor)).toEqual([]);
    const exports = await monitor.execute('query-block-exports', {});
    expect(exports.map(({ id }) => id)).toEqual(['theirs']);
    const nodes = await monitor.execute('query-named-block-nodes', { flat: true });
    const disk = nodes.find((node) => node['node-name'] === 'disk0');
    expect(disk?.['dirty-bitmaps']?.map(({ name }) => name)).toEqual([bitmap.name]);

    await lab.removeExport('theirs');
    await monitor.execute('nbd-server-stop', {});
    await monitor.execute('block-dirty-bitmap-remove', bitmap);
    await lab.expectUnharmed(engine.task.to);
  });

  test('keeps our NBD server: it is stopped once nobody else has an export on it', async () => {
    await using engine = await killedAt({ line: 9 });
    const theirs = { type: 'nbd', id: 'theirs', name: 'theirs', 'node-name': 'disk0' } as const;
    await lab.monitor.execute('block-export-add', theirs);
    const first = await recover('--yes');
    expect(first.code).toBe(7);
    expect(first.text).toMatch(/the NBD server at unix:.* remains: There are exports .*: theirs\./);
    expect(await exists(engine.task.to)).toBe(true);
    const folder = await openRunFolder(engine.task.root, engine.task.run);
    expect(await runStatus(folder)).toMatchObject({ state: 'dead' });
    await lab.removeExport('theirs');
    expect(await recover('--yes')).toMatchObject({ code: 0 });
    await lab.expectUnharmed(engine.task.to);
  });

  test('names of a run without a journal are told, and removed by a person’s word alone', async () => {
    const bitmap = { node: 'disk0', name: 'migrascope-stranger-dirty-1' };
    await lab.monitor.execute('block-dirty-bitmap-add', {
      ...bitmap,
      name: 'migrascope-s1-dirty-1',
    });
    await lab.monitor.execute('block-dirty-bitmap-add', bitmap);
    for (const flags of [[], ['--yes'], ['--run', 's1']]) {
      const told = await recover(lab.guest.qmp, ...flags);
      expect(told.code).toBe(7);
      expect(told.text).toContain('Run s1 is not known here');
    }
    expect(await leftovers(lab.monitor)).toHaveLength(2);
    expect(await recover(lab.guest.qmp, '--run', 's1', '--yes')).toMatchObject({ code: 0 });
    expect(await leftovers(lab.monitor)).toEqual([bitmap.name]);
    await recover(lab.guest.qmp, '--run', 'stranger', '--yes');
    await assertNothingLeft(lab.monitor);
  });
});

test('killed after the switchover: the guest is resumed, on its new disk', async () => {
  await using engine = await killedAt({ milestone: 'switched' });
  const { to, disk, run } = engine.task;
  expect(await isPaused()).toBe(true);
  const done = await recover('--yes');
  expect(done.text).toContain('It died after the switchover, which is done.');
  expect(done.text).toContain(`${to} is the guest's disk now`);
  expect(done.text).toMatch(/configuration .* still names .*: change it before/);
  expect(done.code).toBe(0);
  await lab.expectOnSource(`${disk}.${run}`);
  await assertNothingLeft(lab.monitor);
  expect(await lab.lab.verify()).toBeGreaterThan(0);
  await lab.expectCleanFileSystem(to);
  await expectFit(engine, { pivot: true });
});

test('its QEMU has ended since: the journal is closed, and the images are told of', async () => {
  await using engine = await killedAt({ line: 9 });
  const ended = lab.ended();
  lab.monitor.execute('quit', {}).catch(() => undefined);
  await ended;
  const done = await recover('--yes');
  expect(done.text).toContain('guest        has ended with its hypervisor');
  expect(done.text).toContain('is whole, with all that the guest wrote to it');
  expect(done.code).toBe(0);
  expect(await exists(engine.task.to)).toBe(false);
  expect(await recover()).toEqual({ code: 0, text: 'There is nothing to recover.\n' });
});
