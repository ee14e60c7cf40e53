/**
 * The command on a busy guest: its engine process is killed, and `migrascope resume` goes on with the
 * run. The guest ends on the disk that was asked for, unharmed; nothing is sent again that was not
 * written.
 */
import { afterAll, beforeAll, describe, expect, onTestFailed, test, vi } from 'vitest';
import type { BlockSet } from '../../src/engine/index.js';
import {
  blockCount,
  decodeRuns,
  type MigrationEvent,
  type SummaryEvent,
  type TakenOverEvent,
} from '../../src/engine/index.js';
import { CommandRun, signal, type CommandPlace } from './support/command-run.js';
import { KillLab } from './support/kill-lab.js';
import { exists } from './support/migration.js';
import { leftovers } from './support/qemu-leftovers.js';

let lab: KillLab;

beforeAll(async () => {
  lab = await KillLab.boot();
});
afterAll(() => lab[Symbol.asyncDispose]());

interface Died {
  readonly place: CommandPlace;
  readonly run: CommandRun;
}

/** A run at 24 MiB a second, whose engine process is killed there; and those whose names contain one of `also`. */
async function killed(
  to: string,
  flags: readonly string[],
  there: (run: CommandRun) => Promise<unknown>,
  also: readonly string[] = [],
): Promise<Died> {
  const place = await lab.place(lab.lab.guest.qmp, true);
  onTestFailed(() => lab.rescue(place, to.replace('file:', '')));
  const args = lab.arguments(to, ...flags, '--max-bandwidth', '24MiB');
  const run = await CommandRun.begin(place, ...args);
  await there(run);
  const processes = await place.processes();
  const others = processes.filter(({ command }) => also.some((name) => command.includes(name)));
  for (const { pid } of others) signal(pid, 'SIGSTOP');
  for (const pid of [run.enginePid, ...others.map((each) => each.pid)]) signal(pid, 'SIGKILL');
  await run.controllerEnded;
  return { place, run };
}

/** In the middle of its first batches. */
async function inBulk(run: CommandRun): Promise<void> {
  run.letGo();
  let sent = 0;
  await run.event((event) => event.type === 'sent' && ++sent === 3);
}

/** What `resume` says, which has to complete the run. */
async function resume({ place, run }: Died): Promise<readonly MigrationEvent[]> {
  const ended = await place.execute('resume', run.id, '--json');
  expect(ended.code, ended.stderr).toBe(0);
  const lines = ended.stdout.trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as MigrationEvent);
}

/** What holds of the events of a run that was taken over. */
function expectContinued(events: readonly MigrationEvent[]): TakenOverEvent {
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index));
  const start = events.find((event) => event.type === 'start')!;
  const at = events.findLastIndex(({ type }) => type === 'taken-over');
  const taken = events[at] as TakenOverEvent;
  const blocks = blockCount({ granularity: start.granularity, size: start.disk.size });
  let lacking: BlockSet = decodeRuns(taken.pending, { blocks });
  for (const event of events.slice(at)) {
    if (event.type === 'dirty') lacking = lacking.union(decodeRuns(event.blocks, { blocks }));
    if (event.type !== 'sent') continue;
    expect(decodeRuns(event.blocks, { blocks }).difference(lacking).isEmpty).toBe(true);
  }
  const summary = events.at(-1) as SummaryEvent;
  expect(summary).toMatchObject({ outcome: 'completed', verified: true, guest: 'running' });
  return taken;
}

/** That nothing of the run is anywhere, and the guest is where it has to be. */
async function expectDone({ place }: Died, image: string, disk: 'source' | 'new'): Promise<void> {
  expect(await place.remains()).toEqual([]);
  expect(await lab.followDisk(image)).toBe(disk);
  await lab.expectFit();
  const nothing = await place.execute('recover');
  expect(nothing.stdout).toBe('There is nothing to recover.\n');
}

