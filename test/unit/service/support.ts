/** Events for the tests of views, and a view whose notes are gathered. */
import type { EventBody, MigrationEvent } from '../../../src/engine/index.js';
import type {
  CellsNote,
  HeaderNote,
  Mark,
  MomentNote,
  SeriesNote,
  TimelineNote,
  TroubleNote,
  ViewNote,
} from '../../../src/service/types.js';

export const GRANULARITY = 65_536;

export function startEvent(size: number, more: object = {}): EventBody {
  return {
    type: 'start',
    protocol: '1.1',
    run: 'testrun',
    startedAt: '2026-01-01T00:00:00.000Z',
    host: 'unix:/host',
    disk: { name: 'disk0', size, image: '/image', format: 'raw' },
    granularity: GRANULARITY,
    destination: 'file:/new',
    policy: 'cache',
    limits: { maxBandwidth: null, downtimeLimitMs: 300, maxRounds: 30 },
    verify: 'sent',
    pivot: false,
    ...more,
  };
}

/** Events with numbers from 0, one a millisecond. */
export function numbered(bodies: readonly EventBody[]): MigrationEvent[] {
  return bodies.map((body, seq) => ({ seq, t: seq, ...body }));
}

export function lines(events: readonly MigrationEvent[]): string {
  return events.map((event) => `${JSON.stringify(event)}\n`).join('');
}

/** What an extension makes of the notes. */
export class Drawn {
  header: HeaderNote | undefined;
  cells = new Uint32Array(0);
  moment: MomentNote | undefined;
  timeline: TimelineNote | undefined;
  readonly marks: Mark[] = [];
  readonly troubles: TroubleNote[] = [];
  readonly order: ViewNote['type'][] = [];
  points = 0;
  series: SeriesNote | undefined;

  readonly note = (note: ViewNote): void => {
    this.order.push(note.type);
    switch (note.type) {
      case 'header':
        this.header = note;
        this.cells = new Uint32Array(note.cells);
        return;
      case 'cells': {
        this.#draw(note);
        return;
      }
      case 'moment':
        this.moment = note;
        return;
      case 'timeline':
        this.timeline = note;
        this.marks.splice(note.marks.from, Infinity, ...note.marks.added);
        return;
      case 'series':
        this.points = note.from + note.columns.t.length;
        this.series = note;
        return;
      case 'trouble':
        this.troubles.push(note);
    }
  };

  #draw({ runs, dense }: CellsNote): void {
    for (let at = 0; at < runs.length; at += 3)
      this.cells.fill(runs[at + 2]!, runs[at], runs[at]! + runs[at + 1]!);
    for (const { first, words } of dense) this.cells.set(words, first);
  }
}
