/**
 * When the guest touched which blocks, as far as the engine saw it: what reached the disk (from the
 * dirty bitmap), and what was waiting in the page cache (from the probe's reports).
 *
 * Kept as a row of spans of time, each with the set of blocks touched in it. A span may be as long as
 * an eighth of its age, so there are a few dozen however long a run takes, and memory goes with what
 * was touched, not with the size of the disk.
 */
import { BlockSet } from '../blockset/index.js';

/** How a touch was seen: the block reached the disk, or it waited in the page cache. */
export type TouchKind = 'written' | 'cached';

/** Is given blocks that were touched, when (in milliseconds), and how it was seen. */
export type TouchListener = (blocks: BlockSet, at: number, kind: TouchKind) => void;

interface Span {
  /** Times of the first and the last record in it, in milliseconds. */
  readonly from: number;
  readonly to: number;
  readonly written: BlockSet;
  /** In either way. */
  readonly touched: BlockSet;
}

/** Spans of the newest records are this long, in milliseconds. */
const SHORTEST_SPAN_MS = 2000;
/** A span may be as long as its age divided by this. */
const AGE_PER_LENGTH = 8;

export class WriteHistory {
  /** Ascending in time. */
  #spans: Span[] = [];

  /** @param horizonMs what is older than this is forgotten; half an hour unless told. */
  constructor(readonly horizonMs = 1_800_000) {}

  readonly #listeners = new Set<TouchListener>();

  /** Has `listener` called for every record from now on; the returned function ends that. */
  listen(listener: TouchListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Calls `listener` for what is kept of the records so far, ascending in time. */
  recall(listener: TouchListener): void {
    for (const { to, written, touched } of this.#spans) {
      const cached = touched.difference(written);
      if (!written.isEmpty) listener(written, to, 'written');
      if (!cached.isEmpty) listener(cached, to, 'cached');
    }
  }

  /** How many spans are kept now. */
  get spans(): number {
    return this.#spans.length;
  }

  /**
   * Notes that `blocks` were touched at or shortly before `at`.
   * @param at in milliseconds, on the same clock as every other time here; a time before that of the
   * newest record counts as that, since several sources of records may overtake each other by a little.
   */
  record(blocks: BlockSet, at: number, kind: TouchKind = 'written'): void {
    if (blocks.isEmpty) return;
    const time = Math.max(at, this.#spans.at(-1)?.to ?? at);
    this.#spans.push({
      from: time,
      to: time,
      written: kind === 'written' ? blocks : BlockSet.empty,
      touched: blocks,
    });
    this.#spans = coarsened(this.#spans, time, this.horizonMs);
    for (const listener of this.#listeners) listener(blocks, time, kind);
  }

  /**
   * The blocks that were touched in the last `ms` milliseconds before `now`, in either way; of a span
   * that reaches into that time, all.
   */
  touchedWithin(ms: number, now: number): BlockSet {
    return BlockSet.unionOf(this.#within(ms, now).map(({ touched }) => touched));
  }

  /** The same, of what reached the disk alone. */
  writtenWithin(ms: number, now: number): BlockSet {
    return BlockSet.unionOf(this.#within(ms, now).map(({ written }) => written));
  }

  /**
   * The blocks that reached the disk in at least `count` different spans of the last `windowMs`
   * milliseconds. Being seen in the page cache does not count: a page is seen there many times
   * before it is written once.
   * @param count 1 or more.
   */
  touchCountAtLeast(count: number, windowMs: number, now: number): BlockSet {
    // atLeast[i]: written in at least i + 1 of the spans so far.
    const atLeast = Array.from({ length: count }, () => BlockSet.empty);
    for (const { written } of this.#within(windowMs, now)) {
      for (let i = count - 1; i > 0; i--) {
        atLeast[i] = atLeast[i]!.union(atLeast[i - 1]!.intersection(written));
      }
      atLeast[0] = atLeast[0]!.union(written);
    }
    return atLeast[count - 1] ?? BlockSet.empty;
  }

  #within(ms: number, now: number): Span[] {
    return this.#spans.filter(({ to }) => to >= now - ms);
  }
}

/** Joins neighbours that are old enough to be one, and forgets what is past the horizon. */
function coarsened(spans: readonly Span[], now: number, horizonMs: number): Span[] {
  const kept: Span[] = [];
  for (const span of spans) {
    if (span.to < now - horizonMs) continue;
    const before = kept.at(-1);
    const longest = Math.max(SHORTEST_SPAN_MS, (now - span.to) / AGE_PER_LENGTH);
    if (before && span.to - before.from < longest) kept[kept.length - 1] = joined(before, span);
    else kept.push(span);
  }
  return kept;
}

function joined(a: Span, b: Span): Span {
  return {
    from: a.from,
    to: b.to,
    written: a.written.union(b.written),
    touched: a.touched.union(b.touched),
  };
}
