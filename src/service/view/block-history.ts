/**
 * What happened to one block up to a moment, newest events first until there are enough. Stretches
 * between kept moments in which the block was neither sent nor dirtied are passed over.
 */
import type { MigrationEvent, Runs } from '../../engine/index.js';
import { dirtiedCountOf, DIRTIED_MASK, SENT_MASK, sentCountOf } from '../../heatmap/index.js';
import { throwIfCancelled } from '../../base/cancel.js';
import type { BlockEvent } from '../types.js';
import type { KeptMoment } from './moment.js';
import { wordAt } from './paged-words.js';
import type { Recording } from './recording.js';

/** The most that is told. */
const MOST_EVENTS = 200;

/** The most that is read of the file for one block, in bytes. */
const MOST_BYTES = 256 * 1024 * 1024;

type EventType = MigrationEvent['type'];

/** What can say something of a block. */
const TYPES: readonly EventType[] = [
  ...(['allocated', 'taken-over', 'dirty', 'plan', 'sent', 'cache'] as const),
];

export interface BlockHistory {
  /** Oldest first. */
  readonly events: readonly BlockEvent[];
  /** Whether there are older ones. */
  readonly more: boolean;
}

/** @throws CancelledError when `signal` aborts. */
export async function historyOf(
  recording: Recording,
  block: number,
  upTo: number,
  word: number,
  signal: AbortSignal,
): Promise<BlockHistory> {
  const found = new Found(block, recording);
  let bytes = 0;
  for (const stretch of stretchesOf(recording.keyframes.upTo(upTo), block, upTo, word)) {
    for (let seq = stretch.last; seq >= stretch.first; seq--) {
      const type = recording.index.typeOf(seq);
      if (!type || !TYPES.includes(type)) continue;
      if ((type === 'sent' && !stretch.sent) || (type === 'dirty' && !stretch.dirtied)) continue;
      bytes += recording.index.offsetOf(seq + 1) - recording.index.offsetOf(seq);
      if (found.count > MOST_EVENTS || bytes > MOST_BYTES) return found.history(true);
      throwIfCancelled(signal, `Looking up block ${block}`);
      found.take(await recording.event(seq));
    }
  }
  return found.history(false);
}

interface Stretch {
  readonly first: number;
  readonly last: number;
  /** Whether it may have been sent, or dirtied, there. */
  readonly sent: boolean;
  readonly dirtied: boolean;
}

/** The newest first. @param kept moments up to the one that is shown, the newest first. */
function* stretchesOf(
  kept: readonly KeptMoment[],
  block: number,
  upTo: number,
  word: number,
): Generator<Stretch> {
  let after = { seq: upTo, word };
  for (const { seq, blocks } of [...kept, { seq: -1, blocks: undefined }]) {
    const before = { seq, word: blocks ? wordAt(blocks.words, block) : 0 };
    const changed = (mask: number, count: (word: number) => number) =>
      count(before.word) !== count(after.word) || (after.word & mask) === mask;
    yield {
      first: before.seq + 1,
      last: after.seq,
      sent: changed(SENT_MASK, sentCountOf),
      dirtied: changed(DIRTIED_MASK, dirtiedCountOf),
    };
    after = before;
  }
}

type Told = { -readonly [Key in keyof BlockEvent]: BlockEvent[Key] };

/** Gathers what events say of the block; events are taken from the newest to the oldest. */
class Found {
  readonly #events: Told[] = [];
  /** What goes on in every look or plan between here and the one before is told once, as its beginning. */
  #deferral: Told | undefined;
  #cached: Told | undefined;

  constructor(
    private readonly block: number,
    private readonly recording: Recording,
  ) {}

  get count(): number {
    return this.#events.length;
  }

  take(event: MigrationEvent): void {
    switch (event.type) {
      case 'allocated':
        if (has(event.blocks, this.block)) this.#add(event, 'allocated');
        return;
      case 'dirty':
        if (has(event.blocks, this.block)) this.#add(event, 'dirty');
        return;
      case 'sent':
        if (has(event.blocks, this.block)) this.#add(event, 'sent', event.round);
        return;
      case 'plan': {
        this.#plan(event);
        return;
      }
      case 'cache': {
        this.#cache(event);
        return;
      }
    }
  }

  history(more: boolean): BlockHistory {
    const events = this.#events.sort((a, b) => a.seq - b.seq);
    return { events: events.slice(-MOST_EVENTS), more: more || events.length > MOST_EVENTS };
  }

  #plan(event: Extract<MigrationEvent, { type: 'plan' }>): void {
    if (has(event.send, this.block)) this.#add(event, 'planned', event.round);
    const reason = event.deferred.find(({ blocks }) => has(blocks, this.block))?.reason;
    if (reason === undefined) this.#deferral = undefined;
    else if (this.#deferral?.reason === reason) this.#earlier(this.#deferral, event, event.round);
    else {
      this.#deferral = this.#add(event, 'deferred', event.round);
      this.#deferral.reason = reason;
    }
  }

  #cache(event: Extract<MigrationEvent, { type: 'cache' }>): void {
    const dirty = has(event.dirty, this.block);
    const what = dirty ? 'cache-dirty' : 'cache-writeback';
    if (!dirty && !has(event.writeback, this.block)) this.#cached = undefined;
    else if (this.#cached?.what === what) this.#earlier(this.#cached, event);
    else this.#cached = this.#add(event, what);
  }

  #earlier(told: Told, { seq, t }: MigrationEvent, round = this.recording.roundAt(seq)): void {
    Object.assign(told, { seq, t, round });
  }

  #add(
    { seq, t }: MigrationEvent,
    what: BlockEvent['what'],
    round = this.recording.roundAt(seq),
  ): Told {
    const added: Told = { seq, t, round, what };
    this.#events.push(added);
    return added;
  }
}

/** Whether the block is in a set of an event. */
export function has(runs: Runs, block: number): boolean {
  let at = 0;
  for (let index = 0; index < runs.length && at <= block; index++) {
    at += runs[index]!;
    if (index % 2 === 1 && block < at && block >= at - runs[index]!) return true;
  }
  return false;
}
