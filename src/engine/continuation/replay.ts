/**
 * What a run had reached, by its events alone: pure. What they say of the destination is never too
 * much: a block that was written after the plan by which it was sent is lacking there.
 */
import { HypervisorError, ProtocolError } from '../../base/errors.js';
import {
  BlockSet,
  blockCount,
  blockGeometry,
  decodeRuns,
  type BlockGeometry,
} from '../blockset/index.js';
import type { EventLimits, MigrationEvent, Runs, StartEvent } from '../events.js';

/** The sums of an account, as in the summary. */
export interface LedgerSums {
  readonly sentBytes: number;
  readonly resentBytes: number;
  readonly zeroBytes: number;
}

/** Where a run was when its process died. */
export interface Replayed {
  readonly start: StartEvent;
  readonly geometry: BlockGeometry;
  /** As they were last. */
  readonly limits: EventLimits;
  /** Milliseconds of the run, at its last event. */
  readonly t: number;
  /** The newest round that was begun, -1 before the first. */
  readonly round: number;
  /** The newest flip that is known, 0 before the first. */
  readonly flip: number;
  /** What the destination lacks, but for what was written since that flip. */
  readonly pending: BlockSet;
  /** Every block that was sent at least once. */
  readonly sent: BlockSet;
  /** Every block that a plan put off at least once. */
  readonly everDeferred: BlockSet;
  readonly sums: LedgerSums;
}

/** The first statement after holes were made zeroes and everything that has to be sent was found. */
const FIRST_ROUND_LINE = 4;

/**
 * The first statement after the dirty bitmaps were taken hold of: a process that goes on with a run
 * and fails before it leaves the run as it was.
 */
const TRACKED_LINE = 3;

/** Takes the events of a run, one after the other, from the first. */
export class Replay {
  #start: StartEvent | undefined;
  #geometry: BlockGeometry | undefined;
  #limits: EventLimits | undefined;
  #pending = BlockSet.empty;
  /** Written since the newest plan: sent or not, it is lacking. */
  #written = BlockSet.empty;
  #sent = BlockSet.empty;
  #everDeferred = BlockSet.empty;
  #sums = { sentBytes: 0, resentBytes: 0, zeroBytes: 0 };
  #flip = 0;
  #round = -1;
  #t = 0;
  #complete = false;
  #line = 0;
  #ended = false;

  /** @throws ProtocolError when the event does not fit the run's disk. */
  take(event: MigrationEvent): void {
    this.#t = event.t;
    switch (event.type) {
      case 'start':
        this.#start = event;
        this.#geometry = blockGeometry(event.granularity, event.disk.size);
        this.#limits = event.limits;
        return;
      case 'limits':
        this.#limits = event.limits;
        return;
      case 'statement':
        this.#line = event.line;
        this.#round = Math.max(this.#round, event.line >= FIRST_ROUND_LINE ? event.round : -1);
        this.#complete ||= event.line >= FIRST_ROUND_LINE;
        return;
      case 'allocated':
        this.#pending = this.#decode(event.blocks);
        return;
      case 'taken-over':
        this.#pending = this.#decode(event.pending);
        this.#written = BlockSet.empty;
        return;
      case 'plan':
        this.#written = BlockSet.empty;
        for (const { blocks } of event.deferred)
          this.#everDeferred = this.#everDeferred.union(this.#decode(blocks));
        return;
      case 'dirty': {
        const blocks = this.#decode(event.blocks);
        this.#pending = this.#pending.union(blocks);
        this.#written = this.#written.union(blocks);
        this.#flip = event.flip;
        return;
      }
      case 'sent': {
        const blocks = this.#decode(event.blocks);
        this.#sent = this.#sent.union(blocks);
        this.#pending = this.#pending.difference(blocks.difference(this.#written));
        this.#sums.sentBytes += event.bytes;
        this.#sums.resentBytes += event.resentBytes;
        this.#sums.zeroBytes += event.zeroBytes;
        return;
      }
      case 'summary':
        this.#ended = this.#line >= TRACKED_LINE;
    }
  }

  /** @throws HypervisorError when the run had not come so far that it can be gone on with. */
  get replayed(): Replayed {
    const start = this.#start;
    const geometry = this.#geometry;
    const limits = this.#limits;
    if (!start || !geometry || !limits || !this.#complete || this.#ended)
      throw new HypervisorError(
        this.#ended
          ? 'The run had ended.'
          : 'It had not come to its first round, so there is little to go on with.',
      );
    return {
      start,
      geometry,
      limits,
      t: this.#t,
      round: this.#round,
      flip: this.#flip,
      pending: this.#pending,
      sent: this.#sent,
      everDeferred: this.#everDeferred,
      sums: { ...this.#sums },
    };
  }

  #decode(runs: Runs): BlockSet {
    if (!this.#geometry) throw new ProtocolError('An event of blocks is before the start.');
    return decodeRuns(runs, { blocks: blockCount(this.#geometry) });
  }
}
