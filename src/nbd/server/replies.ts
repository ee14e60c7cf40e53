/** Replies as they go over the wire, with data where they lie (NBD specification, "Simple reply message" and "Structured reply types"). */
import {
  MAXIMUM_STRING,
  NBD_REPLY_FLAG_DONE,
  NBD_REPLY_TYPE_BLOCK_STATUS,
  NBD_REPLY_TYPE_ERROR,
  NBD_REPLY_TYPE_NONE,
  NBD_REPLY_TYPE_OFFSET_DATA,
  NBD_REPLY_TYPE_OFFSET_HOLE,
  NBD_SIMPLE_REPLY_MAGIC,
  NBD_STRUCTURED_REPLY_MAGIC,
  SIMPLE_REPLY_LENGTH,
  STRUCTURED_REPLY_LENGTH,
} from '../protocol.js';
import type { Request } from '../request.js';
import type { PayloadPiece } from '../types.js';
import type { Failure } from './judge.js';

/** A request, and what its replies say of it so that the client knows them. */
export interface ServedRequest extends Request {
  /** The two halves of 64 bits that mean nothing here. */
  readonly cookie: readonly [high: number, low: number];
}

/** Messages and data in the order in which they are sent. */
export type Reply = readonly [Uint8Array, ...Uint8Array[]];

/**
 * A shorter hole is sent as zeroes, in bytes: so no answer has more chunks than one for each 512
 * bytes, as the specification wishes ("NBD_CMD_READ").
 */
const SMALLEST_HOLE = 1024;

const ZEROES = Buffer.alloc(2 ** 20);

/** So many zeroes, in pieces of memory that is shared: nobody may write to it. */
export function zeroes(length: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let left = length; left > 0; left -= ZEROES.length) {
    pieces.push(left < ZEROES.length ? ZEROES.subarray(0, left) : ZEROES);
  }
  return pieces;
}

/** A success without content, or the error of a client that did not negotiate structured replies. */
export function encodeSimple({ cookie }: ServedRequest, errno: number): Buffer {
  const bytes = Buffer.allocUnsafe(SIMPLE_REPLY_LENGTH);
  bytes.writeUInt32BE(NBD_SIMPLE_REPLY_MAGIC, 0);
  bytes.writeUInt32BE(errno, 4);
  bytes.writeUInt32BE(cookie[0], 8);
  bytes.writeUInt32BE(cookie[1], 12);
  return bytes;
}

/** An error, with its message where the client takes one. */
export function encodeFailure(
  request: ServedRequest,
  structured: boolean,
  failure: Failure,
): Reply {
  if (!structured) return [encodeSimple(request, failure.errno)];
  const text = shorten(failure.message);
  const chunk = startChunk(request, NBD_REPLY_TYPE_ERROR, 6, text.length, true);
  chunk.writeUInt32BE(failure.errno, STRUCTURED_REPLY_LENGTH);
  chunk.writeUInt16BE(text.length, STRUCTURED_REPLY_LENGTH + 4);
  return [chunk, text];
}

/** A success without content in structured replies. */
export function encodeNone(request: ServedRequest): Buffer {
  return startChunk(request, NBD_REPLY_TYPE_NONE, 0, 0, true);
}

/** The content of a READ; `pieces` are all of it. */
export function encodeContent(
  request: ServedRequest,
  pieces: readonly PayloadPiece[],
  structured: boolean,
  whole: boolean,
): Reply {
  if (!structured) {
    const data = pieces.flatMap((piece) => (piece.hole ? zeroes(piece.length) : [piece.data]));
    return [encodeSimple(request, 0), ...data];
  }
  const runs = runsOf(pieces, whole);
  const parts: Uint8Array[] = [];
  let offset = request.offset;
  for (const [index, run] of runs.entries()) {
    const last = index === runs.length - 1;
    const chunk = run.data
      ? startChunk(request, NBD_REPLY_TYPE_OFFSET_DATA, 8, run.length, last)
      : startChunk(request, NBD_REPLY_TYPE_OFFSET_HOLE, 12, 0, last);
    writeOffset(chunk, STRUCTURED_REPLY_LENGTH, offset);
    if (!run.data) chunk.writeUInt32BE(run.length, STRUCTURED_REPLY_LENGTH + 8);
    parts.push(chunk, ...(run.data ?? []));
    offset += run.length;
  }
  const [first, ...rest] = parts;
  return [first!, ...rest];
}

/** Content without gaps; a hole has no data. */
interface Run {
  length: number;
  readonly data: Uint8Array[] | undefined;
}

function runsOf(pieces: readonly PayloadPiece[], whole: boolean): Run[] {
  const runs: Run[] = [];
  for (const piece of pieces) {
    const length = piece.hole ? piece.length : piece.data.length;
    const last = runs.at(-1);
    if (last && piece.hole === !last.data) {
      last.length += length;
      if (!piece.hole) last.data?.push(piece.data);
    } else {
      runs.push({ length, data: piece.hole ? undefined : [piece.data] });
    }
  }
  if (runs.length <= 1) return runs;
  const smallest = whole ? Infinity : SMALLEST_HOLE;
  const filled: PayloadPiece[] = [];
  let changed = false;
  for (const { length, data } of runs) {
    if (!data && length >= smallest) filled.push({ hole: true, length });
    else for (const bytes of data ?? zeroes(length)) filled.push({ hole: false, data: bytes });
    changed ||= !data && length < smallest;
  }
  return changed ? runsOf(filled, false) : runs;
}

/** The extents of one meta context: length and flags alternate in `extents`, as they are sent. */
export function encodeStatus(
  request: ServedRequest,
  context: number,
  extents: Uint8Array,
  last: boolean,
): Reply {
  const chunk = startChunk(request, NBD_REPLY_TYPE_BLOCK_STATUS, 4, extents.length, last);
  chunk.writeUInt32BE(context, STRUCTURED_REPLY_LENGTH);
  return [chunk, extents];
}

/** The header of a chunk, with room for `fixed` bytes after it; `variable` bytes follow. */
function startChunk(
  { cookie }: ServedRequest,
  type: number,
  fixed: number,
  variable: number,
  last: boolean,
): Buffer {
  const bytes = Buffer.allocUnsafe(STRUCTURED_REPLY_LENGTH + fixed);
  bytes.writeUInt32BE(NBD_STRUCTURED_REPLY_MAGIC, 0);
  bytes.writeUInt16BE(last ? NBD_REPLY_FLAG_DONE : 0, 4);
  bytes.writeUInt16BE(type, 6);
  bytes.writeUInt32BE(cookie[0], 8);
  bytes.writeUInt32BE(cookie[1], 12);
  bytes.writeUInt32BE(fixed + variable, 16);
  return bytes;
}

function writeOffset(bytes: Buffer, at: number, offset: number): void {
  bytes.writeUInt32BE(Math.floor(offset / 2 ** 32), at);
  bytes.writeUInt32BE(offset % 2 ** 32, at + 4);
}

/** A message as a string of the protocol: UTF-8 without NUL, cut at a character. */
function shorten(message: string): Buffer {
  const text = Buffer.from(message.replaceAll('\0', ' '));
  if (text.length <= MAXIMUM_STRING) return text;
  let end = MAXIMUM_STRING;
  while ((text[end]! & 0xc0) === 0x80) end--;
  return text.subarray(0, end);
}
