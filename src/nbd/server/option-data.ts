/** The data of a client's options, and of the server's replies to them (NBD specification, "Option types"). */
import { NbdOptionError } from '../../base/errors.js';
import {
  MAXIMUM_STRING,
  NBD_INFO_BLOCK_SIZE,
  NBD_INFO_DESCRIPTION,
  NBD_INFO_EXPORT,
  NBD_INFO_NAME,
  NBD_REP_ERR_INVALID,
  NBD_REP_ERR_TOO_BIG,
  NBD_REP_MAGIC,
  OPTION_REPLY_HEADER_LENGTH,
  optionName,
} from '../protocol.js';
import type { OfferedExport } from './offered-export.js';

/** Queries that one option may have. */
export const MAXIMUM_QUERIES = 1024;

/** What `NBD_OPT_INFO` and `NBD_OPT_GO` ask for. */
export interface InformationRequest {
  /** Undefined when it is not UTF-8: no export is called so. */
  readonly exportName: string | undefined;
  /** Of `NBD_INFO_…`, and perhaps others. */
  readonly information: readonly number[];
}

/** What `NBD_OPT_LIST_META_CONTEXT` and `NBD_OPT_SET_META_CONTEXT` ask for. */
export interface ContextRequest {
  readonly exportName: string | undefined;
  /** Those that are UTF-8: no other can match. */
  readonly queries: readonly string[];
}

/** @throws NbdOptionError when the lengths do not fit. */
export function decodeInformationRequest(option: number, data: Buffer): InformationRequest {
  const reader = new OptionReader(option, data);
  const exportName = reader.string();
  const count = reader.u16();
  const information = Array.from({ length: count }, () => reader.u16());
  reader.end();
  return { exportName, information };
}

/** @throws NbdOptionError when the lengths do not fit, or there are too many queries. */
export function decodeContextRequest(option: number, data: Buffer): ContextRequest {
  const reader = new OptionReader(option, data);
  const exportName = reader.string();
  const count = reader.u32();
  if (count > MAXIMUM_QUERIES) {
    throw new NbdOptionError(
      `${optionName(option)} has ${count} queries; ${MAXIMUM_QUERIES} are the most.`,
      NBD_REP_ERR_TOO_BIG,
    );
  }
  const queries: string[] = [];
  for (let left = count; left > 0; left--) {
    const query = reader.string();
    if (query !== undefined) queries.push(query);
  }
  reader.end();
  return { exportName, queries };
}

class OptionReader {
  #at = 0;

  constructor(
    private readonly option: number,
    private readonly data: Buffer,
  ) {}

  u16(): number {
    return this.data.readUInt16BE(this.#take(2));
  }

  u32(): number {
    return this.data.readUInt32BE(this.#take(4));
  }

  string(): string | undefined {
    const length = this.u32();
    const start = this.#take(length);
    if (length > MAXIMUM_STRING) {
      throw this.#invalid(`has a string of ${length} bytes; ${MAXIMUM_STRING} are the most`);
    }
    return decodeString(this.data.subarray(start, start + length));
  }

  end(): void {
    const left = this.data.length - this.#at;
    if (left > 0) throw this.#invalid(`has ${left} bytes more than it says`);
  }

  #take(count: number): number {
    const start = this.#at;
    if (count > this.data.length - start) throw this.#invalid('is shorter than it says');
    this.#at += count;
    return start;
  }

  #invalid(what: string): NbdOptionError {
    return new NbdOptionError(`${optionName(this.option)} ${what}.`, NBD_REP_ERR_INVALID);
  }
}

/** A name as a client sent it; undefined when it is not UTF-8. */
export function decodeString(bytes: Buffer): string | undefined {
  const text = bytes.toString();
  return Buffer.from(text).equals(bytes) ? text : undefined;
}

/** A reply to an option, with its header. */
export function encodeOptionReply(
  option: number,
  type: number,
  data: Uint8Array = Buffer.alloc(0),
): Buffer {
  const bytes = Buffer.alloc(OPTION_REPLY_HEADER_LENGTH + data.length);
  bytes.writeBigUInt64BE(NBD_REP_MAGIC, 0);
  bytes.writeUInt32BE(option, 8);
  bytes.writeUInt32BE(type, 12);
  bytes.writeUInt32BE(data.length, 16);
  bytes.set(data, OPTION_REPLY_HEADER_LENGTH);
  return bytes;
}

/** The data of an `NBD_REP_SERVER`. */
export function encodeServer({ name, description }: OfferedExport): Buffer {
  return Buffer.concat([u32(Buffer.byteLength(name)), Buffer.from(name + description)]);
}

/** The data of an `NBD_REP_META_CONTEXT`. */
export function encodeMetaContext(id: number, name: string): Buffer {
  return Buffer.concat([u32(id), Buffer.from(name)]);
}

/** The size and flags of an export, as `NBD_OPT_EXPORT_NAME` is answered and NBD_INFO_EXPORT tells. */
export function encodeSizeAndFlags({ size }: OfferedExport, flags: number): Buffer {
  const bytes = Buffer.alloc(10);
  bytes.writeBigUInt64BE(BigInt(size), 0);
  bytes.writeUInt16BE(flags, 8);
  return bytes;
}

/**
 * The data of each `NBD_REP_INFO`. A client may not care for block sizes and a description that it
 * did not ask for; they are told all the same, as QEMU does.
 */
export function encodeInformation(
  offered: OfferedExport,
  flags: number,
  asked: readonly number[],
): Buffer[] {
  const { name, description, constraints } = offered;
  const { minimumBlock, preferredBlock, maximumPayload } = constraints;
  const sizes = [minimumBlock, preferredBlock, maximumPayload].map(u32);
  const told: Buffer[] = [];
  if (asked.includes(NBD_INFO_NAME)) told.push(information(NBD_INFO_NAME, Buffer.from(name)));
  if (description !== '') told.push(information(NBD_INFO_DESCRIPTION, Buffer.from(description)));
  told.push(information(NBD_INFO_BLOCK_SIZE, ...sizes));
  told.push(information(NBD_INFO_EXPORT, encodeSizeAndFlags(offered, flags)));
  return told;
}

function information(type: number, ...parts: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(2);
  header.writeUInt16BE(type, 0);
  return Buffer.concat([header, ...parts]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value, 0);
  return bytes;
}
