/** What the events of a run tell of why it took as long and sent as much as it did. */
import { BlockSet, type MigrationEvent } from '../../engine/index.js';
import type { Text } from '../types.js';
import { fileFiguresOf } from './file-figures.js';
import type { Moment } from './moment.js';
import { whyOf } from './why.js';

/** Files that are named. */
const MOST_FILES = 3;

export class WhyFacts {
  #everCached = BlockSet.empty;
  #looks = 0;
  #dirtiedBytes = 0;
  #unseenBytes = 0;
  #heldMs = 0;
  #heldSince: number | undefined;
  #lost: string | undefined;

  /** Takes the next event, and the moment after it. */
  take(event: MigrationEvent, { blocks }: Moment): void {
    switch (event.type) {
      case 'cache':
        if (!blocks) return;
        this.#looks++;
        this.#everCached = BlockSet.unionOf([
          this.#everCached,
          blocks.decode(event.dirty),
          blocks.decode(event.writeback),
        ]);
        return;
      case 'dirty':
        if (!blocks || this.#looks === 0) return;
        this.#dirtiedBytes += event.bytes;
        this.#unseenBytes += blocks
          .decode(event.blocks)
          .difference(this.#everCached)
          .bytes(blocks.geometry);
        return;
      case 'held':
        this.#heldSince = event.t;
        return;
      case 'statement':
      case 'summary':
        this.#heldMs += event.t - (this.#heldSince ?? event.t);
        this.#heldSince = undefined;
        return;
      case 'probe':
        if (event.state === 'lost') this.#lost = event.message;
    }
  }

  /** Most important first; nothing before the summary. */
  why(moment: Moment): readonly Text[] {
    const { figures } = moment;
    const { summary, limits, finished: rounds } = figures;
    if (!summary) return [];
    const files = fileFiguresOf(moment)
      .filter(({ resentBytes }) => resentBytes > 0)
      .slice(0, MOST_FILES);
    return whyOf({
      summary,
      rounds,
      files,
      maxBandwidth: limits?.maxBandwidth ?? null,
      dirtiedBytes: this.#dirtiedBytes,
      unseenBytes: this.#unseenBytes,
      heldMs: this.#heldMs,
      ...(this.#lost === undefined ? {} : { probeLost: this.#lost }),
    });
  }
}
