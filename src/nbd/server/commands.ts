/** Carrying out a request that was judged well, by asking the storage. */
import { NbdCommandError, messageOf } from '../../base/errors.js';
import {
  NBD_CMD_BLOCK_STATUS,
  NBD_CMD_FLAG_DF,
  NBD_CMD_FLAG_FAST_ZERO,
  NBD_CMD_FLAG_FUA,
  NBD_CMD_FLAG_NO_HOLE,
  NBD_CMD_FLAG_REQ_ONE,
  NBD_CMD_FLUSH,
  NBD_CMD_READ,
  NBD_CMD_TRIM,
  NBD_CMD_WRITE,
  NBD_CMD_WRITE_ZEROES,
  NBD_EINVAL,
  NBD_EIO,
  NBD_ENOMEM,
  NBD_ENOSPC,
  NBD_ENOTSUP,
  NBD_EOVERFLOW,
  NBD_EPERM,
  NBD_ESHUTDOWN,
} from '../protocol.js';
import type { PayloadPiece } from '../types.js';
import { NbdServerError } from './errors.js';
import { EXTENT_LENGTH, ExtentList } from './extents.js';
import type { Failure } from './judge.js';
import type { Agreement } from './negotiation.js';
import {
  encodeContent,
  encodeNone,
  encodeSimple,
  encodeStatus,
  type Reply,
  type ServedRequest,
} from './replies.js';

/** Extents of one meta context in one answer: 512 KiB of them. */
const MAXIMUM_EXTENTS = 65_536;

const ERROR_NUMBERS: readonly number[] = [
  NBD_EPERM,
  NBD_EIO,
  NBD_ENOMEM,
  NBD_EINVAL,
  NBD_ENOSPC,
  NBD_EOVERFLOW,
  NBD_ENOTSUP,
  NBD_ESHUTDOWN,
];

/** Bytes of memory that a request and its answer may take, beside their messages. */
export function payloadOf({ command, length }: ServedRequest, agreement: Agreement): number {
  if (command === NBD_CMD_READ || command === NBD_CMD_WRITE) return length;
  if (command !== NBD_CMD_BLOCK_STATUS) return 0;
  return agreement.contexts.length * mostExtents(length, agreement) * EXTENT_LENGTH;
}

/** No more than there can be, and than a payload may have. */
function mostExtents(length: number, { offered }: Agreement): number {
  const { minimumBlock, maximumPayload } = offered.constraints;
  const fits = Math.floor(maximumPayload / EXTENT_LENGTH);
  return Math.max(1, Math.min(length / minimumBlock, fits, MAXIMUM_EXTENTS));
}

/**
 * Carries out a request; `data` is what a WRITE came with.
 * @throws whatever the storage does; see {@link failureOf}.
 */
export async function carryOut(
  request: ServedRequest,
  data: readonly Uint8Array[],
  agreement: Agreement,
  signal: AbortSignal,
): Promise<Reply> {
  const { command, flags, offset, length } = request;
  const { storage } = agreement.offered;
  const fua = (flags & NBD_CMD_FLAG_FUA) !== 0;
  if (command === NBD_CMD_FLUSH) await storage.flush(signal);
  if (length === 0) return nothing(request, agreement);
  switch (command) {
    case NBD_CMD_READ:
      return read(request, agreement, signal);
    case NBD_CMD_BLOCK_STATUS:
      return status(request, agreement, signal);
    case NBD_CMD_WRITE:
      await storage.write(offset, data, { fua }, signal);
      break;
    case NBD_CMD_TRIM:
      await storage.trim(offset, length, { fua }, signal);
      break;
    case NBD_CMD_WRITE_ZEROES: {
      const mayTrim = (flags & NBD_CMD_FLAG_NO_HOLE) === 0;
      const fast = (flags & NBD_CMD_FLAG_FAST_ZERO) !== 0;
      await storage.writeZeroes(offset, length, { fua, mayTrim, fast }, signal);
    }
  }
  return [encodeSimple(request, 0)];
}

/** An empty range is no error, and nothing for the storage (as QEMU has it; the specification leaves it open). */
function nothing(request: ServedRequest, { structured }: Agreement): Reply {
  const structuredRead = structured && request.command === NBD_CMD_READ;
  return structuredRead ? [encodeNone(request)] : [encodeSimple(request, 0)];
}

async function read(
  request: ServedRequest,
  agreement: Agreement,
  signal: AbortSignal,
): Promise<Reply> {
  const { offset, length, flags } = request;
  const pieces = await agreement.offered.storage.read(offset, length, signal);
  const told = pieces.filter((piece) => lengthOf(piece) > 0);
  const sum = told.reduce((total, piece) => total + lengthOf(piece), 0);
  if (sum !== length) {
    throw new NbdServerError(`The storage gave ${sum} of ${length} bytes.`, NBD_EIO);
  }
  const whole = (flags & NBD_CMD_FLAG_DF) !== 0;
  return encodeContent(request, told, agreement.structured, whole);
}

function lengthOf(piece: PayloadPiece): number {
  return piece.hole ? piece.length : piece.data.length;
}

async function status(
  request: ServedRequest,
  agreement: Agreement,
  signal: AbortSignal,
): Promise<Reply> {
  const { offset, length, flags } = request;
  const { contexts, offered } = agreement;
  const most = (flags & NBD_CMD_FLAG_REQ_ONE) !== 0 ? 1 : mostExtents(length, agreement);
  const parts: Uint8Array[] = [];
  for (const [index, { id, name }] of contexts.entries()) {
    const extents = new ExtentList(name, offset, length, most);
    await offered.storage.status(name, offset, length, (...run) => extents.add(...run), signal);
    parts.push(...encodeStatus(request, id, extents.encode(), index === contexts.length - 1));
  }
  const [first, ...rest] = parts;
  return [first!, ...rest];
}

/** What the client is told of an error that carrying a request out ended with. */
export function failureOf(error: unknown, request: ServedRequest): Failure {
  const message = messageOf(error);
  if (!(error instanceof NbdCommandError) || !ERROR_NUMBERS.includes(error.errno)) {
    return { errno: NBD_EIO, message };
  }
  const mayNotSupport = (request.flags & NBD_CMD_FLAG_FAST_ZERO) !== 0;
  const errno = error.errno === NBD_ENOTSUP && !mayNotSupport ? NBD_EINVAL : error.errno;
  return { errno, message };
}
