/** A migration as a person follows it: events in, the state of the view out. No input or output here. */
import { blockGeometry, type MigrationEvent } from '../../engine/index.js';
import type {
  CacheEvent,
  ErrorEvent,
  EventForecast,
  EventLimits,
  ProbeEvent,
  RoundEvent,
  StartEvent,
  SummaryEvent,
  SwitchoverEvent,
  TakenOverEvent,
  VerdictEvent,
  VerifyEvent,
} from '../../engine/index.js';
import { formatBytes } from '../../base/units.js';
import { MigrationBlocks } from './blocks.js';

/** A round that goes on, in the form in which a finished one is reported. */
export type RoundRow = Pick<
  RoundEvent,
  | 'round'
  | 'sentBytes'
  | 'resentBytes'
  | 'deferredBytes'
  | 'pendingBytes'
  | 'dirtyRate'
  | 'bandwidth'
  | 'final'
> & {
  readonly running: boolean;
  /** Absent before the first batch ended; then the rates are not known either. */
  readonly forecast: EventForecast | undefined;
};

/** A line for the person, newest last. */
export interface Note {
  readonly message: string;
  readonly hint: string | undefined;
}

const MOST_NOTES = 50;
const MOST_ROUNDS = 1000;

/** The statements that begin by taking what the guest wrote; the first dirty event after them is that. */
const TAKING_LINES: readonly number[] = [9, 11, 12, 13];

export class ViewModel {
  start: StartEvent | undefined;
  blocks: MigrationBlocks | undefined;
  limits: EventLimits | undefined;
  probe: ProbeEvent | undefined;
  /** The newest look at the page cache. */
  cache: CacheEvent | undefined;
  /** The statement that is executed, or that comes next while `heldSince` is set; 0 before the first. */
  line = 0;
  round = 0;
  batch = 0;
  /** When the program came to stand at its gate, in milliseconds of the run. */
  heldSince: number | undefined;
  /** When the program paused the guest, in milliseconds of the run. */
  pausedSince: number | undefined;
  /** Whether the guest stands because of somebody else. */
  pausedByOther = false;
  /** Time of the newest event, in milliseconds of the run. */
  t = 0;
  sentBytes = 0;
  resentBytes = 0;
  /** Bytes of the batch that is under way, planned and sent. */
  batchPlanned = 0;
  batchSent = 0;
  forecast: EventForecast | undefined;
  dirtyRate = 0;
  bandwidth = 0;
  verify: VerifyEvent | undefined;
  verdict: VerdictEvent | undefined;
  switchover: SwitchoverEvent | undefined;
  error: ErrorEvent | undefined;
  summary: SummaryEvent | undefined;
  readonly notes: Note[] = [];
  readonly #finished: RoundRow[] = [];
  #roundSent = 0;
  #roundResent = 0;
  #inRound = false;
  /** The next dirty event is what the program takes to what is pending, before it sends. */
  #taking = false;

  /** Takes the next event; costs time in proportion to what it changes. */
  apply(event: MigrationEvent): void {
    this.t = event.t;
    switch (event.type) {
      case 'start':
        this.start = event;
        this.limits = event.limits;
        this.blocks = new MigrationBlocks(blockGeometry(event.granularity, event.disk.size));
        return;
      case 'held':
        this.line = event.line;
        this.heldSince = event.t;
        return;
      case 'statement':
        this.#statement(event.line, event.round, event.batch);
        return;
      case 'batch':
      case 'round':
      case 'plan':
      case 'sent':
        this.#progress(event);
        return;
      case 'summary':
        this.summary = event;
        this.heldSince = undefined;
        this.#inRound = false;
        return;
      default:
        this.#other(event);
    }
  }

  /** Adds a line for the person. */
  note(message: string, hint?: string): void {
    this.notes.push({ message, hint });
    if (this.notes.length > MOST_NOTES) this.notes.shift();
  }

