/** Which events there are: type, time and place in the file of each, a few bytes an event. */
import type { MigrationEvent } from '../../engine/index.js';
import type { SeekTarget } from '../types.js';

type EventType = MigrationEvent['type'];
export type StepUnit = Extract<SeekTarget, { readonly unit: unknown }>['unit'];

const TYPES: readonly EventType[] = [
  ...([
    'start',
    'probe',
    'held',
    'statement',
    'allocated',
    'taken-over',
    'dirty',
    'cache',
  ] as const),
  ...(['plan', 'sent', 'batch', 'round', 'drain', 'trim', 'verify', 'paused', 'resumed'] as const),
  ...(['switchover', 'verdict', 'limits', 'command', 'warning', 'error', 'summary'] as const),
];

/** Of an event of a type that a newer minor version added. */
const OTHER = 255;

/** The statements with which a step of each unit begins; a statement is any of them. */
const UNIT_LINES: Readonly<Record<'batch' | 'round', readonly number[]>> = {
  batch: [5, 12],
  round: [4, 12],
};

const FIRST_CAPACITY = 1024;

export class EventIndex {
  #count = 0;
  #types = new Uint8Array(FIRST_CAPACITY);
  /** Of statements; 0 for other events. */
  #lines = new Uint8Array(FIRST_CAPACITY);
  #times = new Float64Array(FIRST_CAPACITY);
  #offsets = new Float64Array(FIRST_CAPACITY);
  #end = 0;

  /** How many events there are. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of the file up to the end of the last event. */
  get end(): number {
    return this.#end;
  }

  /** Takes the next event, whose line with its end has `bytes` bytes. */
  add(event: MigrationEvent, bytes: number): void {
    const at = this.#count;
    if (at === this.#types.length) this.#grow();
    const type = TYPES.indexOf(event.type);
    this.#types[at] = type < 0 ? OTHER : type;
    this.#lines[at] = event.type === 'statement' ? event.line : 0;
    this.#times[at] = event.t;
    this.#offsets[at] = this.#end;
    this.#end += bytes;
    this.#count++;
  }

  /** Undefined for a type that is not known. */
  typeOf(seq: number): EventType | undefined {
    return TYPES[this.#types[seq]!];
  }

  timeOf(seq: number): number {
    return this.#times[seq] ?? 0;
  }

  /** Where the event begins in the file; the end of the last one for the number after it. */
  offsetOf(seq: number): number {
    return seq >= this.#count ? this.#end : this.#offsets[seq]!;
  }

  /** The last event at or before `t`; 0 where there is none. */
  seqAt(t: number): number {
    let [low, high] = [0, this.#count];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#times[middle]! <= t) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  /** The next event after `seq`, or the one before it, at which a unit begins; undefined where there is none. */
  step(seq: number, direction: 1 | -1, unit: StepUnit): number | undefined {
    for (let at = seq + direction; at >= 0 && at < this.#count; at += direction) {
      if (unit === 'event') return at;
      const line = this.#lines[at]!;
      if (unit === 'statement' ? line > 0 : UNIT_LINES[unit].includes(line)) return at;
    }
    return undefined;
  }

  #grow(): void {
    const length = this.#types.length * 2;
    const grown = <Column extends Uint8Array | Float64Array>(column: Column, larger: Column) => {
      larger.set(column);
      return larger;
    };
    this.#types = grown(this.#types, new Uint8Array(length));
    this.#lines = grown(this.#lines, new Uint8Array(length));
    this.#times = grown(this.#times, new Float64Array(length));
    this.#offsets = grown(this.#offsets, new Float64Array(length));
  }
}
