/**
 * A view of a recording: which moment is shown, what was told of it, and what is told next. Notes go
 * out at most ten times a second, each with what changed since the one before.
 */
import { CancelledError } from '../../base/errors.js';
import type { Clock } from '../../base/clock.js';
import { faultOf } from '../server.js';
import type { SeekTarget, TimelineNote, ViewNote, ViewSource } from '../types.js';
import { CellDiffer, cellsOf, type Cells } from './cells.js';
import { headerNote, momentNote } from './moment-note.js';
import type { Moment } from './moment.js';
import type { Pages } from './paged-words.js';
import type { Recording } from './recording.js';

/** Between two tellings, in milliseconds. */
const TELL_MS = 100;

export interface ViewOptions {
  readonly clock: Clock;
  readonly kind: ViewSource['type'];
  readonly title: string;
  readonly note: (note: ViewNote) => void;
}

/** What can only be told once the disk is known. */
interface Map {
  readonly cells: Cells;
  readonly differ: CellDiffer;
}

export class View {
  /** Whether more events may come. */
  #alive = true;
  #shown: Moment;
  #map: Map | undefined;
  #toldPages: Pages = [];
  #toldMarks = 0;
  #toldEvents = -1;
  #toldSeq = -2;
  #telling: Promise<void> | undefined;
  #again = false;
  #toldAt = -Infinity;
  #seeks = 0;
  /** The event that is gone to. */
  #target: number | undefined;
  /** Of a verdict that nobody has to answer. */
  #answered: number | undefined;
  #closed = false;

  constructor(
    readonly recording: Recording,
    private readonly options: ViewOptions,
  ) {
    this.#shown = recording.head;
  }

  get shown(): Moment {
    return this.#shown;
  }

  /** Absent before the disk is known. */
  get cells(): Cells | undefined {
    return this.#map?.cells;
  }

  /** There are new events; they are told soon. */
  news(): void {
    if (this.#closed) return;
    this.#again = true;
    this.#telling ??= this.#tellSoon();
  }

  /** No event comes any more. */
  end(): void {
    this.#alive = false;
    this.#toldSeq = -2;
    this.#toldEvents = -1;
    this.news();
  }

  /** Resolves when everything is told. */
  async told(): Promise<void> {
    await this.#telling;
  }

  /** Tells nothing more. */
  close(): void {
    this.#closed = true;
    this.#seeks++;
  }

  /** The source can't be followed. @param passing whether it is tried again. */
  trouble(error: unknown, passing = false): void {
    this.options.note({
      type: 'trouble',
      error: faultOf(error),
      ...(passing ? { passing } : {}),
    });
  }

  /** The newest verdict needs no answer. */
  answered(): void {
    this.#answered = this.recording.head.figures.verdict?.seq;
    this.#toldSeq = -2;
    this.news();
  }

  /**
   * Goes to a moment, and tells of it before it resolves.
   * @throws CancelledError when `signal` aborts, or when another one is gone to meanwhile.
   */
  async seek(target: SeekTarget, signal: AbortSignal): Promise<{ seq: number; t: number }> {
    const mine = ++this.#seeks;
    const overtaken = () => mine !== this.#seeks || signal.aborted;
    const { head } = this.recording;
    const seq = Math.min(head.seq, this.#seqOf(target));
    this.#target = seq;
    try {
      const moment = seq === head.seq ? head : await this.#momentAt(seq, overtaken);
      if (overtaken()) throw new CancelledError('Another moment is wanted by now.');
      this.#shown = moment;
    } finally {
      if (mine === this.#seeks) this.#target = undefined;
    }
    this.#tellHeader();
    this.#tellMoment();
    return { seq: this.#shown.seq, t: this.#shown.figures.t };
  }

  #momentAt(seq: number, overtaken: () => boolean): Promise<Moment> {
    const shown = this.#shown === this.recording.head ? undefined : this.#shown.freeze();
    return this.recording.momentAt(seq, shown, overtaken);
  }

  #seqOf(target: SeekTarget): number {
    const { index, head } = this.recording;
    switch (target.to) {
      case 'live':
        return head.seq;
      case 'seq':
        return Math.max(0, Math.floor(target.seq) || 0);
      case 'time':
        return target.t >= head.figures.t ? head.seq : index.seqAt(target.t);
      case 'next':
        return index.step(this.#from, 1, target.unit) ?? head.seq;
      case 'previous':
        return index.step(this.#from, -1, target.unit) ?? 0;
    }
  }

  get #from(): number {
    return this.#target ?? this.#shown.seq;
  }

  async #tellSoon(): Promise<void> {
    const { clock } = this.options;
    while (this.#again && !this.#closed) {
      const wait = this.#toldAt + TELL_MS - clock.now();
      await clock.sleep(Math.max(0, wait));
      this.#again = false;
      this.#tell();
      this.#toldAt = clock.now();
    }
    this.#telling = undefined;
  }

  #tell(): void {
    if (this.#closed) return;
    this.#tellHeader();
    const live = this.#shown === this.recording.head;
    // What is on the way to another moment is told when it is there.
    if (live ? this.#target === undefined && this.#shown.seq !== this.#toldSeq : this.#toldSeq < -1)
      this.#tellMoment();
    this.#tellTimeline();
    const series = this.#map ? this.recording.series.news() : undefined;
    if (series) this.options.note(series);
  }

  #tellHeader(): void {
    const { figures } = this.recording.head;
    if (this.#map) return;
    const header = headerNote(figures, this.options.kind, this.options.title);
    const { blocks } = this.recording.head;
    if (!header || !blocks) return;
    const cells = cellsOf(blocks.count);
    this.#map = { cells, differ: new CellDiffer(cells) };
    this.options.note(header);
  }

  #tellMoment(): void {
    const shown = this.#shown;
    const { note } = this.options;
    const pages = shown.pages();
    const { seq } = shown;
    if (this.#map) {
      const { runs, dense } = this.#diff(this.#map, shown, pages);
      if (runs.length > 0 || dense.length > 0) note({ type: 'cells', seq, runs, dense });
    }
    this.#toldSeq = seq;
    const { verdict } = shown.figures;
    note(
      momentNote(shown, {
        live: shown === this.recording.head,
        why: this.recording.why,
        canAsk: this.#alive && verdict?.seq !== this.#answered,
      }),
    );
  }

  #diff({ differ }: Map, shown: Moment, pages: Pages) {
    // Before the start event there is nothing: the cells that were told of are zeroes again.
    const zeroes = () => new Array<number>(this.#toldPages.length).fill(0);
    const after = shown.blocks ? pages : zeroes();
    const difference = differ.diff(this.#toldPages, after);
    this.#toldPages = after;
    return difference;
  }

  #tellTimeline(): void {
    const { index, marks, head } = this.recording;
    if (index.count === this.#toldEvents) return;
    this.#toldEvents = index.count;
    const from = this.#toldMarks;
    this.#toldMarks = marks.length;
    const timeline: TimelineNote = {
      type: 'timeline',
      events: index.count,
      t: head.figures.t,
      alive: this.#alive,
      marks: { from, added: marks.slice(from) },
    };
    this.options.note(timeline);
  }
}
