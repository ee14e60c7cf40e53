/** What a host may ask of the probe, read from a line: protocol/PROBE.md; what is wrong is told by a sentence. */
import { isUtf8 } from 'node:buffer';
import type { Extent } from '../../base/extent.js';
import type { SimulatedDisk } from './types.js';

export type RequestId = number | string;
export type Fields = Readonly<Record<string, unknown>>;

export interface Request {
  readonly id: RequestId;
  /** Empty where there is none. */
  readonly method: string;
  /** Empty where there are none. */
  readonly params: Fields;
}

/** The codes of errors (protocol/PROBE.md, "Errors"). */
export type ErrorCode =
  | 'bad-request'
  | 'unknown-method'
  | 'no-such-disk'
  | 'ambiguous-disk'
  | 'busy'
  | 'cancelled'
  | 'unsupported';

/** Why a request is refused. */
export interface Refusal {
  readonly code: ErrorCode;
  /** A sentence. */
  readonly message: string;
}

/** Extents that one request and what was staged before it may name. */
export const STAGED_LIMIT = 262_144;

const ID_BYTES = 64;
const MOST_FOR_MS = 600_000;
const MOST_SILENCE_MS = 120_000;
const SILENCE_MS = 15_000;

/** A refusal, with a sentence. */
export const refusal = (code: ErrorCode, message: string): Refusal => ({ code, message });

const bad = (message: string) => refusal('bad-request', message);

/** Whether something that was read is a refusal. */
export function isRefusal(value: object): value is Refusal {
  return 'code' in value;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Reads a line; a number above 2^53 - 1 is no id here. */
export function readRequest(line: Buffer): Request | Refusal {
  const message = parse(line);
  if (!isObject(message)) return bad('The line is not a JSON object.');
  const { id, method, params } = message;
  if (!isId(id)) return bad("'id' must be a number or a string of 1 to 64 bytes.");
  return {
    id,
    method: typeof method === 'string' ? method : '',
    params: isObject(params) ? params : {},
  };
}

function parse(line: Buffer): unknown {
  if (!isUtf8(line)) return undefined;
  try {
    return JSON.parse(line.toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isId(id: unknown): id is RequestId {
  if (typeof id !== 'string') return isCount(id);
  return id !== '' && Buffer.byteLength(id) <= ID_BYTES;
}

/** The one disk that fits every field of the query. */
export function findDisk(query: unknown, disks: readonly SimulatedDisk[]): SimulatedDisk | Refusal {
  const known = isObject(query) ? query : {};
  const { size, serial, pci } = known;
  const isText = (value: unknown) => value === undefined || typeof value === 'string';
  if (!isCount(size) || !isText(serial) || !isText(pci))
    return bad("'disk' must be an object with at least a 'size'.");
  const fitting = disks.filter(
    (disk) =>
      disk.size === size &&
      (serial === undefined || serial === (disk.serial ?? '')) &&
      (pci === undefined || pci.toLowerCase() === (disk.pci ?? '')),
  );
  const [only] = fitting;
  if (!only) return refusal('no-such-disk', 'No disk of the guest fits.');
  if (fitting.length === 1) return only;
  return refusal('ambiguous-disk', 'More than one disk of the guest fits.');
}

/**
 * Appends `[offset, length, offset, length, …]` to a list.
 * @returns what is wrong; the list may hold some of them then.
 */
export function addExtents(list: Extent[], extents: unknown): Refusal | undefined {
  if (!Array.isArray(extents)) return bad("'extents' must be an array of numbers.");
  if (!extents.every(isCount))
    return bad("'extents' must hold whole numbers that are not negative.");
  if (extents.length % 2 !== 0) return bad("'extents' must hold pairs of offset and length.");
  for (let index = 0; index < extents.length; index += 2) {
    const offset = extents[index]!;
    const length = extents[index + 1]!;
    if (length === 0 || !Number.isSafeInteger(offset + length))
      return bad("'extents' holds an extent of a length that can't be.");
    if (list.length === STAGED_LIMIT) return bad('More extents were staged than the probe takes.');
    list.push({ offset, length });
  }
  return undefined;
}

/** Extents ascending, without overlap, those that touch joined, within so many bytes. */
export function joinExtents(extents: readonly Extent[], size: number): Extent[] {
  const joined: { offset: number; length: number }[] = [];
  for (const { offset, length } of extents.toSorted((one, other) => one.offset - other.offset)) {
    const end = Math.min(offset + length, size);
    const last = joined.at(-1);
    if (offset >= end) continue;
    if (last && offset <= last.offset + last.length)
      last.length = Math.max(last.length, end - last.offset);
    else joined.push({ offset, length: end - offset });
  }
  return joined;
}

/** How long steering holds: milliseconds. */
export interface HoldRequest {
  readonly forMs: number;
  readonly silenceMs: number;
}

export function readHold({ forMs, silenceMs = SILENCE_MS }: Fields): HoldRequest | Refusal {
  const isWithin = (value: unknown, most: number): value is number =>
    isCount(value) && value >= 1 && value <= most;
  if (isWithin(forMs, MOST_FOR_MS) && isWithin(silenceMs, MOST_SILENCE_MS))
    return { forMs, silenceMs };
  return bad("'forMs' must be from 1 to 600000 and 'silenceMs' from 1 to 120000.");
}
