/**
 * The engine process and its guardian on a real guest, killed and stopped while the guest is paused:
 * afterwards the guest runs, on the disk that it has, and is unharmed.
 */
import { createConnection } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.js';
import { silentLogger } from '../../src/base/logger.js';
import { openRunFolder, runStatus } from '../../src/engine/runs/index.js';
import { openQmp, type QmpClient } from '../../src/hypervisor/index.js';
import {
  buildPrograms,
  EngineProcess,
  type Ended,
  type Hold,
  type Task,
} from './support/engine-process.js';
import { bootGuest, type TestGuest } from './support/lab.js';
import { MigrationLab } from './support/migration.js';
import { assertNothingLeft } from './support/qemu-leftovers.js';
import { MiB } from './support/qemu-process.js';

let lab: MigrationLab;
let programs: { engine: string; guardian: string };
let runs = 0;

beforeAll(async () => {
  lab = await MigrationLab.boot();
  programs = await buildPrograms(lab.folder);
});
afterAll(() => lab[Symbol.asyncDispose]());

/** An engine of the lab's guest that stands still there. */
function engineHeldAt(hold: Hold, more: Partial<Task> = {}): EngineProcess {
  const run = `g${runs++}`;
  const to = lab.newPath();
  const { guardian } = programs;
  const letGo = lab.newPath('go');
  const task = { host: lab.guest.qmp, root: `${lab.folder}/runs`, run, to, guardian, hold, letGo };
  return new EngineProcess(programs.engine, { ...task, ...more });
}

