/**
 * Why a run took as long and sent as much as it did, in words; pure. A sentence is said only where
 * the figures carry it.
 */
import { formatBytes, formatDuration, formatRate, formatShare } from '../../base/units.js';
import type { SummaryEvent } from '../../engine/index.js';
import type { FileFigures, RoundFigures, Text } from '../types.js';

/** What is known of a run that ended. */
export interface RunFacts {
  readonly summary: Pick<
    SummaryEvent,
    | 'sentBytes'
    | 'resentBytes'
    | 'zeroBytes'
    | 'deferredBytes'
    | 'totalMs'
    | 'plainBytes'
    | 'plainIsLowerBound'
    | 'policy'
    | 'converged'
    | 'outcome'
  >;
  /** Finished ones, oldest first. */
  readonly rounds: readonly RoundFigures[];
  /** Those that caused most re-sent bytes, most first. */
  readonly files: readonly Pick<FileFigures, 'path' | 'resentBytes'>[];
  /** The cap at the end, in bytes a second; null is none. */
  readonly maxBandwidth: number | null;
  /** Bytes of dirty blocks since the first look at the page cache, each time counted. */
  readonly dirtiedBytes: number;
  /** Of these, bytes of blocks that no look had ever seen dirty in the page cache. */
  readonly unseenBytes: number;
  /** How long the program stood at its gates, in milliseconds. */
  readonly heldMs: number;
  /** What was said when the probe was lost. */
  readonly probeLost?: string;
}

/** A reason, and how much it weighs: 1 explains all. */
interface Reason {
  readonly weight: number;
  readonly texts: readonly Text[];
}

const text = (template: string, ...args: readonly (string | number)[]): Text => ({
  template,
  args,
});
const shareOf = (part: number, whole: number): number => (whole > 0 ? part / whole : 0);

/** From here on a share is worth a sentence. */
const WORTH = 0.05;
/** From here on the guest's writes are told against the bandwidth. */
const BUSY = 0.25;
/** A cap was used up where the measured bandwidth came so near to it. */
const AT_CAP = 0.9;
/** A round helped where it left less than this share of what it found. */
const HELPED = 0.9;

/** Most important first. */
export function whyOf(facts: RunFacts): readonly Text[] {
  const slow = [
    resent(facts),
    rates(facts),
    cap(facts),
    held(facts),
    unseen(facts),
    uselessRounds(facts),
    probeLost(facts),
  ];
  const rest = [zeroes(facts), deferral(facts)];
  const heaviest = (reasons: readonly (Reason | undefined)[]) =>
    reasons.filter((reason) => reason !== undefined).sort((a, b) => b.weight - a.weight);
  return [...heaviest(slow), ...heaviest(rest)].flatMap(({ texts }) => texts);
}

function resent({ summary, files }: RunFacts): Reason | undefined {
  const { sentBytes, resentBytes } = summary;
  const weight = shareOf(resentBytes, sentBytes);
  if (weight < WORTH) return undefined;
  const said = text(
    '{0} of the {1} that were sent ({2}) were sent again, because the guest wrote these blocks after they had been sent.',
    formatBytes(resentBytes),
    formatBytes(sentBytes),
    formatShare(resentBytes, sentBytes),
  );
  const named = files
    .filter((file) => shareOf(file.resentBytes, resentBytes) >= WORTH)
    .map(({ path, resentBytes: bytes }) =>
      text('{0} of what was sent again belongs to the guest file {1}.', formatBytes(bytes), path),
    );
  return { weight, texts: [said, ...named] };
}

/** Over the rounds, each for as long as it took. */
function averageOf(rounds: readonly RoundFigures[], figure: 'dirtyRate' | 'bandwidth'): number {
  const total = rounds.reduce((sum, { durationMs }) => sum + durationMs, 0);
  const weighed = rounds.reduce((sum, round) => sum + round[figure] * round.durationMs, 0);
  return shareOf(weighed, total);
}

