/** The figures over time, for charts: at most 4,000 points, thinned to half when there would be more. */
import type { SeriesNote } from '../types.js';
import type { Moment } from './moment.js';
import type { MigrationEvent } from '../../engine/index.js';

const MOST_POINTS = 4000;

type Column = keyof SeriesNote['columns'];
type Point = Record<Column, number>;

/** The columns, in the order in which a table has them. */
export const COLUMNS: readonly Column[] = [
  ...(['t', 'pending', 'deferred', 'dirtyRate', 'bandwidth'] as const),
  ...(['sent', 'resent', 'cacheDirty', 'remaining', 'downtime'] as const),
];

/** The events after which a point is made. */
const POINTS: readonly MigrationEvent['type'][] = [
  ...(['allocated', 'dirty', 'cache', 'sent', 'batch', 'round', 'verdict', 'summary'] as const),
];

export class Series {
  #points: Point[] = [];
  /** Of neighbouring points, in milliseconds of the run; nearer ones take each other's place. */
  #spacing = 0;
  /** Points from here on were not told yet. */
  #untold = 0;

  get count(): number {
    return this.#points.length;
  }

  /** Takes note of a moment after its newest event. @param moves whether anything is sent at all. */
  take(moment: Moment, { type }: MigrationEvent, moves: boolean): void {
    if (!POINTS.includes(type) || !moment.blocks) return;
    const point = pointOf(moment, moves);
    const [before, last] = [this.#points.at(-2), this.#points.at(-1)];
    const near = before && last && last.t - before.t < this.#spacing;
    if (near || last?.t === point.t) this.#points.pop();
    this.#points.push(point);
    this.#untold = Math.min(this.#untold, this.#points.length - 1);
    if (this.#points.length > MOST_POINTS) this.#thin();
  }

  /** What was not told yet; undefined where all was. */
  news(): SeriesNote | undefined {
    const from = this.#untold;
    if (from === this.#points.length) return undefined;
    this.#untold = this.#points.length;
    return { type: 'series', from, columns: this.columns(from) };
  }

  /** The points from number `from` on. */
  columns(from = 0): SeriesNote['columns'] {
    const points = this.#points.slice(from);
    const column = (name: Column) => Float64Array.from(points, (point) => point[name]);
    return Object.fromEntries(COLUMNS.map((name) => [name, column(name)])) as SeriesNote['columns'];
  }

  #thin(): void {
    const last = this.#points.length - 1;
    this.#points = this.#points.filter((_, index) => index % 2 === 0 || index === last);
    this.#untold = 0;
    const { t: until } = this.#points.at(-1)!;
    this.#spacing = (until - this.#points[0]!.t) / MOST_POINTS;
  }
}

function pointOf({ figures, blocks }: Moment, moves: boolean): Point {
  const { ratesKnown, forecast, cache } = figures;
  return {
    t: figures.t,
    pending: moves ? blocks!.pendingBytes : NaN,
    deferred: moves ? blocks!.deferredBytes : NaN,
    dirtyRate: ratesKnown ? figures.dirtyRate : NaN,
    bandwidth: ratesKnown ? figures.bandwidth : NaN,
    sent: moves ? figures.sentBytes : NaN,
    resent: moves ? figures.resentBytes : NaN,
    cacheDirty: cache?.dirtyBytes ?? NaN,
    remaining: forecast?.remainingMs ?? NaN,
    downtime: forecast?.downtimeMs ?? NaN,
  };
}
