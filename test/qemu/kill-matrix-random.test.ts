/**
 * The kill matrix at random moments of runs that nobody holds: a few for CI, three dozen with
 * MIGRASCOPE_MATRIX=1, of which docs/kill-matrix.json keeps what came of them. The seed is printed;
 * MIGRASCOPE_SEED sets it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wholeMatrix } from '../support/whole-matrix.js';
import type { CommandRun } from './support/command-run.js';
import { strikeFree } from './support/kill-cell.js';
import { KillLab } from './support/kill-lab.js';
import { keepRandom, type Result } from './support/kill-results.js';
import { FAULTS, pivots, strikes, type Fault } from './support/kill-table.js';

const seed = Number(process.env['MIGRASCOPE_SEED'] ?? Date.now() % 1_000_000);

interface Moment {
  readonly fault: Fault;
  /** Of the bandwidth, in MiB a second. */
  readonly rate: number;
  /** So many events or milliseconds after the beginning, or milliseconds after the pause. */
  readonly after:
    | { readonly events: number }
    | { readonly milliseconds: number }
    | { readonly pausedFor: number };
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomFrom(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function momentsOf(count: number): Moment[] {
  const random = randomFrom(seed);
  const below = (most: number) => Math.floor(random() * most);
  const pick = <T>(makers: readonly (() => T)[]): T => makers[below(makers.length)]!();
  const faults = FAULTS.filter(pivots);
  return Array.from({ length: count }, () => ({
    fault: faults[below(faults.length)]!,
    rate: 16 + below(32),
    after: pick<Moment['after']>([
      () => ({ events: 1 + below(40) }),
      () => ({ milliseconds: below(3000) }),
      () => ({ pausedFor: below(2500) }),
    ]),
  }));
}

/** @returns the statement at which that was. */
async function reach(run: CommandRun, { after }: Moment): Promise<string> {
  const events = 'events' in after ? after.events : 0;
  const isThere = () =>
    'pausedFor' in after
      ? run.events.some(({ type }) => type === 'paused')
      : run.events.length >= events;
  while (!run.isOver && !isThere()) await delay(1);
  const more =
    'milliseconds' in after ? after.milliseconds : 'pausedFor' in after ? after.pausedFor : 0;
  await Promise.race([run.over, delay(more)]);
  const last = run.events.findLast((event) => event.type === 'statement');
  return run.isOver ? 'over' : `in-${last?.type === 'statement' ? last.line : 0}`;
}

const results: Result[] = [];

describe(`with the seed ${seed}`, () => {
  let lab: KillLab;

  beforeAll(async () => {
    console.log(`The kill matrix's random moments have the seed MIGRASCOPE_SEED=${seed}.`);
    lab = await KillLab.boot();
  });
  afterAll(async () => {
    await lab[Symbol.asyncDispose]();
    if (wholeMatrix) await keepRandom(seed, results);
  });

  it.each(momentsOf(wholeMatrix ? 36 : 3))('$fault, $rate MiB/s, after $after', async (moment) => {
    const { fault, rate } = moment;
    const result = await strikeFree(lab, fault, `${rate}MiB`, (run) => reach(run, moment));
    results.push(result);
    const told = JSON.stringify(result);
    if (result.point === 'over') return;
    if (strikes(fault, 'engine')) expect(result.run, told).not.toBe('failed');
    else if (result.run === 'dead') expect(fault, told).toBe('stop, one monitor');
    if (result.resumedBy === 'recover') expect(fault, told).toBe('engine+guardians');
    if (['controller', 'probe', 'guardian', 'guardian+controller'].includes(fault))
      expect(result.run, told).toBe('completed');
  });

  it('can be moved afterwards', () => lab.complete());
});