function rates({ rounds }: RunFacts): Reason | undefined {
  const dirtyRate = averageOf(rounds, 'dirtyRate');
  const bandwidth = averageOf(rounds, 'bandwidth');
  const share = shareOf(dirtyRate, bandwidth);
  if (share < BUSY) return undefined;
  const figures = [formatRate(dirtyRate), formatRate(bandwidth)];
  const template =
    share >= 1
      ? 'The guest dirtied {0} on average, and no more than {1} were sent: blocks became dirty as fast as they were sent, or faster.'
      : 'The guest dirtied {0} on average while {1} were sent: a large part of what was sent had to keep up with its writes.';
  return { weight: Math.min(1, share), texts: [text(template, ...figures)] };
}

function cap({ rounds, maxBandwidth }: RunFacts): Reason | undefined {
  if (maxBandwidth === null || maxBandwidth <= 0) return undefined;
  if (averageOf(rounds, 'bandwidth') < AT_CAP * maxBandwidth) return undefined;
  const said = text(
    'The bandwidth was limited to {0}, and that was used up: without the limit it could have been faster.',
    formatRate(maxBandwidth),
  );
  return { weight: 0.5, texts: [said] };
}

function held({ summary, heldMs }: RunFacts): Reason | undefined {
  const weight = shareOf(heldMs, summary.totalMs);
  if (weight < WORTH) return undefined;
  const said = text(
    'For {0} of {1} the program stood at a statement, because somebody held it there.',
    formatDuration(heldMs),
    formatDuration(summary.totalMs),
  );
  return { weight, texts: [said] };
}

function unseen({ dirtiedBytes, unseenBytes, summary }: RunFacts): Reason | undefined {
  const share = shareOf(unseenBytes, dirtiedBytes);
  if (share < WORTH || summary.resentBytes === 0) return undefined;
  const said = text(
    '{0} of the guest’s {1} of writes were of blocks that were never seen dirty in its page cache: they are written directly or synced at once, so the page cache can’t foretell them.',
    formatBytes(unseenBytes),
    formatBytes(dirtiedBytes),
  );
  return { weight: share * shareOf(summary.resentBytes, summary.sentBytes), texts: [said] };
}

function uselessRounds({ rounds }: RunFacts): Reason | undefined {
  let useless = 0;
  for (let at = 1; at < rounds.length; at++) {
    const [before, after] = [rounds[at - 1]!, rounds[at]!];
    if (before.pendingBytes > 0 && after.pendingBytes >= HELPED * before.pendingBytes) useless++;
  }
  if (useless === 0) return undefined;
  const said = text(
    '{0} of {1} rounds left about as much pending as they had found, or more.',
    useless,
    rounds.length,
  );
  return { weight: useless / rounds.length / 2, texts: [said] };
}

function probeLost({ probeLost: message }: RunFacts): Reason | undefined {
  if (message === undefined) return undefined;
  return {
    weight: 0.4,
    texts: [
      text('The guest’s probe was lost on the way, and the page cache with it: {0}', message),
    ],
  };
}

function zeroes({ summary }: RunFacts): Reason | undefined {
  const weight = shareOf(summary.zeroBytes, summary.sentBytes);
  if (weight < WORTH) return undefined;
  const said = text(
    '{0} of what was sent were zeroes, which go as a short request.',
    formatBytes(summary.zeroBytes),
  );
  return { weight, texts: [said] };
}

function deferral({ summary }: RunFacts): Reason | undefined {
  const { plainBytes, sentBytes, plainIsLowerBound, policy, deferredBytes } = summary;
  if (plainBytes === null || policy === 'plain' || deferredBytes === 0) return undefined;
  const saved = plainBytes - sentBytes;
  const weight = shareOf(Math.abs(saved), Math.max(plainBytes, sentBytes));
  if (weight < WORTH || (saved < 0 && plainIsLowerBound)) return undefined;
  const figures = [formatBytes(Math.abs(saved)), formatBytes(plainBytes)];
  if (saved < 0)
    return {
      weight,
      texts: [
        text('Plain pre-copy would have sent {1}: putting blocks off cost {0} here.', ...figures),
      ],
    };
  const template = plainIsLowerBound
    ? 'Plain pre-copy would have sent {1} or more for the same writes: putting blocks off saved at least {0}.'
    : 'Plain pre-copy would have sent {1} for the same writes: putting blocks off saved {0}.';
  return { weight, texts: [text(template, ...figures)] };
}
