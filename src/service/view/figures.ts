/** The figures of one moment of a run, followed event by event; what is kept of a moment is a copy. */
import type { MigrationEvent } from '../../engine/index.js';
import { RunFigures, type EventOf } from '../../progress/index.js';
import type { MomentNote } from '../types.js';

export class Figures extends RunFigures {
  /** Number of the newest event; -1 before the first. */
  seq = -1;
  probe: MomentNote['probe'];
  cache: MomentNote['cache'];
  /** Number of the newest look at the page cache; -1 where there is none. */
  cacheSeq = -1;
  /** Whether nobody answered the verdict yet. */
  verdictOpen = false;
  switchedOver = false;
  error: MomentNote['error'];

  copy(): Figures {
    return Object.assign(new Figures(), this);
  }

  /** Takes the next event. */
  override apply(event: MigrationEvent): void {
    super.apply(event);
    this.seq = event.seq;
    switch (event.type) {
      case 'cache': {
        this.#look(event);
        return;
      }
      case 'probe':
        this.probe = { state: event.state, message: event.message };
        if (event.state === 'lost') this.#forgetCache();
        return;
      case 'verdict':
        this.verdictOpen = !event.converged;
        return;
      case 'command':
        if (event.command === 'decide' || event.command === 'cancel') this.verdictOpen = false;
        return;
      case 'switchover':
        this.switchedOver = true;
        return;
      case 'error': {
        const { kind, message, hint } = event;
        this.error = { kind, message, ...(hint === undefined ? {} : { hint }) };
        this.verdictOpen = false;
        return;
      }
      case 'statement':
      case 'summary':
        this.verdictOpen = false;
    }
  }

  protected override beginAgain(): void {
    super.beginAgain();
    this.#forgetCache();
  }

  /** What is kept is short: every moment that is kept has it. */
  #look(event: EventOf<'cache'>): void {
    const { t, seq, dirtyBytes, writebackBytes, cleanBytes, unmappedBytes } = event;
    this.cache = { t, dirtyBytes, writebackBytes, cleanBytes, unmappedBytes };
    this.cacheSeq = seq;
  }

  #forgetCache(): void {
    this.cache = undefined;
    this.cacheSeq = -1;
  }
}
