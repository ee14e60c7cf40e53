/** The figures of one moment of a run, followed event by event; what is kept of a moment is a copy. */
import { formatBytes } from '../../base/units.js';
import type { EventForecast, EventLimits, MigrationEvent } from '../../engine/index.js';
import type { MomentNote, RoundFigures } from '../types.js';

type EventOf<Type extends MigrationEvent['type']> = Extract<MigrationEvent, { type: Type }>;

const MOST_NOTES = 50;
const MOST_ROUNDS = 1000;

/** What the figures need to know of the blocks. */
export interface BlockFigures {
  readonly pendingBytes: number;
  readonly deferredBytes: number;
}

export class Figures {
  /** Number of the newest event; -1 before the first. */
  seq = -1;
  /** Its time, in milliseconds of the run. */
  t = 0;
  start: EventOf<'start'> | undefined;
  line = 0;
  round = 0;
  batch = 0;
  heldSince: number | undefined;
  pausedSince: number | undefined;
  pausedByOther = false;
  sentBytes = 0;
  resentBytes = 0;
  batchPlanned = 0;
  batchSent = 0;
  /** Whether a batch told of the rates. */
  ratesKnown = false;
  dirtyRate = 0;
  bandwidth = 0;
  forecast: EventForecast | undefined;
  limits: EventLimits | undefined;
  probe: MomentNote['probe'];
  cache: MomentNote['cache'];
  /** Number of the newest look at the page cache; -1 where there is none. */
  cacheSeq = -1;
  /** Finished ones. */
  rounds: readonly RoundFigures[] = [];
  inRound = false;
  roundBeganAt = 0;
  roundSent = 0;
  roundResent = 0;
  verdict: EventOf<'verdict'> | undefined;
  /** Whether nobody answered the verdict yet. */
  verdictOpen = false;
  switchedOver = false;
  error: MomentNote['error'];
  summary: EventOf<'summary'> | undefined;
  notes: MomentNote['notes'] = [];

  copy(): Figures {
    return Object.assign(new Figures(), this);
  }

  /** Takes the next event. */
  apply(event: MigrationEvent): void {
    this.seq = event.seq;
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
      case 'cache':
      case 'probe': {
        this.#guest(event);
        return;
      }
      case 'error':
      case 'summary':
      case 'verdict':
      case 'switchover':
      case 'command': {
        this.#outcome(event);
        return;
      }
      default:
        this.#other(event);
    }
  }

  /** Finished rounds, and the one that goes on. */
  allRounds(blocks: BlockFigures): readonly RoundFigures[] {
    return this.inRound ? [...this.rounds, this.#runningRound(blocks)] : this.rounds;
  }

  /** Adds a line for the person. */
  note(message: string, hint?: string): void {
    const line = { message, ...(hint === undefined ? {} : { hint }) };
    this.notes = [...this.notes.slice(1 - MOST_NOTES), line];
  }

  #runningRound({ pendingBytes, deferredBytes }: BlockFigures): RoundFigures {
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
    this.verdictOpen = false;
    if (line === 1) this.#beginAgain();
    if (line === 4 || line === 12) {
      this.inRound = true;
      this.roundBeganAt = t;
      this.roundSent = 0;
      this.roundResent = 0;
    }
    if (line === 8) this.batchSent = 0;
  }

  /** Another process goes on with the run: what happened just then when the first one died is over. */
  #beginAgain(): void {
    this.inRound = false;
    this.pausedSince = undefined;
    this.pausedByOther = false;
    this.verdict = undefined;
    this.cache = undefined;
    this.cacheSeq = -1;
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
      this.rounds = [...this.rounds.slice(1 - MOST_ROUNDS), finishedRound(event)];
      this.inRound = false;
    }
    this.forecast = event.forecast;
    this.ratesKnown = true;
    this.dirtyRate = event.dirtyRate;
    this.bandwidth = event.bandwidth;
  }

  #guest(event: EventOf<'cache' | 'probe'>): void {
    if (event.type === 'probe') {
      this.probe = { state: event.state, message: event.message };
      if (event.state !== 'lost') return;
      this.cache = undefined;
      this.cacheSeq = -1;
      return;
    }
    const { t, seq, dirtyBytes, writebackBytes, cleanBytes, unmappedBytes } = event;
    this.cache = { t, dirtyBytes, writebackBytes, cleanBytes, unmappedBytes };
    this.cacheSeq = seq;
  }

  #outcome(event: EventOf<'error' | 'summary' | 'verdict' | 'switchover' | 'command'>): void {
    switch (event.type) {
      case 'verdict':
        this.verdict = event;
        this.verdictOpen = !event.converged;
        return;
      case 'switchover':
        this.switchedOver = true;
        return;
      case 'command':
        if (event.command === 'decide' || event.command === 'cancel') this.verdictOpen = false;
        return;
      case 'error': {
        const { kind, message, hint } = event;
        this.error = { kind, message, ...(hint === undefined ? {} : { hint }) };
        this.verdictOpen = false;
        return;
      }
      case 'summary':
        this.summary = event;
        this.heldSince = undefined;
        this.inRound = false;
        this.verdictOpen = false;
    }
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
      case 'limits':
        this.limits = event.limits;
        return;
      case 'warning': {
        this.note(event.message, event.hint);
        return;
      }
      case 'taken-over': {
        const [kept, pending] = [event.keptBytes, event.pendingBytes].map(formatBytes);
        this.note(
          `taken over from a process that died: ${kept} are at the destination, ${pending} have to be sent`,
        );
      }
    }
  }
}

function finishedRound(event: EventOf<'round'>): RoundFigures {
  const { round, final, sentBytes, resentBytes, deferredBytes, pendingBytes } = event;
  const { dirtyRate, bandwidth, durationMs, forecast } = event;
  return {
    ...{ round, final, running: false, sentBytes, resentBytes, deferredBytes, pendingBytes },
    ...{ dirtyRate, bandwidth, durationMs, forecast },
  };
}
