/**
 * One cell of the kill matrix: a run of the real command is brought to a point, something is killed,
 * and then guest, disks, what `recover` says of them and what is left are looked at.
 */
import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { LEASE_MS } from '../../../src/engine/index.js';
import { CommandRun, signal } from './command-run.js';
import type { KillLab } from './kill-lab.js';
import { lookAfter } from './kill-look.js';
import { bringTo, PROBE, type LetGo } from './kill-points.js';
import type { Result } from './kill-results.js';
import { exists, pivots, POINTS, strikes, type Cell, type Fault } from './kill-table.js';
import type { NbdServer } from './servers.js';

/** What may be struck. */
interface Scene {
  readonly lab: KillLab;
  readonly run: CommandRun;
  /** Of the destination, where the test started it. */
  readonly server: NbdServer | undefined;
  readonly letGo: LetGo;
}

/** The minute in which somebody stops an engine and has a coffee. */
const MINUTE_MS = 60_000;

/**
 * Does a cell.
 * @param long whether an engine that is stopped stays so for a minute, not only beyond its lease.
 */
export async function strikeCell(lab: KillLab, cell: Cell, long = false): Promise<Result> {
  if (!exists(cell)) throw new Error(`There is no ${cell.fault} at ${cell.point}.`);
  await using relay = await lab.relay();
  const place = await lab.place(relay.host, cell.fault !== 'stop, one monitor');
  const image = lab.lab.newPath('image');
  await using server = await serverFor(lab, cell, image);
  const to = server ? server.uri : `file:${image}`;
  const pivot = pivots(cell.fault) ? ['--pivot'] : [];
  const run = await CommandRun.begin(place, ...lab.arguments(to, ...pivot));
  try {
    const letGo = await bringTo(cell.point, { lab: lab.lab, run, relay });
    const at = await strike(cell, { lab, run, server, letGo }, long ? MINUTE_MS : LEASE_MS + 1500);
    return await lookAfter(cell, { lab, run, image, at });
  } catch (error) {
    await lab.rescue(place, image);
    throw error;
  } finally {
    run.close();
    await place.killAll();
    if (lab.image !== image) await rm(image, { force: true });
  }
}

/** Strikes a run that nobody holds, once `when` resolves. */
export async function strikeFree(
  lab: KillLab,
  fault: Fault,
  rate: string,
  when: (run: CommandRun) => Promise<string>,
): Promise<Result> {
  await using relay = await lab.relay();
  const place = await lab.place(relay.host, fault !== 'stop, one monitor');
  const image = lab.lab.newPath('image');
  // The whole disk is compared while the guest stands, so that it stands for a while.
  const how = ['--pivot', '--verify', 'full', '--max-bandwidth', rate];
  const args = lab.arguments(`file:${image}`, ...how);
  const run = await CommandRun.beginFree(place, ...args);
  try {
    const point = await when(run);
    const letGo = () => undefined;
    const scene = { lab, run, server: undefined, letGo };
    const at = await strike({ fault, point }, scene, LEASE_MS + 1500);
    return await lookAfter({ fault, point }, { lab, run, image, at });
  } catch (error) {
    await lab.rescue(place, image);
    throw error;
  } finally {
    run.close();
    await place.killAll();
  }
}

/** A server that the test starts, at every second point; else the run starts a storage daemon. */
async function serverFor(
  lab: KillLab,
  { fault, point }: Cell,
  image: string,
): Promise<NbdServer | undefined> {
  return !pivots(fault) && POINTS.indexOf(point) % 2 === 0 ? lab.serve(image) : undefined;
}

/** @returns when it was struck, on the wall clock. */
async function strike(
  { fault, point }: { readonly fault: Fault; readonly point: string },
  { lab, run, server, letGo }: Scene,
  stopMs: number,
): Promise<number> {
  const guardians = await pidsOf(run, 'guardian.js');
  const struck = strikes(fault, 'guardians')
    ? guardians
    : guardians.slice(0, Number(strikes(fault, 'guardian')));
  const daemons =
    strikes(fault, 'server') && !server ? await pidsOf(run, 'qemu-storage-daemon') : [];
  if (strikes(fault, 'probe')) await killProbe(lab);
  const at = Date.now();
  if (fault.startsWith('stop')) await stopAndContinue(run, stopMs);
  // At once: none of the two may live to see the other's end.
  if (strikes(fault, 'engine')) signal(run.enginePid, 'SIGSTOP');
  for (const guardian of struck) signal(guardian, 'SIGKILL');
  if (strikes(fault, 'engine')) signal(run.enginePid, 'SIGKILL');
  for (const daemon of daemons) signal(daemon, 'SIGKILL');
  if (strikes(fault, 'controller')) run.controller.kill('SIGKILL');
  if (strikes(fault, 'server')) await server?.kill();
  // What an engine that is dead has said last does not come through any more.
  if (!run.isOver && !strikes(fault, 'engine')) await letGo();
  if (point === 'mid-drain') await lab.lab.lab.run(`kill -CONT $(pidof ${PROBE}) || true`);
  return at;
}

async function pidsOf(run: CommandRun, name: string): Promise<readonly number[]> {
  const processes = await run.place.processes();
  return processes.filter(({ command }) => command.includes(name)).map(({ pid }) => pid);
}

/** A guest that stands does it as soon as it runs. */
async function killProbe(lab: KillLab): Promise<void> {
  const kill = `kill -9 $(pidof ${PROBE})`;
  if (await lab.isRunning()) await lab.lab.lab.run(`until ${kill}; do sleep 0.1; done`);
  else lab.lab.order(kill);
}

/** Stands still for so long, and until a guardian that has to act has done so. */
async function stopAndContinue(run: CommandRun, stopMs: number): Promise<void> {
  signal(run.enginePid, 'SIGSTOP');
  await delay(stopMs);
  while (await isActing(run)) await delay(50);
  signal(run.enginePid, 'SIGCONT');
}

/** Whether the journal says that a guardian began to act, and not how that ended. */
async function isActing(run: CommandRun): Promise<boolean> {
  const records = await run.records();
  const acts = records.filter((record) => record.type === 'guardian').map(({ act }) => act);
  return acts.length > 0 && !acts.some((act) => ['resumed', 'left', 'gave-up'].includes(act));
}
