/**
 * Cuts the bytes of a file of events into events, checked against what a view relies on. Chunks may
 * end anywhere.
 */
import { ProtocolError, UsageError } from '../../base/errors.js';
import { Pieces } from '../../base/pieces.js';
import { LimitError } from '../../base/errors.js';
import { parseEvent, type MigrationEvent } from '../../engine/index.js';

/** The longest line that is read, in bytes: the plan of a huge and scattered disk. */
const LONGEST_LINE = 256 * 1024 * 1024;

/** The major version of the events that are understood. */
const MAJOR = 1;

const NEWLINE = 0x0a;

/** An event, and the bytes of its line with the line's end. */
export interface EventLine {
  readonly event: MigrationEvent;
  readonly bytes: number;
}

export class EventLines {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  readonly #pieces = new Pieces();
  #next = 0;

  /** Whether the bytes so far end in the middle of a line. */
  get torn(): boolean {
    return this.#pieces.length > 0;
  }

  /**
   * Takes a chunk and gives the events that it completes.
   * @throws ProtocolError for what is no event, LimitError for a line that is too long, UsageError
   * for events of another major version.
   */
  *push(chunk: Uint8Array): Generator<EventLine> {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      this.#pieces.add(chunk.subarray(start, end < 0 ? chunk.length : end));
      if (this.#pieces.length > LONGEST_LINE)
        throw new LimitError(`Event ${this.#next} is longer than ${LONGEST_LINE} bytes.`);
      if (end < 0) return;
      const line = this.#pieces.take();
      yield { event: this.#read(line), bytes: line.length + 1 };
      start = end + 1;
    }
  }

  #read(line: Uint8Array): MigrationEvent {
    const event = readEvent(this.#decode(line), this.#next);
    this.#next++;
    return event;
  }

  #decode(line: Uint8Array): string {
    try {
      return this.#decoder.decode(line);
    } catch (error) {
      throw new ProtocolError(`Event ${this.#next} is not UTF-8.`, { cause: error });
    }
  }
}

/**
 * Reads the line of the event that has this number.
 * @throws ProtocolError, UsageError as {@link EventLines.push}.
 */
export function readEvent(line: string, number: number): MigrationEvent {
  checkVersion(line);
  const event = parseEvent(line, number);
  checkShape(event);
  return event;
}

/** A start event is short; of another version it is told before anything else is expected of it. */
const LONGEST_START = 64 * 1024;

function checkVersion(line: string): void {
  if (line.length > LONGEST_START || !/"type":\s*"start"/.test(line)) return;
  const protocol = /"protocol":\s*"(\d{1,9})\.\d+"/.exec(line)?.[1];
  if (protocol === undefined || Number(protocol) === MAJOR) return;
  const newer = Number(protocol) > MAJOR;
  throw new UsageError(
    `The events were made by ${newer ? 'a newer' : 'an older'} Migrascope: they have version ${protocol} of the schema, and this one reads version ${MAJOR}.`,
    { hint: newer ? 'Update Migrascope.' : 'Open them with the Migrascope that made them.' },
  );
}

type Check = (event: Readonly<Record<string, unknown>>) => boolean;

const isList = (value: unknown): value is unknown[] => Array.isArray(value);
const isNumber = (value: unknown): value is number => typeof value === 'number';
const isText = (value: unknown): value is string => typeof value === 'string';
const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !isList(value);
const areNumbers =
  (...names: readonly string[]): Check =>
  (event) =>
    names.every((name) => isNumber(event[name]));
const all =
  (...checks: readonly Check[]): Check =>
  (event) =>
    checks.every((check) => check(event));

const hasForecast: Check = ({ forecast }) =>
  isRecord(forecast) &&
  isNumber(forecast['downtimeMs']) &&
  (forecast['remainingMs'] === null || isNumber(forecast['remainingMs']));

const isFile = (file: unknown): boolean =>
  isRecord(file) &&
  isText(file['device']) &&
  isNumber(file['inode']) &&
  isText(file['fileSystem']) &&
  (file['path'] === undefined || isText(file['path'])) &&
  (file['extents'] === undefined || (isList(file['extents']) && file['extents'].every(isExtent)));

const isExtent = (extent: unknown): boolean => isList(extent) && extent.every(isNumber);

const isRange = (extent: unknown): boolean =>
  isRecord(extent) && areNumbers('offset', 'length')(extent);

/** What a view reads of the events, beyond what `parseEvent` checks. */
const SHAPES: Readonly<Partial<Record<MigrationEvent['type'], Check>>> = {
  start: ({ disk, host, run, protocol }) =>
    isText(host) && isText(run) && isText(protocol) && isRecord(disk) && isText(disk['name']),
  held: areNumbers('line'),
  statement: areNumbers('batch'),
  plan: all(areNumbers('sendBytes'), ({ deferred }) =>
    (deferred as unknown[]).every((each) => isRecord(each) && isText(each['reason'])),
  ),
  batch: all(areNumbers('dirtyRate', 'bandwidth', 'pendingBytes'), hasForecast),
  round: all(
    areNumbers('round', 'dirtyRate', 'bandwidth', 'sentBytes', 'resentBytes', 'pendingBytes'),
    areNumbers('deferredBytes', 'durationMs'),
    hasForecast,
  ),
  cache: all(
    areNumbers('dirtyBytes', 'writebackBytes', 'cleanBytes'),
    ({ files, unmappedBytes }) => isList(files) && files.every(isFile) && isRecord(unmappedBytes),
  ),
  verify: ({ differing }) => isList(differing) && differing.every(isRange),
  verdict: all(areNumbers('pendingBytes', 'downtimeMs'), ({ message }) => isText(message)),
  probe: ({ state, message }) => isText(state) && isText(message),
  warning: ({ message }) => isText(message),
  error: ({ kind, message }) => isText(kind) && isText(message),
  summary: areNumbers(
    'sentBytes',
    'resentBytes',
    'distinctBytes',
    'zeroBytes',
    'totalMs',
    'rounds',
  ),
};

/** @throws ProtocolError when a field is not there that a view reads. */
function checkShape(event: MigrationEvent): void {
  const shape = Object.hasOwn(SHAPES, event.type) ? SHAPES[event.type] : undefined;
  if (!shape || shape(event as unknown as Readonly<Record<string, unknown>>)) return;
  throw new ProtocolError(`Event ${event.seq} (${event.type}) lacks what belongs to it.`);
}
