/**
 * The kill matrix at random moments, on simulated guests in virtual time: whoever of a run dies or is
 * stopped, whenever, the guest runs on with all that it wrote, `recover` or `resume` says and does what
 * is right, and the next migration completes.
 */
import { describe, expect, it } from 'vitest';
import {
  LEASE_MS,
  lookAtDeadRun,
  recoverRun,
  type Recovery,
  type StepAction,
} from '../../../src/engine/index.js';
import { createRandom, type Random } from '../../../src/simulator/index.js';
import { wholeMatrix } from '../../support/whole-matrix.js';
import { FAULTS, pivots, strikes, type Fault } from '../../qemu/support/kill-table.js';
import { anyMigration, pick } from '../experiment/any-migration.js';
import { scenarioFor } from '../experiment/support.js';
import { KillLab } from './kill-lab.js';
import { SimulatedProcess } from './simulated-process.js';
import { recoverParts, SimulatedRun, type RunSetting } from './simulated-run.js';
import { momentOf, STOPPED_MS, Striker } from './strike.js';

/** Nobody aborts it. */
const never = (): AbortSignal => new AbortController().signal;
/** How often it is looked whether the guest stands, in milliseconds. */
const LOOK_MS = 20;
/** When all must have settled, in milliseconds after the run began. */
const SETTLED_MS = 30 * 60_000;

interface Watched {
  readonly run: SimulatedRun;
  readonly striker: Striker;
  /** Until when the guest stood at last after it was struck, on the laboratory's clock. */
  readonly stoodUntil: number;
}

/** Runs until nobody is left who could do anything. */
async function watch(lab: KillLab, run: SimulatedRun, striker: Striker): Promise<Watched> {
  let isOver = false;
  void run.over.then(() => (isOver = true));
  const until = lab.clock.now() + SETTLED_MS;
  const busy = () => !isOver || run.guardians.some(({ lives }) => lives);
  let stoodUntil = 0;
  while (busy() && lab.clock.now() < until) {
    await lab.clock.sleep(LOOK_MS);
    if (lab.stands) stoodUntil = lab.clock.now();
  }
  expect(busy(), 'somebody is busy still').toBe(false);
  return { run, striker, stoodUntil };
}

/** What must be so before anybody recovers anything. */
async function expectSettled(lab: KillLab, { run, striker, stoodUntil }: Watched, fault: Fault) {
  const result = await run.over;
  const struck = striker.struck!;
  const isDead = !run.record.hasEnded;
  const said = JSON.stringify(result?.error ?? null);
  if (isDead && !strikes(fault, 'engine')) expect(fault, said).toBe('stop, one monitor');
  if (lab.stands) expect(fault, said).toBe('engine+guardians');
  else if (struck.stood && (strikes(fault, 'engine') || fault.startsWith('stop')))
    expect(stoodUntil - struck.at, 'the guest stood').toBeLessThanOrEqual(LEASE_MS + 500);
  if (['controller', 'probe', 'guardian', 'guardian+controller'].includes(fault))
    expect(result?.summary.outcome, said).toBe('completed');
  if (result && !strikes(fault, 'controller')) expect(await run.told).toHaveProperty('summary');
}

/** That what is said of guest and disks is so. */
async function expectTruth(lab: KillLab, told: Recovery, path: string): Promise<void> {
  await lab.diskNow();
  const moved = lab.image === path;
  if (told.guest?.state !== 'unknown')
    expect(told.guest?.state, told.guest?.text).toBe(lab.stands ? 'paused' : 'running');
  expect(told.source?.state, told.source?.text).toBe(moved ? 'stale' : 'current');
  expect(told.destination?.state === 'current', told.destination?.text).toBe(moved);
}

/** Recovers a dead run; who does it may be killed itself, and then somebody else does. */
async function recover(lab: KillLab, run: SimulatedRun, path: string, random: Random) {
  const told = await lookAtDeadRun(run.record.folder, partsFor(lab, run), never());
  await expectTruth(lab, told, path);
  const agreed = new Set<StepAction>(told.steps.map(({ action }) => action));
  if (random.next() < 0.5) {
    const mortal = new SimulatedProcess(lab.clock);
    const last = 1 + random.below(12);
    mortal.onAct = (number) => number === last && mortal.kill();
    const died = new Promise<void>((resolve) => mortal.onDeath(resolve));
    const recovered = recoverRun(run.record.folder, agreed, recoverParts(run, mortal), never());
    await Promise.race([recovered, died]);
    mortal.kill();
  }
  if (!run.record.hasEnded) {
    const parts = partsFor(lab, run);
    const { complete, outcomes } = await recoverRun(run.record.folder, agreed, parts, never());
    expect(complete, JSON.stringify(outcomes)).toBe(true);
  }
  const wasDeleted = agreed.has('delete-image');
  if (wasDeleted) expect(lab.laboratory.host.files.get(path)).toBeUndefined();
  await expect(lookAtDeadRun(run.record.folder, partsFor(lab, run), never())).rejects.toMatchObject(
    {
      kind: 'hypervisor',
    },
  );
}

