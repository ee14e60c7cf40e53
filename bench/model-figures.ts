/** The arithmetic of the comparison of both labs: figures of a run, their medians, and whether they agree. */
import type { PolicyName } from '../src/engine/index.js';
import type { Moved, Sight } from './model-measure.js';

const MiB = 1024 ** 2;
const BLOCK_BYTES = 64 * 1024;
/** How far figures that agree are apart, as a part of the real one. */
const TOLERANCE = 0.2;
/** Figures that are nearer than this are apart by chance, whatever their ratio: 1 % of what is sent. */
const SMALL = { MiB: 2, blocks: 32 } as const;
/** Up to which the curves over time are compared, in milliseconds; nothing is flushed just then. */
const MOMENTS = [8000, 18_000, 28_000, 38_000];

export type Unit = keyof typeof SMALL;

/** A figure of one run. */
export interface Figure {
  readonly name: string;
  readonly unit: Unit;
  readonly value: number;
}

/** A run: the same guest and seed, once for each policy. */
export type Run = Readonly<
  Record<PolicyName, { readonly sights: readonly Sight[]; readonly moved: Moved }>
>;

/** The figures of a run, always the same ones in the same order. */
export function figuresOf(run: Run): Figure[] {
  const { plain, history, cache } = run;
  const { sights } = plain;
  const mib = (name: string, bytes: number): Figure => ({ name, unit: 'MiB', value: bytes / MiB });
  const gain = (policy: PolicyName) => plain.moved.sentBytes - run[policy].moved.sentBytes;
  return [
    ...MOMENTS.map((ms) => mib(`written by ${ms / 1000} s`, writtenBy(sights, ms))),
    ...MOMENTS.map((ms) => mib(`dirty until ${ms / 1000} s`, meanDirty(sights, ms))),
    { name: 'blocks per flush', unit: 'blocks', value: blocksPerFlush(sights) },
    ...Object.entries({ plain, history, cache }).flatMap(([policy, { moved }]) => [
      mib(`sent, ${policy}`, moved.sentBytes),
      mib(`re-sent, ${policy}`, moved.resentBytes),
    ]),
    mib('gain of history', gain('history')),
    mib('gain of cache', gain('cache')),
  ];
}

/** The sum of what was written in each interval until then, distinct blocks, in bytes. */
function writtenBy(sights: readonly Sight[], ms: number): number {
  return sights
    .filter(({ atMs }) => atMs <= ms)
    .reduce((sum, { writtenBlocks }) => sum + writtenBlocks * BLOCK_BYTES, 0);
}

/** What waited in the page cache until then, the mean of all looks, in bytes. */
function meanDirty(sights: readonly Sight[], ms: number): number {
  const until = sights.filter(({ atMs }) => atMs <= ms);
  return until.reduce((sum, { dirtyBytes }) => sum + dirtyBytes, 0) / until.length;
}

/**
 * How many blocks are written in the same interval as a block that is taken at random. A mean over
 * intervals would tell of the journal alone, which commits a few blocks every five seconds.
 */
export function blocksPerFlush(sights: readonly Sight[]): number {
  const written = sights.map(({ writtenBlocks }) => writtenBlocks);
  const all = written.reduce((sum, blocks) => sum + blocks, 0);
  return all === 0 ? 0 : written.reduce((sum, blocks) => sum + blocks ** 2, 0) / all;
}

/** The middle one, or the mean of both in the middle; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** A figure of several runs. */
export interface Spread {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

/** `apart` is beyond the tolerance; `small` is so too, but of figures that are nearly the same or nearly nothing. */
export type Verdict = 'agrees' | 'small' | 'apart';

export interface Comparison {
  readonly name: string;
  readonly unit: Unit;
  readonly real: Spread;
  readonly simulated: Spread;
  /** Simulated by real, of the medians; NaN where the real one is 0. */
  readonly ratio: number;
  readonly verdict: Verdict;
}

/** Compares the figures of real runs with those of simulated ones, at least one of each. */
export function compareRuns(real: readonly Run[], simulated: readonly Run[]): Comparison[] {
  const [reals, simulateds] = [real.map(figuresOf), simulated.map(figuresOf)];
  return reals[0]!.map(({ name, unit }, index) => {
    const spreads = {
      real: spreadOf(reals.map((figures) => figures[index]!.value)),
      simulated: spreadOf(simulateds.map((figures) => figures[index]!.value)),
    };
    const [one, other] = [spreads.real.median, spreads.simulated.median];
    const ratio = one === 0 ? NaN : other / one;
    return { name, unit, ...spreads, ratio, verdict: verdictOn(one, other, unit) };
  });
}

function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), lowest: Math.min(...values), highest: Math.max(...values) };
}

/** Whether a simulated figure agrees with a real one. */
export function verdictOn(real: number, simulated: number, unit: Unit): Verdict {
  const apart = Math.abs(simulated - real);
  if (apart <= TOLERANCE * Math.abs(real)) return 'agrees';
  return apart < SMALL[unit] ? 'small' : 'apart';
}
