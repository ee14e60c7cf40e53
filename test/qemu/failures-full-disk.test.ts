/** A disk gets full while the real command moves a busy guest's disk: that of the new image, of the journal, of the trace. */
import { appendFile, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CommandRun, type CommandPlace } from './support/command-run.js';
import { KillLab } from './support/kill-lab.js';
import { MiB } from './support/qemu-process.js';
import { startSmallFolder } from './support/servers.js';

let lab: KillLab;

beforeAll(async () => {
  lab = await KillLab.boot();
});
afterAll(() => lab[Symbol.asyncDispose]());

/** Takes all the room there is in a folder. */
async function fill(folder: string): Promise<void> {
  const path = join(folder, 'filler');
  await writeFile(path, '');
  for (const bytes of [256 * 1024, 4096])
    while (await appendFile(path, Buffer.alloc(bytes, 1)).then(yes, no));
}

const yes = () => true;
const no = () => false;

const PAGE = 4096;

/** Leaves no room in the last page of a journal either. */
async function fillPage(journal: string): Promise<void> {
  const head =
    '{"type":"change","at":"2026-01-01T00:00:00.000Z","monotonicMs":0,"host":"localhost","action":"filler","arguments":{"with":"';
  const tail = '"}}\n';
  const least = head.length + tail.length;
  const room = () => stat(journal).then(({ size }) => (PAGE - (size % PAGE)) % PAGE);
  let left = await room();
  if (left > 0 && left < least) left += PAGE;
  if (left > 0) await appendFile(journal, head + 'x'.repeat(left - least) + tail);
}

/** Brings a run to before a statement, does something, lets it go, and says how its controller ended. */
async function runTo(
  line: number,
  place: CommandPlace,
  to: string,
  act: (run: CommandRun) => Promise<void>,
  ...more: readonly string[]
) {
  const run = await CommandRun.begin(place, ...lab.arguments(`file:${to}`, '--pivot', ...more));
  try {
    await run.stepTo(line);
    await act(run);
    run.letGo();
    const end = await run.over;
    const { code, stderr } = await run.controllerEnded;
    expect(await lab.isRunning()).toBe(true);
    return { run, code, stderr, summary: end?.summary };
  } catch (error) {
    await lab.rescue(place, to);
    throw error;
  } finally {
    run.close();
  }
}

describe("the new image's disk is full", () => {
  test.each([
    ['in the rounds', 8],
    ['while the rest is sent, the guest paused', 15],
  ])('%s: the guest goes on with its source, nothing is left', async (_, line) => {
    await using small = await startSmallFolder(100 * MiB);
    const place = await lab.place(lab.lab.guest.qmp, true);
    const image = join(small.folder, 'image');
    const ended = await runTo(line, place, image, async (run) => {
      await fill(small.folder);
      await run.limit({ downtimeLimitMs: 120_000 });
      await lab.lab.lab.run('dd if=/dev/urandom of=/mnt/new bs=1M count=16 conv=fsync 2>/dev/null');
    });
    expect(ended.code, ended.stderr).toBe(1);
    expect(ended.stderr).toContain(`migrascope: The destination file:${image} failed: `);
    expect(ended.summary).toMatchObject({ guest: 'running', switchedOver: false });
    expect((ended.summary?.downtimeMs ?? 0) > 0).toBe(line === 15);
    await lab.lab.lab.run('rm /mnt/new');
    expect(await place.remains()).toEqual([]);
    await expect(stat(image)).rejects.toMatchObject({ code: 'ENOENT' });
    await lab.expectFit();
  });
});

describe("the journal's disk is full", () => {
  /** With its folder of runs on a small file system that gets full before a statement. */
  async function fullAt(line: number) {
    await using small = await startSmallFolder(8 * MiB);
    const place = await lab.place(lab.lab.guest.qmp, true, { state: small.folder });
    const image = lab.lab.newPath('image');
    const ended = await runTo(line, place, image, async (run) => {
      await fill(small.folder);
      await fillPage(run.folder.journal);
    });
    const warnings = ended.run.events.flatMap((each) =>
      each.type === 'warning' ? each.message : [],
    );
    expect(await place.remains()).toEqual([]);
    const disk = await lab.followDisk(image);
    await lab.expectFit();

    const full = await place.execute('recover', '--yes');
    expect(full.code, full.stdout + full.stderr).toBe(7);
    expect(full.stdout).toMatch(/The journal \S+ can't be written/);
    await rm(join(small.folder, 'filler'));
    const done = await place.execute('recover', '--yes');
    expect(done.code, done.stdout + done.stderr).toBe(0);
    expect(done.stdout).toContain(`Nothing of run ${ended.run.id} is left.`);
    await lab.expectFit();
    return { ...ended, warnings, disk };
  }

  test.each([
    ['before the pause', 15],
    ['before the switchover', 17],
  ])('%s: the guest goes on with its source; what can not be noted is told', async (_, line) => {
    const { code, stderr, disk, warnings, summary } = await fullAt(line);
    expect(code, stderr).toBe(1);
    expect(stderr).toMatch(/^migrascope: The journal \S+ can't be written: .*ENOSPC/m);
    expect(stderr).toContain('hint: Make room there');
    expect(disk).toBe('source');
    expect(summary).toMatchObject({ guest: 'running', switchedOver: false });
    expect(warnings.join('\n')).toContain('The journal does not say "end"');
  });

  test('after the switchover: the migration completes, and says what is not noted', async () => {
    const { code, stderr, disk, warnings } = await fullAt(18);
    expect(code, stderr).toBe(0);
    expect(disk).toBe('new');
    expect(warnings.join('\n')).toContain('The journal does not say "resumed"');
  });
});

test("the trace's disk is full: the migration completes, and says that its trace is not complete", async () => {
  await using small = await startSmallFolder(16 * 1024);
  const place = await lab.place(lab.lab.guest.qmp, true);
  const image = lab.lab.newPath('image');
  const trace = join(small.folder, 'trace.jsonl');
  const ended = await runTo(9, place, image, () => fill(small.folder), '--trace', trace);
  expect(ended.code, ended.stderr).toBe(0);
  expect(ended.stderr + ended.run.notes.join('\n')).toContain('The trace is cut short: ');
  expect((await readFile(trace, 'utf8')).startsWith('{')).toBe(true);
  expect(await lab.followDisk(image)).toBe('new');
  await lab.expectFit();
});
