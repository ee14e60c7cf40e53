/** What a server states of an export, and whether a command keeps within it. Pure. */
import { LimitError, ProtocolError, UsageError } from '../base/errors.js';
import {
  DEFAULT_MAXIMUM_PAYLOAD,
  DEFAULT_MINIMUM_BLOCK,
  DEFAULT_PREFERRED_BLOCK,
  LARGEST_MINIMUM_BLOCK,
  NBD_FLAG_CAN_MULTI_CONN,
  NBD_FLAG_HAS_FLAGS,
  NBD_FLAG_READ_ONLY,
  NBD_FLAG_SEND_DF,
  NBD_FLAG_SEND_FAST_ZERO,
  NBD_FLAG_SEND_FLUSH,
  NBD_FLAG_SEND_FUA,
  NBD_FLAG_SEND_TRIM,
  NBD_FLAG_SEND_WRITE_ZEROES,
  SMALLEST_PREFERRED_BLOCK,
} from './protocol.js';
import { describeRequest, type Request } from './request.js';
import type { ExportInfo } from './types.js';

/** Size constraints as they come over the wire, in bytes. */
export interface SizeConstraints {
  readonly minimumBlock: number;
  readonly preferredBlock: number;
  readonly maximumPayload: number;
}

/** What holds when a server states no size constraints. */
export const DEFAULT_CONSTRAINTS: SizeConstraints = {
  minimumBlock: DEFAULT_MINIMUM_BLOCK,
  preferredBlock: DEFAULT_PREFERRED_BLOCK,
  maximumPayload: DEFAULT_MAXIMUM_PAYLOAD,
};

/**
 * The longest TRIM, WRITE_ZEROES or BLOCK_STATUS that is sent as one request, in bytes: a multiple
 * of every minimum block, and less than 2^31 for servers that reckon with signed numbers.
 */
export const LONGEST_EFFECT = 2 ** 31 - LARGEST_MINIMUM_BLOCK;

/** What a handshake has found out. */
export interface ExportStatement {
  readonly size: bigint;
  /** "Transmission flags". */
  readonly flags: number;
  readonly constraints: SizeConstraints;
  readonly structuredReplies: boolean;
  readonly metaContexts: readonly string[];
}

/**
 * Judges what a server states of an export ("Size constraints").
 * @throws ProtocolError when it contradicts the specification or itself.
 * @throws LimitError when the export is larger than can be counted exactly (8 PiB).
 */
export function exportInfo(statement: ExportStatement, server: string): ExportInfo {
  const { flags, constraints, structuredReplies, metaContexts } = statement;
  if ((flags & NBD_FLAG_HAS_FLAGS) === 0) {
    throw offence(server, `transmission flags 0x${flags.toString(16)} without NBD_FLAG_HAS_FLAGS`);
  }
  if (statement.size > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new LimitError(`${server} has ${statement.size.toString()} bytes, more than 8 PiB.`);
  }
  checkConstraints(constraints, server);
  const size = Number(statement.size);
  const { minimumBlock, preferredBlock } = constraints;
  if (size % minimumBlock !== 0) {
    throw offence(server, `${size} bytes, which its minimum block of ${minimumBlock} can't reach`);
  }
  const has = (flag: number): boolean => (flags & flag) !== 0;
  const payload = Math.min(constraints.maximumPayload, DEFAULT_MAXIMUM_PAYLOAD);
  return {
    size,
    readOnly: has(NBD_FLAG_READ_ONLY),
    canFlush: has(NBD_FLAG_SEND_FLUSH),
    canFua: has(NBD_FLAG_SEND_FUA),
    canTrim: has(NBD_FLAG_SEND_TRIM),
    canWriteZeroes: has(NBD_FLAG_SEND_WRITE_ZEROES),
    canFastZero: has(NBD_FLAG_SEND_WRITE_ZEROES) && has(NBD_FLAG_SEND_FAST_ZERO),
    canDontFragment: structuredReplies && has(NBD_FLAG_SEND_DF),
    canMultiConn: has(NBD_FLAG_CAN_MULTI_CONN),
    minimumBlock,
    preferredBlock,
    maximumPayload: payload - (payload % minimumBlock),
    structuredReplies,
    metaContexts,
  };
}

function checkConstraints(constraints: SizeConstraints, server: string): void {
  const { minimumBlock, preferredBlock, maximumPayload } = constraints;
  if (!isPowerOfTwo(minimumBlock) || minimumBlock > LARGEST_MINIMUM_BLOCK) {
    throw offence(server, `a minimum block of ${minimumBlock} bytes`);
  }
  const smallest = Math.max(minimumBlock, SMALLEST_PREFERRED_BLOCK);
  if (!isPowerOfTwo(preferredBlock) || preferredBlock < smallest) {
    throw offence(server, `a preferred block of ${preferredBlock} bytes`);
  }
  if (maximumPayload < preferredBlock) {
    throw offence(server, `a maximum payload of ${maximumPayload} bytes`);
  }
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && Number.isInteger(Math.log2(value));
}

function offence(server: string, what: string): ProtocolError {
  return new ProtocolError(`${server} broke the NBD protocol: it states ${what}.`);
}

/**
 * Checks a range of bytes against the export's size and minimum block.
 * @throws LimitError when it is empty, not of whole numbers, outside the export or not aligned.
 */
export function checkRange(request: Request, info: ExportInfo, server: string): void {
  const { offset, length } = request;
  const what = `${describeRequest(request)} on ${server}`;
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 1) {
    throw new LimitError(`${what} can't be: a range needs whole numbers, and at least one byte.`);
  }
  if (offset + length > info.size) {
    throw new LimitError(`${what} is out of range: the export has ${info.size} bytes.`);
  }
  const block = info.minimumBlock;
  if (offset % block !== 0 || length % block !== 0) {
    throw new LimitError(`${what} is not aligned to the server's minimum block of ${block} bytes.`);
  }
}

/** @throws LimitError when the data of a READ or WRITE are longer than the server allows. */
export function checkPayload(request: Request, info: ExportInfo, server: string): void {
  if (request.length <= info.maximumPayload) return;
  throw new LimitError(
    `${describeRequest(request)} on ${server} is longer than the maximum payload of ${info.maximumPayload} bytes.`,
  );
}

/** @throws UsageError when the server does not let this client do `what`. */
export function checkAllowed(allowed: boolean, what: string, server: string, hint?: string): void {
  if (allowed) return;
  throw new UsageError(`${server} does not offer ${what}.`, hint === undefined ? {} : { hint });
}

/** @throws UsageError when the export is read-only. */
export function checkWritable(request: Request, info: ExportInfo, server: string): void {
  if (!info.readOnly) return;
  throw new UsageError(`${describeRequest(request)} can't be: ${server} is read-only.`, {
    hint: 'Let the server export it writable, or choose another destination.',
  });
}
