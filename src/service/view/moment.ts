/** A moment of a source: its blocks and its figures, which go on event by event and can be kept. */
import { ProtocolError } from '../../base/errors.js';
import { blockGeometry, type MigrationEvent } from '../../engine/index.js';
import { Blocks, type BlocksMoment } from './blocks.js';
import type { FileNames } from './file-map.js';
import { Figures } from './figures.js';
import type { Pages } from './paged-words.js';

/** A moment that is kept; a value. */
export interface KeptMoment {
  /** Number of the event after which it was so; -1 before the first. */
  readonly seq: number;
  readonly figures: Figures;
  readonly blocks: BlocksMoment | undefined;
}

const NO_PAGES: Pages = [];

export class Moment {
  readonly figures: Figures;
  #blocks: Blocks | undefined;

  /**
   * @param watched whether it is of a disk that is looked at only.
   * @param kept where it begins; before the first event unless told.
   */
  constructor(
    readonly names: FileNames,
    private readonly watched: boolean,
    kept?: KeptMoment,
  ) {
    this.figures = kept?.figures.copy() ?? new Figures();
    const { start } = this.figures;
    if (!start) return;
    this.#blocks = this.#create(start, kept?.blocks);
  }

  get seq(): number {
    return this.figures.seq;
  }

  /** Absent before the start event. */
  get blocks(): Blocks | undefined {
    return this.#blocks;
  }

  /** The words as they are now, to be kept; none before the start event. */
  pages(): Pages {
    return this.#blocks?.pages() ?? NO_PAGES;
  }

  /**
   * Takes the next event.
   * @throws ProtocolError, UsageError when it does not fit the disk.
   */
  apply(event: MigrationEvent): void {
    if (event.type === 'start') {
      if (this.#blocks) throw new ProtocolError('There is a second start event.');
      this.#blocks = this.#create(event);
    } else if (this.#blocks) this.#blocks.apply(event);
    else if (NEED_BLOCKS.includes(event.type))
      throw new ProtocolError(`An event of blocks (${event.type}) is before the start event.`);
    this.figures.apply(event);
  }

  freeze(): KeptMoment {
    return { seq: this.seq, figures: this.figures.copy(), blocks: this.#blocks?.freeze() };
  }

  #create(start: Extract<MigrationEvent, { type: 'start' }>, kept?: BlocksMoment): Blocks {
    const geometry = blockGeometry(start.granularity, start.disk.size);
    return new Blocks(geometry, this.watched, this.names, kept);
  }
}

const NEED_BLOCKS: readonly MigrationEvent['type'][] = [
  ...(['allocated', 'taken-over', 'dirty', 'cache', 'plan', 'sent'] as const),
];
