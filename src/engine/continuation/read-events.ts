/**
 * Reads the events of a run from its file: in order, each with the next number, up to the first line
 * that is not so. What comes after such a line may have been written by a process that had lost
 * others before, so nothing is taken from it.
 */
import { createReadStream } from 'node:fs';
import { JournalError, LimitError, messageOf, ProtocolError } from '../../base/errors.js';
import { LineReader } from '../../base/line-reader.js';
import type { MigrationEvent } from '../events.js';

/** The longest line that is read, in bytes: the plan of a huge and scattered disk. */
const LONGEST_LINE = 256 * 1024 * 1024;

/** Each so many events, the file's position is told. */
export const STRIDE = 256;

/** How far a file of events can be read. */
export interface EventsRead {
  /** How many events. */
  readonly count: number;
  /** The bytes that they take; the next one belongs there. */
  readonly bytes: number;
  /** Offset of every {@link STRIDE}th event. */
  readonly index: readonly number[];
  /** Why no more could be read, in words; absent where the file ends with a whole event. */
  readonly stopped?: string;
}

/**
 * Hands on every event that can be read.
 * @param chunks the bytes, cut anywhere.
 * @throws what `take` throws.
 */
export async function readEvents(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  take: (event: MigrationEvent) => void,
): Promise<EventsRead> {
  const lines = new LineReader('the run', LONGEST_LINE);
  const index: number[] = [];
  let count = 0;
  let bytes = 0;
  let read = 0;
  try {
    for await (const chunk of chunks) {
      read += chunk.length;
      for (const line of lines.push(chunk)) {
        const event = parseEvent(line, count);
        if (count % STRIDE === 0) index.push(bytes);
        take(event);
        count++;
        bytes += Buffer.byteLength(line) + 1;
      }
    }
  } catch (error) {
    if (!(error instanceof ProtocolError || error instanceof LimitError)) throw error;
    return { count, bytes, index, stopped: error.message };
  }
  const torn = read > bytes ? { stopped: 'Its last line has no end.' } : {};
  return { count, bytes, index, ...torn };
}

/**
 * As {@link readEvents}, of a file.
 * @throws JournalError when it can't be read; what `take` throws.
 */
export async function readEventsFile(
  path: string,
  take: (event: MigrationEvent) => void,
): Promise<EventsRead> {
  const failure: { error?: unknown } = {};
  const file = createReadStream(path);
  file.on('error', (error) => (failure.error = error));
  try {
    return await readEvents(file as AsyncIterable<Buffer>, take);
  } catch (error) {
    if (error !== failure.error) throw error;
    throw new JournalError(`The events ${path} can't be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** What a reader relies on, for the types that tell how far a run had come. */
const FIELDS: Readonly<Record<string, Readonly<Record<string, (value: unknown) => boolean>>>> = {
  start: {
    granularity: isCount,
    disk: (value) => isCount(memberOf(value, 'size')),
    limits: (value) => isNumber(memberOf(value, 'downtimeLimitMs')),
  },
  limits: { limits: (value) => isNumber(memberOf(value, 'downtimeLimitMs')) },
  statement: { line: isCount, round: isCount },
  plan: { deferred: (value) => Array.isArray(value) && value.every(isObject) },
  dirty: { flip: (value) => isCount(value) && value > 0 },
  sent: { bytes: isCount, resentBytes: isCount, zeroBytes: isCount },
};

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number';
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function memberOf(value: unknown, name: string): unknown {
  return isObject(value) ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

/**
 * Reads one line as the event that has this number in its run.
 * @throws ProtocolError when it is none, or lacks what a reader relies on.
 */
export function parseEvent(line: string, number: number): MigrationEvent {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new ProtocolError(`Event ${number} is no JSON: ${messageOf(error)}`);
  }
  const type = memberOf(value, 'type');
  if (typeof type !== 'string' || !isNumber(memberOf(value, 't')))
    throw new ProtocolError(`Event ${number} has no type, or no time.`);
  if (memberOf(value, 'seq') !== number) throw new ProtocolError(`Event ${number} is not there.`);
  const wanted = Object.hasOwn(FIELDS, type) ? FIELDS[type]! : {};
  const wrong = Object.entries(wanted).find(([name, fits]) => !fits(memberOf(value, name)));
  if (wrong) throw new ProtocolError(`Event ${number} (${type}) has no "${wrong[0]}" that can be.`);
  return value as MigrationEvent;
}
