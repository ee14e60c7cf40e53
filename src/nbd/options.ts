/** The data of options and of their replies (NBD specification, "Option types" and "Option reply types"). */
import { ProtocolError } from '../base/errors.js';
import type { SizeConstraints } from './limits.js';
import {
  MAXIMUM_STRING,
  NBD_INFO_BLOCK_SIZE,
  NBD_INFO_EXPORT,
  NBD_OPTS_MAGIC,
  OPTION_HEADER_LENGTH,
} from './protocol.js';

/** An option with its header. */
export function encodeOption(option: number, data: Uint8Array = Buffer.alloc(0)): Buffer {
  const bytes = Buffer.alloc(OPTION_HEADER_LENGTH + data.length);
  bytes.writeBigUInt64BE(NBD_OPTS_MAGIC, 0);
  bytes.writeUInt32BE(option, 8);
  bytes.writeUInt32BE(data.length, 12);
  bytes.set(data, OPTION_HEADER_LENGTH);
  return bytes;
}

/** The data of `NBD_OPT_INFO` and `NBD_OPT_GO`. */
export function encodeGo(exportName: string, information: readonly number[]): Buffer {
  const requests = Buffer.alloc(2 + 2 * information.length);
  requests.writeUInt16BE(information.length, 0);
  information.forEach((type, index) => requests.writeUInt16BE(type, 2 + 2 * index));
  return Buffer.concat([encodeString(exportName), requests]);
}

/** The data of `NBD_OPT_SET_META_CONTEXT` and `NBD_OPT_LIST_META_CONTEXT`. */
export function encodeMetaContexts(exportName: string, queries: readonly string[]): Buffer {
  const count = Buffer.alloc(4);
  count.writeUInt32BE(queries.length, 0);
  return Buffer.concat([encodeString(exportName), count, ...queries.map(encodeString)]);
}

/** A string after its length in 32 bits. */
function encodeString(text: string): Buffer {
  const length = Buffer.alloc(4);
  const bytes = Buffer.from(text);
  length.writeUInt32BE(bytes.length, 0);
  return Buffer.concat([length, bytes]);
}

/** What an `NBD_REP_INFO` says; types that are not known here are undefined. */
export type Information =
  | { readonly type: 'export'; readonly size: bigint; readonly flags: number }
  | { readonly type: 'block-size'; readonly constraints: SizeConstraints };

/** @throws ProtocolError when the lengths do not fit the type of information. */
export function decodeInformation(data: Buffer, server: string): Information | undefined {
  if (data.length < 2) throw offence(server, `an NBD_REP_INFO of ${data.length} bytes`);
  const type = data.readUInt16BE(0);
  if (type === NBD_INFO_EXPORT) {
    if (data.length !== 12) throw offence(server, `an NBD_INFO_EXPORT of ${data.length} bytes`);
    return { type: 'export', size: data.readBigUInt64BE(2), flags: data.readUInt16BE(10) };
  }
  if (type === NBD_INFO_BLOCK_SIZE) {
    if (data.length !== 14) throw offence(server, `an NBD_INFO_BLOCK_SIZE of ${data.length} bytes`);
    const constraints = {
      minimumBlock: data.readUInt32BE(2),
      preferredBlock: data.readUInt32BE(6),
      maximumPayload: data.readUInt32BE(10),
    };
    return { type: 'block-size', constraints };
  }
  return undefined;
}

/** The id and name in an `NBD_REP_META_CONTEXT`. @throws ProtocolError when it is too short or too long. */
export function decodeMetaContext(data: Buffer, server: string): { id: number; name: string } {
  if (data.length < 5 || data.length > 4 + MAXIMUM_STRING) {
    throw offence(server, `an NBD_REP_META_CONTEXT of ${data.length} bytes`);
  }
  return { id: data.readUInt32BE(0), name: data.toString('utf8', 4) };
}

/** The export's name in an `NBD_REP_SERVER`. @throws ProtocolError when its length does not fit. */
export function decodeServer(data: Buffer, server: string): string {
  const length = data.length < 4 ? Infinity : data.readUInt32BE(0);
  if (length > data.length - 4 || length > MAXIMUM_STRING) {
    throw offence(server, `an NBD_REP_SERVER of ${data.length} bytes with a name of ${length}`);
  }
  return data.toString('utf8', 4, 4 + length);
}

/** A server broke the protocol during the handshake. */
export function offence(server: string, what: string): ProtocolError {
  return new ProtocolError(`${server} broke the NBD protocol during the handshake: ${what}.`);
}
