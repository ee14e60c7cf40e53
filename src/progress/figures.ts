/**
 * The figures of a run, followed event by event: where its program is, what was sent, its rounds.
 * The terminal and an editor's view add what each of them shows beside these.
 */
import { formatBytes } from '../base/units.js';
import type {
  EventForecast,
  EventLimits,
  MigrationEvent,
  StartEvent,
  SummaryEvent,
  TakenOverEvent,
  VerdictEvent,
} from '../engine/index.js';

export type EventOf<Type extends MigrationEvent['type']> = Extract<MigrationEvent, { type: Type }>;

const MOST_NOTES = 50;
const MOST_ROUNDS = 1000;

/** The statements that begin by taking what the guest wrote; the first dirty event after them is that. */
export const TAKING_LINES: readonly number[] = [9, 11, 12, 13];

/** A line for the person. */
export interface Note {
  readonly message: string;
  readonly hint?: string;
}

/** A round as a row; the last one may go on still. */
export interface RoundRow {
  readonly round: number;
  readonly final: boolean;
  readonly running: boolean;
  readonly sentBytes: number;
  readonly resentBytes: number;
  readonly deferredBytes: number;
  readonly pendingBytes: number;
  /** Bytes a second; 0 before the first batch ended. */
  readonly dirtyRate: number;
  readonly bandwidth: number;
  readonly durationMs: number;
  /** Absent before the first batch ended. */
  readonly forecast?: EventForecast;
}

/** What the figures need to know of the blocks. */
export interface BlockFigures {
  readonly pendingBytes: number;
  readonly deferredBytes: number;
}

export class RunFigures {
  start: StartEvent | undefined;
  /** Time of the newest event, in milliseconds of the run. */
  t = 0;
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
  sentBytes = 0;
  resentBytes = 0;
  /** Bytes of the batch that is under way, planned and sent. */
  batchPlanned = 0;
  batchSent = 0;
  /** Whether a batch told of the rates. */
  ratesKnown = false;
  dirtyRate = 0;
  bandwidth = 0;
  forecast: EventForecast | undefined;
  limits: EventLimits | undefined;
  /** Finished ones. */
  finished: readonly RoundRow[] = [];
  inRound = false;
  roundBeganAt = 0;
  roundSent = 0;
  roundResent = 0;
  verdict: VerdictEvent | undefined;
  summary: SummaryEvent | undefined;
  /** Newest last. */
  notes: readonly Note[] = [];

  /** Takes the next event. */
  apply(event: MigrationEvent): void {
    this.t = event.t;
    switch (event.type) {
      case 'start':
        this.start = event;
        this.limits = event.limits;
        return;
      case 'statement': {
        this.#statement(event);
        return;
      }
      case 'held':
        this.line = event.line;
        this.heldSince = event.t;
        return;
      case 'plan':
      case 'sent':
      case 'batch':
      case 'round': {
        this.#progress(event);
        return;
      }
      case 'summary':
        this.summary = event;
        this.heldSince = undefined;
        this.inRound = false;
        return;
      default:
        this.#other(event);
    }
  }

  /** Finished rounds, and the one that goes on. */
  allRounds(blocks: BlockFigures): readonly RoundRow[] {
    return this.inRound ? [...this.finished, this.#runningRound(blocks)] : this.finished;
  }

  /** Adds a line for the person. */
  note(message: string, hint?: string): void {
    const line = { message, ...(hint === undefined ? {} : { hint }) };
    this.notes = [...this.notes.slice(1 - MOST_NOTES), line];
  }

  /** Another process goes on with the run: what happened just then when the first one died is over. */
  protected beginAgain(): void {
    this.inRound = false;
    this.pausedSince = undefined;
    this.pausedByOther = false;
    this.verdict = undefined;
  }

  #runningRound({ pendingBytes, deferredBytes }: BlockFigures): RoundRow {
    return {
      round: this.round,
      final: this.line >= 12,
      running: true,
      sentBytes: this.roundSent,
      resentBytes: this.roundResent,
      deferredBytes,
      pendingBytes,
      dirtyRate: this.dirtyRate,
      bandwidth: this.bandwidth,
      durationMs: this.t - this.roundBeganAt,
      ...(this.forecast ? { forecast: this.forecast } : {}),
    };
  }

  #statement({ line, round, batch, t }: EventOf<'statement'>): void {
    Object.assign(this, { line, round, batch });
    this.heldSince = undefined;
    if (line === 1) this.beginAgain();
    if (line === 4 || line === 12) {
      this.inRound = true;
      this.roundBeganAt = t;
      this.roundSent = 0;
      this.roundResent = 0;
    }
    if (line === 8) this.batchSent = 0;
  }

  #progress(event: EventOf<'plan' | 'sent' | 'batch' | 'round'>): void {
    if (event.type === 'plan') {
      this.batchPlanned = event.sendBytes;
      return;
    }
    if (event.type === 'sent') {
      this.sentBytes += event.bytes;
      this.resentBytes += event.resentBytes;
      this.batchSent += event.bytes;
      this.roundSent += event.bytes;
      this.roundResent += event.resentBytes;
      return;
    }
    if (event.type === 'round') {
      this.finished = [...this.finished.slice(1 - MOST_ROUNDS), finishedRound(event)];
      this.inRound = false;
    }
    this.forecast = event.forecast;
    this.ratesKnown = true;
    this.dirtyRate = event.dirtyRate;
    this.bandwidth = event.bandwidth;
  }

  #other(event: MigrationEvent): void {
    switch (event.type) {
      case 'paused':
        if (event.byProgram) this.pausedSince = event.t;
        else this.pausedByOther = true;
        return;
      case 'resumed':
        this.pausedSince = undefined;
        this.pausedByOther = false;
        return;
      case 'verdict':
        this.verdict = event;
        return;
      case 'limits':
        this.limits = event.limits;
        return;
      case 'warning': {
        this.note(event.message, event.hint);
        return;
      }
      case 'taken-over': {
        this.note(takenOverText(event));
      }
    }
  }
}

/** What a person is told when another process has taken the run over. */
export function takenOverText({ keptBytes, pendingBytes }: TakenOverEvent): string {
  return `taken over from a process that died: ${formatBytes(keptBytes)} are at the destination, ${formatBytes(pendingBytes)} have to be sent`;
}

function finishedRound(event: EventOf<'round'>): RoundRow {
  const { round, final, sentBytes, resentBytes, deferredBytes, pendingBytes } = event;
  const { dirtyRate, bandwidth, durationMs, forecast } = event;
  return {
    ...{ round, final, running: false, sentBytes, resentBytes, deferredBytes, pendingBytes },
    ...{ dirtyRate, bandwidth, durationMs, forecast },
  };
}
