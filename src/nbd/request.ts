/** Requests of the transmission phase (NBD specification, "Request message"). */
import { commandName, NBD_REQUEST_MAGIC, REQUEST_LENGTH } from './protocol.js';

/** A request as it goes over the wire, without data. */
export interface Request {
  /** One of `NBD_CMD_…`. */
  readonly command: number;
  /** Of `NBD_CMD_FLAG_…`. */
  readonly flags: number;
  /** In bytes. */
  readonly offset: number;
  /** In bytes, below 2^32. */
  readonly length: number;
}

/** The 28 bytes of a request; `cookie` is a whole number below 2^32. */
export function encodeRequest(request: Request, cookie: number): Buffer {
  const bytes = Buffer.allocUnsafe(REQUEST_LENGTH);
  bytes.writeUInt32BE(NBD_REQUEST_MAGIC, 0);
  bytes.writeUInt16BE(request.flags, 4);
  bytes.writeUInt16BE(request.command, 6);
  bytes.writeUInt32BE(0, 8);
  bytes.writeUInt32BE(cookie, 12);
  bytes.writeUInt32BE(Math.floor(request.offset / 2 ** 32), 16);
  bytes.writeUInt32BE(request.offset % 2 ** 32, 20);
  bytes.writeUInt32BE(request.length, 24);
  return bytes;
}

/** How messages name a request: `READ of 4096 bytes at offset 0`. */
export function describeRequest(request: Request): string {
  const name = commandName(request.command);
  if (request.length === 0) return name;
  return `${name} of ${request.length} bytes at offset ${request.offset}`;
}
