/** When a writer is at work, and how much it does then: its rate, its turns, its phases. */
import type { Writer } from './description.generated.js';
import { parseDuration, parseRate, type ParsedRate } from './units.js';

/** How long a turn is unless told, in milliseconds: that of the real lab's workload. */
const USUAL_TURN_MS = 50;

/** A turn of a writer. */
export interface Turn {
  /** When it begins, in milliseconds since the workload began. */
  readonly atMs: number;
  /** What it is to do; a number that need not be whole. */
  readonly share: number;
  readonly unit: ParsedRate['unit'];
}

export interface Schedule {
  /** How long from one turn to the next. */
  readonly turnMs: number;
  /** The first turn that begins at `ms` or later; undefined when there is none any more. */
  turnFrom(ms: number): Turn | undefined;
}

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
  readonly share: number;
  readonly unit: ParsedRate['unit'];
}

function spansOf(writer: Writer, turnMs: number, factor: number): Span[] {
  return (writer.phases ?? [{}])
    .map(({ from, to, rate = writer.rate }) => {
      const { unit, perSecond } = rate
        ? parseRate(rate)
        : { unit: 'operations' as const, perSecond: undefined };
      return {
        fromMs: from === undefined ? 0 : parseDuration(from),
        toMs: to === undefined ? Infinity : parseDuration(to),
        // What has no rate does one operation each turn, however fast the others are.
        share: perSecond === undefined ? 1 : (perSecond * factor * turnMs) / 1000,
        unit,
      };
    })
    .filter(({ share }) => share > 0);
}

/** @param factor what the writer's rates are multiplied by. */
export function createSchedule(writer: Writer, factor: number): Schedule {
  const turnMs = writer.every === undefined ? USUAL_TURN_MS : parseDuration(writer.every);
  const spans = spansOf(writer, turnMs, factor);
  const repeatMs = writer.repeat === undefined ? undefined : parseDuration(writer.repeat);
  function within(ms: number, baseMs: number): Turn | undefined {
    const span = spans.find(({ toMs }) => baseMs + toMs > ms);
    return (
      span && {
        atMs: Math.max(ms, baseMs + span.fromMs),
        share: span.share,
        unit: span.unit,
      }
    );
  }
  return {
    turnMs,
    turnFrom(ms) {
      if (spans.length === 0) return undefined;
      if (repeatMs === undefined) return within(ms, 0);
      const baseMs = Math.floor(ms / repeatMs) * repeatMs;
      // Phases end where they are repeated; the check of descriptions sees to it.
      return within(ms, baseMs) ?? within(ms, baseMs + repeatMs);
    },
  };
}
