/** What a cell of the kill matrix came to: what is so, what `recover` says of it, and that nothing is left after it. */
import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import type { JournalRecord } from '../../../src/engine/index.js';
import type { CommandRun } from './command-run.js';
import type { KillLab } from './kill-lab.js';
import type { Result } from './kill-results.js';
import { strikes } from './kill-table.js';
import { exists } from './migration.js';

interface Finding {
  readonly state: string;
  readonly text: string;
}

/** What `recover --json` says of a run. */
interface Recovered {
  readonly state: string;
  readonly happened: string;
  readonly guest: Finding;
  readonly source: Finding;
  readonly destination: Finding;
  readonly steps: readonly { readonly action: string; readonly outcome: string }[];
  readonly complete: boolean;
}

interface Struck {
  readonly lab: KillLab;
  readonly run: CommandRun;
  readonly image: string;
  /** When it was struck, on the wall clock. */
  readonly at: number;
}

/** Waits until all has settled, looks, recovers, and looks again. */
export async function lookAfter(
  { fault, point }: { readonly fault: string; readonly point: string },
  struck: Struck,
): Promise<Result> {
  const { lab, run, image, at } = struck;
  await run.over;
  const alone = strikes(fault, 'engine') && strikes(fault, 'guardians');
  if (!alone) await lab.untilRunning();
  await untilNoGuardian(run);
  const { code, stderr } = await run.controllerEnded;
  const records = await run.records();
  const stands = !(await lab.isRunning());
  const recover = await recoverAfter(struck, !records.some(({ type }) => type === 'end'), stands);
  await lab.untilRunning();
  await lab.untilProbed();
  expect(await run.place.remains(), 'what is left of the run on this machine').toEqual([]);
  const disk = await lab.followDisk(image);
  if (recover) await expectTruth(recover, struck, disk);
  if (disk === 'source') await rm(image, { force: true });
  await lab.expectFit();
  const plain = plainly(run, image);
  const who = resumedBy(records);
  return {
    ...{ fault, point, disk, exitCode: code },
    run: outcomeOf(records),
    error: code === 0 ? null : errorIn(run, stderr, plain),
    resumedBy: who.by === 'nobody' && stands ? 'recover' : who.by,
    stoodMs: who.at === undefined ? null : Math.round(who.at - at),
    warnings: warningsOf(run).map(plain),
    ...(recover ? { recover: inWords(recover, plain) } : {}),
  };
}

/** Who is dead owes an account; of who ended nothing is to be recovered. */
async function recoverAfter(
  { run: { place, id } }: Struck,
  dead: boolean,
  stands: boolean,
): Promise<Recovered | undefined> {
  const look = await place.execute('recover', 'web', '--json');
  if (!dead) {
    expect({ code: look.code, said: look.stdout }, look.stderr).toEqual({ code: 0, said: '' });
    return undefined;
  }
  expect(look.code, look.stdout + look.stderr).toBe(7);
  expect(look.stdout.trim().split('\n'), look.stdout).toHaveLength(1);
  const told = JSON.parse(look.stdout) as Recovered & { run: string };
  expect(told).toMatchObject({ run: id, state: 'dead', complete: false });
  if (told.guest.state !== 'unknown')
    expect(told.guest.state, told.guest.text).toBe(stands ? 'paused' : 'running');
  const done = await place.execute('recover', 'web', '--yes', '--json');
  expect(done.code, done.stdout + done.stderr).toBe(0);
  expect(JSON.parse(done.stdout)).toMatchObject({ run: id, complete: true });
  return told;
}

/** That what `recover` said of both images is so. */
async function expectTruth(
  { source, destination, steps }: Recovered,
  { image }: Struck,
  disk: 'source' | 'new',
): Promise<void> {
  expect(destination.state === 'current', destination.text).toBe(disk === 'new');
  expect(source.state, source.text).toBe(disk === 'new' ? 'stale' : 'current');
  if (steps.some(({ action }) => action === 'delete-image'))
    expect(await exists(image), 'the image is there').toBe(false);
  if (['uncertain', 'current'].includes(destination.state))
    expect(await exists(image), 'the image is there').toBe(true);
}

/** By the journal as it was before anybody recovered anything. */
function outcomeOf(records: readonly JournalRecord[]): Result['run'] {
  const end = records.find((record) => record.type === 'end');
  if (!end) return 'dead';
  return end.outcome === 'completed' ? 'completed' : 'failed';
}

async function untilNoGuardian(run: CommandRun): Promise<void> {
  const lives = async () =>
    (await run.place.processes()).some(({ command }) => command.includes('guardian.js'));
  while (await lives()) await delay(50);
}

function resumedBy(records: readonly JournalRecord[]): {
  readonly by: 'engine' | 'guardian' | 'nobody';
  readonly at?: number;
} {
  const guardian = records.find((record) => record.type === 'guardian' && record.act === 'resumed');
  const found = guardian ?? records.find(({ type }) => type === 'resumed');
  if (!found) return { by: 'nobody' };
  return { by: guardian ? 'guardian' : 'engine', at: Date.parse(found.at) };
}

function errorIn(run: CommandRun, stderr: string, plain: (text: string) => string): string | null {
  const event = run.events.find(({ type }) => type === 'error');
  const said = /^migrascope: (.*)$/m.exec(stderr)?.[1];
  if (event?.type === 'error') return `${event.kind}: ${plain(event.message)}`;
  return said === undefined ? null : plain(said);
}

function warningsOf(run: CommandRun): string[] {
  const told = run.events.flatMap((event) => {
    const lost = event.type === 'probe' && event.state !== 'connected';
    return lost || event.type === 'warning' ? [event.message] : [];
  });
  return [...told, ...run.notes];
}

function inWords(told: Recovered, plain: (text: string) => string): NonNullable<Result['recover']> {
  const { happened, guest, source, destination, steps } = told;
  return {
    happened: plain(happened),
    guest: plain(guest.text),
    source: source.state,
    destination: destination.state,
    did: steps.map(({ action }) => action),
  };
}

/** Words that are the same for every run. */
function plainly({ id, place }: CommandRun, image: string): (text: string) => string {
  return (text) =>
    text
      .replaceAll(image, 'IMAGE')
      .replaceAll(id, 'RUN')
      .replaceAll(place.state, 'STATE')
      .replaceAll(/nbd\+unix:\S+?(?=[\s.,;]*(\s|$))/g, 'SERVER')
      .replaceAll(/unix:[^\s,;]+?(?=[\s.,;:]*(\s|$))/g, 'MONITOR')
      .replaceAll(/disk0(\.\w+)*/g, 'DISK');
}