describe('the guest is pivoted all the same', () => {
  test.each(['raw', 'qcow2'])('killed in the bulk round, to %s', async (format) => {
    const image = lab.lab.newPath('image');
    const died = await killed(`file:${image}`, ['--pivot', '--format', format], inBulk);
    const found = await died.place.execute('recover');
    expect(found.code).toBe(7);
    expect(found.stdout).toContain(`\`migrascope resume ${died.run.id}\` goes on with it`);
    const taken = expectContinued(await resume(died));
    expect(taken.keptBytes).toBeGreaterThan(0);
    expect(taken.lostBytes).toBe(0);
    expect(await died.place.remains()).toEqual([]);
    expect(await lab.followDisk(image)).toBe('new');
    await lab.complete();
  });

  test('killed before the switchover, and its guardians with it', async () => {
    const image = lab.lab.newPath('image');
    const there = (run: CommandRun) => run.stepTo(17);
    const died = await killed(`file:${image}`, ['--pivot'], there, ['guardian.js']);
    expect(await lab.isRunning()).toBe(false);
    expectContinued(await resume(died));
    await expectDone(died, image, 'new');
  });

  test('killed again and again', async () => {
    const image = lab.lab.newPath('image');
    const died = await killed(`file:${image}`, ['--pivot'], inBulk);
    const { place, run } = died;
    for (const events of [1, 2]) {
      const begun = await place.execute('resume', run.id, '--detach', '--step');
      expect(begun.code, begun.stderr).toBe(0);
      const again = await CommandRun.join(place, run.id);
      await again.stepTo(events === 1 ? 3 : 8);
      signal(again.enginePid, 'SIGKILL');
      again.close();
    }
    expectContinued(await resume(died));
    await expectDone(died, image, 'new');
  });
});

describe('the copy is whole all the same', () => {
  test('although its server was killed with it', async () => {
    const image = lab.lab.newPath('image');
    const flags = ['--verify', 'full', '--format', 'qcow2'];
    const died = await killed(`file:${image}`, flags, inBulk, ['qemu-storage-daemon']);
    const events = await resume(died);
    expectContinued(events);
    await expectDone(died, image, 'source');
    expect(await exists(image)).toBe(true);
  });

  test('on an NBD server of somebody else', async () => {
    const image = lab.lab.newPath('image');
    const server = await lab.serve(image);
    try {
      const died = await killed(server.uri, ['--verify', 'full'], inBulk);
      const taken = expectContinued(await resume(died));
      expect(taken.lostBytes).toBe(0);
      await expectDone(died, image, 'source');
    } finally {
      await server[Symbol.asyncDispose]();
    }
  });
});

describe('is refused, and nothing is changed', () => {
  test('while the run lives, and after it ended', async () => {
    const image = lab.lab.newPath('image');
    const place = await lab.place(lab.lab.guest.qmp, true);
    const run = await CommandRun.begin(place, ...lab.arguments(`file:${image}`, '--pivot'));
    const alive = await place.execute('resume', run.id);
    expect(alive.code).toBe(2);
    expect(alive.stderr).toMatch(/^migrascope: The run \S+ can't be resumed: it is running\./);
    run.letGo();
    await run.over;
    const over = await place.execute('resume', run.id);
    expect(over.code).toBe(2);
    expect(over.stderr).toMatch(/^migrascope: The run \S+ can't be resumed: it is ended\./);
    await expectDone({ place, run }, image, 'new');
  });

  test('where a bitmap was removed; `recover` puts things right', async () => {
    const image = lab.lab.newPath('image');
    const died = await killed(`file:${image}`, ['--pivot'], inBulk);
    const { place, run } = died;
    const { monitor } = lab.lab;
    const left = await leftovers(monitor);
    // It may have died while it read a bitmap, which is in use then.
    for (const id of left.filter((each) => each.includes('-flip-'))) await lab.lab.removeExport(id);
    for (const name of left.filter((each) => each.includes('-dirty-')))
      await monitor.execute('block-dirty-bitmap-remove', { node: lab.node, name });
    const before = await leftovers(monitor);
    const refused = await place.execute('resume', run.id);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(
      /^migrascope: The run \S+ can't be resumed: what was written since is not known/,
    );
    expect(await leftovers(monitor)).toEqual(before);
    expect((await place.execute('recover', '--yes')).code).toBe(0);
    await expectDone(died, image, 'source');
  });

  test('to the second of two who go on with it at once; and one that is cancelled at once leaves it dead', async () => {
    const image = lab.lab.newPath('image');
    const died = await killed(`file:${image}`, ['--pivot'], inBulk);
    const { place, run } = died;
    const both = await Promise.all(
      [1, 2].map(() => place.execute('resume', run.id, '--detach', '--step')),
    );
    expect(both.map(({ code }) => code).sort()).not.toEqual([0, 0]);
    if (both.some(({ code }) => code === 0)) {
      const cancelled = await place.execute('attach', run.id, '--cancel', '--json');
      expect(cancelled.code).toBe(6);
      expect(cancelled.stdout).toContain('What the run had left before is there still.');
    }
    await vi.waitFor(
      async () => {
        expect((await place.execute('recover', '--yes')).stdout).toContain('Nothing of run');
      },
      { timeout: 30_000 },
    );
    await expectDone(died, image, 'source');
  });
});
