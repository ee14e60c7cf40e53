/**
 * The events of a source so far: where each of them is in the file, the newest moment, moments that
 * are kept on the way, and what is drawn over time. Any moment can be gone to.
 */
import { CancelledError } from '../../base/errors.js';
import type { Clock } from '../../base/clock.js';
import type { MigrationEvent } from '../../engine/index.js';
import type { Mark, Text } from '../types.js';
import type { EventFile } from './event-file.js';
import { EventIndex } from './event-index.js';
import { FileNames } from './file-map.js';
import { Keyframes } from './keyframes.js';
import { markOf } from './marks.js';
import { Moment, type KeptMoment } from './moment.js';
import { Pace } from './pace.js';
import { Series } from './series.js';
import { WhyFacts } from './why-facts.js';

/** What is read of the file at once on the way to a moment, in bytes. */
const CHUNK = 1024 * 1024;

/** On the way to a moment so many are kept near it, for steps back. */
const NEAR = 8;

export class Recording {
  readonly index = new EventIndex();
  readonly names = new FileNames();
  readonly keyframes = new Keyframes();
  readonly series = new Series();
  readonly marks: Mark[] = [];
  /** Why the run was slow, once it ended. */
  why: readonly Text[] = [];
  readonly head: Moment;
  readonly #facts = new WhyFacts();

  /**
   * @param file that the events are in; `take` is given them in its order.
   * @param watched whether it is of a disk that is looked at only.
   */
  constructor(
    readonly file: EventFile,
    private readonly watched: boolean,
    private readonly clock: Clock,
  ) {
    this.head = new Moment(this.names, watched);
  }

  /**
   * Takes the next event, whose line has `bytes` bytes with its end.
   * @throws ProtocolError, UsageError when it does not fit the disk; then it counts for nothing.
   */
  take(event: MigrationEvent, bytes: number): void {
    this.head.apply(event);
    this.index.add(event, bytes);
    const mark = markOf(event);
    if (mark) this.marks.push(mark);
    this.series.take(this.head, event, !this.watched);
    this.#facts.take(event, this.head);
    if (event.type === 'summary') this.why = this.#facts.why(this.head);
    const { end } = this.index;
    if (this.keyframes.wants(end)) this.keyframes.keep(this.head.freeze(), end);
  }

  /**
   * The moment after an event.
   * @param from another moment, such as the one that is shown, for where it is the nearest.
   * @param overtaken tells whether another moment is wanted by now.
   * @throws CancelledError when it was overtaken.
   */
  async momentAt(
    seq: number,
    from: KeptMoment | undefined,
    overtaken: () => boolean,
  ): Promise<Moment> {
    const kept = this.keyframes.before(seq);
    const near = from && from.seq <= seq && from.seq >= (kept?.seq ?? -1);
    const moment = new Moment(this.names, this.watched, near ? from : kept);
    const cost = this.index.offsetOf(seq + 1) - this.index.offsetOf(moment.seq + 1);
    let next = cost / NEAR;
    const began = this.index.offsetOf(moment.seq + 1);
    for await (const event of this.events(moment.seq + 1, seq)) {
      if (overtaken()) throw new CancelledError('Another moment is wanted by now.');
      moment.apply(event);
      const way = this.index.offsetOf(event.seq + 1) - began;
      if (way < next || event.seq === seq) continue;
      next = way + cost / NEAR;
      this.keyframes.keepNear(moment.freeze());
    }
    return moment;
  }

  /** The events of these numbers, both included, as they are in the file; pauses, so that others have their turn. */
  async *events(first: number, last: number): AsyncGenerator<MigrationEvent> {
    const pace = new Pace(this.clock);
    for (let seq = first; seq <= last;) {
      let end = seq + 1;
      const offset = this.index.offsetOf(seq);
      while (end <= last && this.index.offsetOf(end + 1) - offset <= CHUNK) end++;
      const bytes = await this.file.read(offset, this.index.offsetOf(end) - offset);
      const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      for (; seq < end; seq++) {
        const [from, to] = [this.index.offsetOf(seq), this.index.offsetOf(seq + 1)];
        yield this.#parse(text, from - offset, to - offset - 1);
        await pace.breathe();
      }
    }
  }

  /** The round that an event belongs to; 0 before the first. */
  roundAt(seq: number): number {
    let [low, high] = [0, this.marks.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.marks[middle]!.seq <= seq) low = middle + 1;
      else high = middle;
    }
    for (let at = low - 1; at >= 0; at--) {
      const { round } = this.marks[at]!;
      if (round !== undefined) return round;
    }
    return 0;
  }

  /** The event with this number. */
  event(seq: number): Promise<MigrationEvent> {
    const [from, to] = [this.index.offsetOf(seq), this.index.offsetOf(seq + 1)];
    return this.file.event(seq, from, to - from);
  }

  /** Lines that were taken were checked then. */
  #parse(text: Buffer, from: number, to: number): MigrationEvent {
    return JSON.parse(text.toString('utf8', from, to)) as MigrationEvent;
  }
}