  /** Finished rounds, and the one that goes on. */
  rounds(): readonly RoundRow[] {
    if (!this.#inRound) return this.#finished;
    return [...this.#finished, this.#runningRound()];
  }

  /** Bytes that the destination lacks in their newest form, put off or not. */
  get missingBytes(): number {
    return this.blocks ? this.blocks.bytes('pending') + this.blocks.bytes('deferred') : 0;
  }

  #runningRound(): RoundRow {
    return {
      round: this.round,
      final: this.line >= 12,
      running: true,
      sentBytes: this.#roundSent,
      resentBytes: this.#roundResent,
      deferredBytes: this.blocks?.bytes('deferred') ?? 0,
      pendingBytes: this.missingBytes,
      dirtyRate: this.dirtyRate,
      bandwidth: this.bandwidth,
      forecast: this.forecast,
    };
  }

  #statement(line: number, round: number, batch: number): void {
    this.line = line;
    this.round = round;
    this.batch = batch;
    this.heldSince = undefined;
    if (line === 1) this.#beginAgain();
    if (line === 4 || line === 12) {
      this.#inRound = true;
      this.#roundSent = 0;
      this.#roundResent = 0;
    }
    if (TAKING_LINES.includes(line)) this.#taking = true;
    if (line === 8) this.batchSent = 0;
    if (line === 12 || line === 15) this.blocks?.deferNothing();
  }

  /** Another process goes on with the run: what happened just then when the first one died is over. */
  #beginAgain(): void {
    this.#inRound = false;
    this.pausedSince = undefined;
    this.pausedByOther = false;
    this.verdict = undefined;
    this.#forgetCache();
  }

  #progress(event: Extract<MigrationEvent, { type: 'batch' | 'round' | 'plan' | 'sent' }>): void {
    switch (event.type) {
      case 'plan':
        this.blocks?.planned(event.deferred);
        this.batchPlanned = event.sendBytes;
        return;
      case 'sent':
        this.blocks?.sent(this.blocks.decode(event.blocks));
        this.sentBytes += event.bytes;
        this.resentBytes += event.resentBytes;
        this.batchSent += event.bytes;
        this.#roundSent += event.bytes;
        this.#roundResent += event.resentBytes;
        return;
      case 'round':
        this.#finished.push({ ...event, running: false });
        if (this.#finished.length > MOST_ROUNDS) this.#finished.shift();
        this.#inRound = false;
        break;
      case 'batch':
        this.blocks?.beginSending();
        break;
    }
    this.forecast = event.forecast;
    this.dirtyRate = event.dirtyRate;
    this.bandwidth = event.bandwidth;
  }

  #other(
    event: Exclude<
      MigrationEvent,
      { type: 'start' | 'held' | 'statement' | 'batch' | 'round' | 'plan' | 'sent' | 'summary' }
    >,
  ): void {
    switch (event.type) {
      case 'allocated':
        this.blocks?.allocated(this.blocks.decode(event.blocks));
        return;
      case 'taken-over':
        this.blocks?.allocated(this.blocks.decode(event.pending));
        this.blocks?.beginSending();
        this.note(takenOverText(event));
        return;
      case 'dirty':
        this.blocks?.dirtied(this.blocks.decode(event.blocks));
        if (this.#taking) this.blocks?.beginSending();
        this.#taking = false;
        return;
      case 'cache':
        this.cache = event;
        this.blocks?.cached(this.blocks.decode(event.dirty));
        return;
      case 'probe':
        this.probe = event;
        if (event.state === 'lost') this.#forgetCache();
        return;
      case 'paused':
        this.#taking = true;
        if (event.byProgram) this.pausedSince = event.t;
        else this.pausedByOther = true;
        return;
      case 'resumed':
        this.pausedSince = undefined;
        this.pausedByOther = false;
        return;
      case 'verify':
        this.verify = event;
        return;
      case 'verdict':
        this.verdict = event;
        return;
      case 'switchover':
        this.switchover = event;
        return;
      case 'limits':
        this.limits = event.limits;
        return;
      case 'warning':
        this.note(event.message, event.hint);
        return;
      case 'error':
        this.error = event;
        return;
      case 'drain':
        this.#taking = true;
        return;
      case 'trim':
        return;
    }
  }

  #forgetCache(): void {
    this.cache = undefined;
    if (this.blocks) this.blocks.cached(this.blocks.decode([]));
  }
}

/** What a person is told when another process has taken the run over. */
export function takenOverText({ keptBytes, pendingBytes }: TakenOverEvent): string {
  return `taken over from a process that died: ${formatBytes(keptBytes)} are at the destination, ${formatBytes(pendingBytes)} have to be sent`;
}