function partsFor(lab: KillLab, run: SimulatedRun) {
  return recoverParts(run, new SimulatedProcess(lab.clock));
}

/**
 * Goes on with a dead run where that can be; else it is recovered. A process that could not take hold
 * of what was left leaves it as it was, so that the next one can.
 */
async function resumeOrRecover(lab: KillLab, run: SimulatedRun, path: string, random: Random) {
  const told = await lookAtDeadRun(run.record.folder, partsFor(lab, run), never());
  const wants = random.next() < 0.7;
  if (!wants || told.resume?.state !== 'possible') return recover(lab, run, path, random);
  if (random.next() < 0.5) refuseOnce(lab, pick(random, ['block-export-add', 'nbd-server-start']));
  const first = await run.resume();
  const failed = await first.over;
  if (first.record.hasEnded) {
    expect(failed?.summary.outcome).toBe('completed');
    return;
  }
  expect(failed?.summary.outcome).toBe('failed');
  const again = await lookAtDeadRun(run.record.folder, partsFor(lab, first), never());
  expect(again.resume?.state, again.resume?.text).toBe('possible');
  const second = await first.resume();
  const result = await second.over;
  if (second.record.hasEnded) expect(result?.summary.outcome).toBe('completed');
  else await recover(lab, second, path, random);
}

function refuseOnce(lab: KillLab, command: string): void {
  const fault = { type: 'refuse', description: 'as it was told to' } as const;
  lab.laboratory.host.machine.faults.failCommand(command, fault);
}

/** A migration that nobody strikes. */
async function expectMovable(lab: KillLab, setting: RunSetting): Promise<void> {
  const path = '/simulated/next.img';
  const scenario = { ...setting.options, pivot: true, verify: 'sent' } as const;
  const options = lab.options(scenario, await lab.diskNow(), path);
  const onEvent: RunSetting['onEvent'] = (event) => {
    if (event.type === 'statement' && event.line === 18) lab.expectCopied(path);
  };
  const run = await SimulatedRun.begin('next', { ...setting, options, onEvent });
  const result = await run.over;
  expect(result?.error).toBeUndefined();
  expect(result?.summary).toMatchObject({ outcome: 'completed', switchedOver: true });
  await lab.expectFit();
  expect(lab.image).toBe(path);
}

/** For each fault; hundreds in the whole matrix. */
const SEEDS = Array.from({ length: wholeMatrix ? 30 : 6 }, (_, seed) => seed);
const counts = { struck: 0, over: 0 };

describe.each(FAULTS)('%s', (fault) => {
  it.each(SEEDS)('seed %i', async (seed) => {
    const random = createRandom(seed, `kill ${fault}`);
    const asked = anyMigration(random);
    const probe = strikes(fault, 'probe') || random.next() < 0.7;
    const scenario = scenarioFor({ ...asked, pivot: pivots(fault), probe });
    const lab = await KillLab.create(scenario);
    const path = '/simulated/new.img';
    const striker = new Striker(fault, momentOf(random), pick(random, STOPPED_MS));
    const setting: RunSetting = {
      laboratory: lab.laboratory,
      options: lab.options(scenario.options, 'disk0', path),
      two: fault === 'stop, two monitors' || (!fault.startsWith('stop') && random.next() < 0.7),
      onEvent: striker.onEvent,
    };
    try {
      const run = await SimulatedRun.begin('struck', setting);
      const watched = await watch(lab, run, striker);
      counts[striker.struck ? 'struck' : 'over']++;
      if (striker.struck) await expectSettled(lab, watched, fault);
      if (!run.record.hasEnded) await resumeOrRecover(lab, run, path, random);
      await lab.expectFit();
      await expectMovable(lab, setting);
    } finally {
      await lab.laboratory.close();
    }
  });
});

it('most of them were struck', () => {
  expect(counts.struck).toBeGreaterThan(5 * counts.over);
});