async function untilRunning(monitor: QmpClient): Promise<void> {
  while (!(await monitor.execute('query-status', {})).running) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function isPaused(): Promise<boolean> {
  return (await lab.monitor.execute('query-status', {})).status === 'paused';
}

/** What a dead run leaves is removed as a person would; the guest is looked at before and after. */
async function expectUnharmedAfterDeath(engine: EngineProcess): Promise<void> {
  const folder = await openRunFolder(engine.task.root, engine.task.run);
  expect(await runStatus(folder)).toMatchObject({ state: 'dead' });
  expect(await lab.lab.verify()).toBeGreaterThan(0);
  for (const { id } of await lab.monitor.execute('query-jobs', {})) {
    const concluded = lab.monitor.expect(
      'JOB_STATUS_CHANGE',
      (data) => data.id === id && data.status === 'concluded',
    );
    await lab.monitor.execute('job-cancel', { id });
    await concluded.data;
    await lab.monitor.execute('job-dismiss', { id });
  }
  await lab.removeLeftovers();
  await lab.expectUnharmed();
}

describe('the engine process is killed', () => {
  // Between two statements; before each statement, see kill-matrix.test.ts.
  test.each<Hold>([
    { milestone: 'paused' },
    { milestone: 'switching' },
    { action: 'job-complete' },
  ])('at %o: the guest runs on, on its source', async (hold) => {
    await using engine = engineHeldAt(hold);
    await engine.held();
    expect(await isPaused()).toBe(true);
    await engine.signal('SIGKILL');
    await untilRunning(lab.monitor);
    expect(await engine.guardianActs()).toEqual(['lost', 'resumed']);
    await lab.expectOnSource();
    await expectUnharmedAfterDeath(engine);
  });

  test('before the guest is paused: nothing happens to it', async () => {
    await using engine = engineHeldAt({ line: 15 });
    await engine.held();
    await engine.signal('SIGKILL');
    await lab.expectOnSource();
    await expectUnharmedAfterDeath(engine);
    expect((await engine.records()).some(({ type }) => type === 'guardian')).toBe(false);
  });

  test('after the lease was taken, before the pause: it is left running', async () => {
    await using engine = engineHeldAt({ milestone: 'pausing' });
    await engine.held();
    await engine.signal('SIGKILL');
    expect(await engine.guardianActs()).toEqual(['lost', 'left']);
    await lab.expectOnSource();
    await expectUnharmedAfterDeath(engine);
  });
});

describe('the engine process is stopped', () => {
  test('and holds the only monitor: the guardian ends it and resumes the guest', async () => {
    await using engine = engineHeldAt({ line: 17 });
    await engine.held();
    await engine.signal('SIGSTOP');
    expect(await isPaused()).toBe(true);
    await untilRunning(lab.monitor);
    expect(await engine.gone()).toBe('SIGKILL');
    expect(await engine.guardianActs()).toEqual(['lost', 'fenced', 'resumed']);
    await lab.expectOnSource();
    await expectUnharmedAfterDeath(engine);
  });
});

describe('the guardians are killed while the guest is paused', () => {
  test('one of them, and then the engine: the other one resumes the guest', async () => {
    await using engine = engineHeldAt({ line: 17 });
    await engine.held();
    await engine.signal('SIGSTOP');
    process.kill(engine.guardianPids[0]!, 'SIGKILL');
    await engine.signal('SIGKILL');
    await untilRunning(lab.monitor);
    await lab.expectOnSource();
    await expectUnharmedAfterDeath(engine);
  });

  test('one of them: the migration goes on', async () => {
    const disk = (await lab.diskNode())!;
    await using engine = engineHeldAt({ line: 16 }, { disk, pivot: false });
    await engine.held();
    process.kill(engine.guardianPids[1]!, 'SIGKILL');
    await engine.letGo();
    expect(await engine.ended()).toMatchObject({ kind: null, guest: 'running' });
    const warned = engine.said.filter((each) => 'logged' in each).map(({ logged }) => logged);
    expect(warned).toEqual([
      "warn: One of two guardians is gone; the other watches on. The lease on the guest's pause was lost: The guardian ended.",
    ]);
    await lab.expectUnharmed();
  });

  test('both: the engine resumes the guest and puts everything back', async () => {
    await using engine = engineHeldAt({ line: 17 });
    await engine.held();
    for (const pid of engine.guardianPids) process.kill(pid, 'SIGKILL');
    expect(await engine.ended()).toEqual({
      kind: 'lease',
      message: "The lease on the guest's pause was lost: The guardian ended.",
      switchedOver: false,
      guest: 'running',
    });
    await lab.expectUnharmed(engine.task.to);
    expect(await runStatus(await openRunFolder(engine.task.root, engine.task.run))).toMatchObject({
      state: 'ended',
    });
  });
});

describe('the engine process is stopped, and the guardian has a monitor of its own', () => {
  let second: TestGuest & AsyncDisposable;

  beforeAll(async () => {
    second = await bootGuest({ size: 128 * MiB, memory: 256 * MiB });
  });
  afterAll(() => second[Symbol.asyncDispose]());

  /** Stops the engine where it stands, waits for the guardian, lets the engine go on. */
  async function stopAndLetGo(hold: Hold): Promise<{ ended: Ended; node: string | undefined }> {
    const { qmp: host, monitor } = second.guest;
    await using engine = engineHeldAt(hold, { host, second: monitor });
    await engine.held();
    await engine.signal('SIGSTOP');
    expect(await engine.guardianActs()).toEqual(['lost', 'resumed']);
    expect(await second.verify()).toBeGreaterThan(0);
    await engine.letGo();
    await engine.signal('SIGCONT');
    const ended = await engine.ended();
    expect(await engine.gone()).toBe(null);
    expect(await second.verify()).toBeGreaterThan(0);
    return { ended, node: await lookAround(monitor) };
  }

  /** That nothing is left, and which disk the guest has. */
  async function lookAround(monitor: string): Promise<string | undefined> {
    const socket = createConnection(monitor.replace('unix:', ''));
    const quiet = { clock: systemClock, logger: silentLogger };
    const qmp = await openQmp(socket, { name: 'second', ...quiet });
    try {
      await assertNothingLeft(qmp);
      expect(await qmp.execute('query-status', {})).toMatchObject({ status: 'running' });
      const blocks = await qmp.execute('query-block', {});
      return blocks.find(({ qdev }) => qdev?.includes('/vda/'))?.inserted?.['node-name'];
    } finally {
      qmp.close();
    }
  }

  test.each<Hold>([{ milestone: 'paused' }, { milestone: 'switching' }])(
    'at %o: it comes back, notices, and stands down',
    async (hold) => {
      const { ended, node } = await stopAndLetGo(hold);
      expect(ended).toMatchObject({ switchedOver: false, guest: 'running' });
      expect(['lease', 'guest']).toContain(ended.kind);
      expect(node).toBe('disk0');
    },
  );

  test('between its last look at the guest and the mirror: it sees what it missed', async () => {
    const { ended, node } = await stopAndLetGo({ action: 'blockdev-mirror' });
    expect(ended).toMatchObject({ kind: 'hypervisor', switchedOver: false, guest: 'running' });
    expect(ended.message).toMatch(
      /^Swapping disk0 for .* failed: The guest was resumed .* \(the guest keeps its old disk\)\.$/,
    );
    expect(node).toBe('disk0');
  });

  test('when the mirror carries what the guest writes: the swap is done, and nothing is lost', async () => {
    const { ended, node } = await stopAndLetGo({ action: 'job-complete' });
    expect(ended).toMatchObject({ kind: null, switchedOver: true, guest: 'running' });
    expect(node).toMatch(/^disk0\.g/);
  });
});

test('a migration that goes well leaves no guardian', async () => {
  await using engine = engineHeldAt({ line: 99 });
  expect(await engine.ended()).toMatchObject({ kind: null, switchedOver: true, guest: 'running' });
  await engine.gone();
  const alive = (pid: number) => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  while (engine.guardianPids.some(alive)) await new Promise((resolve) => setTimeout(resolve, 20));
  const types = (await engine.records())
    .map(({ type }) => type)
    .filter((type) => type !== 'change');
  expect(types).toEqual([
    ...['begin', 'source', 'tracking', 'pausing', 'paused', 'switching', 'switched', 'resumed'],
    ...['cleaning', 'end'],
  ]);
  expect(await lab.lab.verify()).toBeGreaterThan(0);
});

test.each<Hold>([{ milestone: 'switched' }])(
  'the engine process is killed at %o: the guest runs on, on its new disk',
  async (hold) => {
    const disk = (await lab.diskNode())!;
    await using engine = engineHeldAt(hold, { disk });
    await engine.held();
    expect(await isPaused()).toBe(true);
    await engine.signal('SIGKILL');
    await untilRunning(lab.monitor);
    expect(await engine.guardianActs()).toEqual(['lost', 'resumed']);
    await lab.expectOnSource(`${disk}.${engine.task.run}`);
    expect(await lab.lab.verify()).toBeGreaterThan(0);
    await lab.monitor.execute('nbd-server-stop', {}).catch(() => undefined);
  },
);
