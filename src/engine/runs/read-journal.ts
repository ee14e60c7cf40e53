/** Reads journals: strict about what it takes, since a guest is resumed or cleaned up by what it says. */
import { open } from 'node:fs/promises';
import { JournalError, LimitError, messageOf } from '../../base/errors.js';
import { largestJournal, longestJournalLine } from './record.js';
import type { JournalEntry, JournalRecord } from './types.js';

export interface JournalLimits {
  /** The largest file that is read, in bytes. */
  readonly bytes: number;
  /** The longest line, in bytes. */
  readonly lineBytes: number;
  /** The most records. */
  readonly records: number;
}

/** Larger than what is written, by what putting back may add. */
export const JOURNAL_LIMITS: JournalLimits = {
  bytes: 2 * largestJournal,
  lineBytes: longestJournalLine,
  records: 1_000_000,
};

type RecordOf<T extends JournalRecord['type']> = Extract<JournalRecord, { type: T }>;

type Fields = Readonly<Record<string, 'string' | 'number' | 'boolean' | 'object'>>;

/** What a reader relies on, for each type of record. */
const FIELDS: Readonly<Record<JournalEntry['type'], Fields>> = {
  'taken-over': { version: 'string', process: 'object' },
  begin: { run: 'string', version: 'string', host: 'string', process: 'object', options: 'object' },
  change: { host: 'string', action: 'string' },
  source: {
    hypervisor: 'string',
    disk: 'string',
    image: 'string',
    format: 'string',
    size: 'number',
  },
  tracking: {},
  pausing: { before: 'object' },
  paused: {},
  switching: { scope: 'string', from: 'string', to: 'string' },
  switched: { scope: 'string', disk: 'string' },
  resumed: {},
  cleaning: {},
  end: { outcome: 'string', switchedOver: 'boolean', guest: 'string', leftBehind: 'object' },
  guardian: { act: 'string', message: 'string' },
};

/**
 * The records of a journal. A last line that was torn (its writer was ended in the middle of it) is
 * left out; so is a torn one before a record that says so.
 * @throws JournalError when the file can't be read or a line is faulty (its number is named);
 * LimitError when it is larger than the limits.
 */
export async function readJournal(
  path: string,
  limits: JournalLimits = JOURNAL_LIMITS,
): Promise<JournalRecord[]> {
  return parseJournal(await readBounded(path, limits.bytes), path, limits);
}

/** As {@link readJournal}, of a text; `name` is for messages. */
export function parseJournal(
  text: string,
  name: string,
  limits: JournalLimits = JOURNAL_LIMITS,
): JournalRecord[] {
  const records: JournalRecord[] = [];
  let fault: JournalError | undefined;
  let number = 0;
  for (const [line, ended] of linesOf(text)) {
    number++;
    if (Buffer.byteLength(line) >= limits.lineBytes)
      throw new LimitError(`${place(name, number)} is longer than ${limits.lineBytes} bytes.`);
    const record = parseRecord(line, name, number);
    const torn = record instanceof JournalError;
    if (fault && !(torn ? beginsAfterTorn(line) : record.afterTorn)) throw fault;
    fault = torn && ended ? record : undefined;
    if (torn) continue;
    records.push(record);
    if (records.length > limits.records)
      throw new LimitError(`The journal ${name} has more than ${limits.records} records.`);
  }
  if (fault) throw fault;
  return records;
}

/** Whether a torn line is, as far as it goes, one that says that the line before it is torn. */
function beginsAfterTorn(line: string): boolean {
  return AFTER_TORN.startsWith(line.slice(0, AFTER_TORN.length));
}

const AFTER_TORN = '{"afterTorn":true,';

/** Each line, and whether it has its end. */
function* linesOf(text: string): Generator<[line: string, ended: boolean]> {
  let start = 0;
  while (start < text.length) {
    const end = text.indexOf('\n', start);
    if (end < 0) {
      yield [text.slice(start), false];
      return;
    }
    if (end > start) yield [text.slice(start, end), true];
    start = end + 1;
  }
}

function parseRecord(line: string, name: string, number: number): JournalRecord | JournalError {
  const faulty = (what: string, cause?: unknown) =>
    new JournalError(`${place(name, number)} ${what}.`, {
      ...(cause === undefined ? {} : { cause }),
      hint: 'Nothing is done by what it says; look at the host yourself.',
    });
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    return faulty('is not JSON', error);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return faulty('is not an object');
  const record = value as Record<string, unknown>;
  const { type } = record;
  if (typeof type !== 'string') return faulty('has no type');
  if (!Object.hasOwn(FIELDS, type)) return faulty(`has the unknown type "${type.slice(0, 40)}"`);
  const wanted: Fields = { at: 'string', monotonicMs: 'number', ...FIELDS[type as 'begin'] };
  const wrong = Object.entries(wanted).find(
    ([field, kind]) => typeof record[field] !== kind || record[field] === null,
  );
  if (wrong) return faulty(`(${type}) lacks "${wrong[0]}", or it is no ${wrong[1]}`);
  const inside = faultInside(record as unknown as JournalRecord);
  return inside === undefined ? (record as unknown as JournalRecord) : faulty(inside);
}

/** What is wrong within a record whose members have the right types. */
function faultInside(record: JournalRecord): string | undefined {
  switch (record.type) {
    case 'begin':
      return faultInBegin(record);
    case 'taken-over':
      return namesProcess(record) ? undefined : '(taken-over) names no process';
    case 'pausing':
      return typeof record.before.running === 'boolean'
        ? undefined
        : '(pausing) does not say whether the guest ran';
    case 'switching':
    case 'switched':
      return ['disk', 'guest'].includes(record.scope)
        ? undefined
        : `(${record.type}) has an unknown scope`;
    case 'end':
      return faultInEnd(record);
    default:
      return undefined;
  }
}

function namesProcess({ process }: RecordOf<'begin' | 'taken-over'>): boolean {
  return Number.isSafeInteger(process.pid) && process.pid > 0;
}

function faultInBegin(record: RecordOf<'begin'>): string | undefined {
  const { options } = record;
  if (!namesProcess(record)) return '(begin) names no process';
  if (typeof at(options, 'disk') !== 'string') return '(begin) names no disk';
  if (typeof at(options, 'pivot') !== 'boolean')
    return '(begin) does not say whether the guest goes on with the new disk';
  const destination = at(options, 'destination');
  const type = at(destination, 'type');
  const name = type === 'file' ? 'path' : type === 'nbd' ? 'uri' : undefined;
  return name !== undefined && typeof at(destination, name) === 'string'
    ? undefined
    : '(begin) names no destination';
}

function faultInEnd({ leftBehind, error }: RecordOf<'end'>): string | undefined {
  const isList = Array.isArray(leftBehind) && leftBehind.every((each) => typeof each === 'string');
  if (!isList) return '(end) has no list of texts "leftBehind"';
  return error === undefined || typeof at(error, 'message') === 'string'
    ? undefined
    : '(end) has an error without a message';
}

/** A member of what may be no object. */
function at(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}

function place(name: string, line: number): string {
  return `Line ${line} of the journal ${name}`;
}

async function readBounded(path: string, limit: number): Promise<string> {
  try {
    const handle = await open(path, 'r');
    try {
      const { size } = await handle.stat();
      if (size > limit)
        throw new LimitError(
          `The journal ${path} has ${size} bytes, and at most ${limit} are read.`,
        );
      const buffer = Buffer.alloc(size);
      const { bytesRead } = await handle.read(buffer, 0, size, 0);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof LimitError) throw error;
    throw new JournalError(`The journal ${path} can't be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
