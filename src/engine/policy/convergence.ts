/** Whether a migration comes to its end, and when: pure functions of figures. */

/** Figures of one finished round. */
export interface RoundFigures {
  readonly sentBytes: number;
  /** Of these, bytes of blocks that had been sent before. */
  readonly resentBytes: number;
  /** When the round was over. */
  readonly pendingBytes: number;
  /** Of these, what is put off. */
  readonly deferredBytes: number;
  /** Of these, what is not put off: what the next round would send. */
  readonly undeferredBytes: number;
  readonly durationMs: number;
}

/**
 * Whether sending what is pending fits the downtime limit.
 * @param bandwidth in bytes a second; with 0, nothing but an empty rest fits.
 * @param overheadMs what a pause costs beside the sending (flip, flush, switchover), in milliseconds.
 */
export function fitsDowntime(
  pendingBytes: number,
  bandwidth: number,
  downtimeLimitMs: number,
  overheadMs = 0,
): boolean {
  return expectedDowntimeMs(pendingBytes, bandwidth, overheadMs) <= downtimeLimitMs;
}

/** How long the guest would stand if it were paused now, in milliseconds; Infinity without bandwidth. */
export function expectedDowntimeMs(
  pendingBytes: number,
  bandwidth: number,
  overheadMs = 0,
): number {
  return overheadMs + (pendingBytes === 0 ? 0 : (pendingBytes * 1000) / bandwidth);
}

/** A round helps when it leaves at most this part of what the round before it left. */
const PROGRESS = 0.9;
/** Rounds without progress, one after another, after which another one is no use. */
const PATIENCE = 2;

/**
 * Whether another round is of use: whether one of the last two rounds left clearly less to send than
 * the one before it, in all or of what is not put off. That a round sends nothing ends them at once.
 * @param rounds all rounds so far, oldest first.
 */
export function roundsStillHelp(rounds: readonly RoundFigures[]): boolean {
  if (rounds.at(-1)?.sentBytes === 0) return false;
  if (rounds.length <= PATIENCE) return true;
  return rounds.slice(-PATIENCE).some((round, index) => {
    const before = rounds[rounds.length - PATIENCE + index - 1]!;
    return (
      round.undeferredBytes <= before.undeferredBytes * PROGRESS ||
      round.pendingBytes <= before.pendingBytes * PROGRESS
    );
  });
}

/** What is known when one looks ahead. */
export interface Outlook {
  readonly pendingBytes: number;
  /** In bytes a second. */
  readonly bandwidth: number;
  /** Distinct bytes that the guest dirties, a second. */
  readonly dirtyRate: number;
  readonly downtimeLimitMs: number;
}

export interface Forecast {
  /** Bytes that will still be sent; null when no end is in sight. */
  readonly bytes: number | null;
  /** Time until then, in milliseconds; null when no end is in sight. */
  readonly remainingMs: number | null;
  /** How long the guest would stand if it were paused now, in milliseconds; null without bandwidth. */
  readonly downtimeMs: number | null;
}

/**
 * The end, if bandwidth and dirty rate stay as they are: pending shrinks by what is sent and grows by
 * what is dirtied until it fits the downtime limit; the rest is sent while the guest is paused.
 */
export function forecast(outlook: Outlook): Forecast {
  const { pendingBytes, bandwidth, dirtyRate, downtimeLimitMs } = outlook;
  const downtimeMs = finiteOrNull(expectedDowntimeMs(pendingBytes, bandwidth));
  const whilePaused = Math.min(pendingBytes, (bandwidth * downtimeLimitMs) / 1000);
  const before = pendingBytes - whilePaused;
  if (before > 0 && dirtyRate >= bandwidth) return { bytes: null, remainingMs: null, downtimeMs };
  const seconds = before === 0 ? 0 : before / (bandwidth - dirtyRate);
  return {
    bytes: seconds * bandwidth + whilePaused,
    remainingMs: seconds * 1000 + expectedDowntimeMs(whilePaused, bandwidth),
    downtimeMs,
  };
}

/** Why a migration does not converge, and what to do. */
export interface NonConvergence {
  /** One or two sentences. */
  readonly message: string;
  /** What the person can do, a sentence. */
  readonly hint: string;
}

/** Puts into words why what is pending does not fit the downtime limit. */
export function explainNonConvergence(
  outlook: Outlook & {
    readonly rounds: number;
    /** How long the guest would stand, in milliseconds, where that is more than the sending. */
    readonly downtimeMs?: number;
  },
): NonConvergence {
  const { pendingBytes, bandwidth, dirtyRate, downtimeLimitMs, rounds } = outlook;
  const { downtimeMs = expectedDowntimeMs(pendingBytes, bandwidth) } = outlook;
  const rest = `After ${rounds} rounds ${size(pendingBytes)} are left, and to send them would pause the guest for ${time(downtimeMs)}, where the limit is ${time(downtimeLimitMs)}.`;
  const rates = `the guest dirties ${size(dirtyRate)}/s, the link carries ${size(bandwidth)}/s`;
  if (dirtyRate >= bandwidth)
    return {
      message: `It cannot converge while ${rates}. ${rest}`,
      hint: 'Raise the bandwidth cap, try when the guest writes less, or accept a longer pause.',
    };
  const needed = Math.ceil(downtimeMs);
  return {
    message: `It comes no closer although ${rates}: it is the same blocks again and again. ${rest}`,
    hint: `Raise the downtime limit to ${time(needed)} or more, or try when the guest writes less.`,
  };
}

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function size(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  const step = bytes < 1024 ? 0 : Math.min(4, Math.floor(Math.log2(bytes) / 10));
  return `${Number((bytes / 1024 ** step).toPrecision(3))} ${units[step]!}`;
}

function time(ms: number): string {
  if (!Number.isFinite(ms)) return 'ever';
  return ms < 10_000 ? `${Math.round(ms)} ms` : `${Number((ms / 1000).toPrecision(3))} s`;
}
