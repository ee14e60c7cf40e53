/** Bytes as a server sends them, written down independently of the client's own code. */

export const u16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
};

export const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

export const u64 = (value: number | bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
};

export const join = (...parts: readonly (Uint8Array | string)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));

/** "Newstyle negotiation": fixed newstyle and NO_ZEROES unless told otherwise. */
export const greeting = (flags = 3): Buffer => join('NBDMAGIC', 'IHAVEOPT', u16(flags));

export const optionReply = (option: number, type: number, data: Uint8Array | string = ''): Buffer =>
  join(u64(0x3e889045565a9n), u32(option), u32(type), u32(join(data).length), data);

export const simpleReply = (
  cookie: number | bigint,
  error = 0,
  data: Uint8Array = Buffer.alloc(0),
) => join(u32(0x67446698), u32(error), u64(cookie), data);

export const chunk = (
  cookie: number | bigint,
  type: number,
  done: boolean,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer =>
  join(u32(0x668e33ef), u16(done ? 1 : 0), u16(type), u64(cookie), u32(payload.length), payload);

export const dataChunk = (
  cookie: number,
  done: boolean,
  offset: number,
  data: Uint8Array,
): Buffer => chunk(cookie, 1, done, join(u64(offset), data));

export const holeChunk = (cookie: number, done: boolean, offset: number, length: number): Buffer =>
  chunk(cookie, 2, done, join(u64(offset), u32(length)));

export const statusChunk = (
  cookie: number,
  done: boolean,
  context: number,
  extents: readonly (readonly [length: number, flags: number])[],
): Buffer =>
  chunk(
    cookie,
    5,
    done,
    join(u32(context), ...extents.flatMap(([length, flags]) => [u32(length), u32(flags)])),
  );

export const errorChunk = (cookie: number, done: boolean, error: number, text = ''): Buffer =>
  chunk(cookie, 0x8001, done, join(u32(error), u16(Buffer.byteLength(text)), text));

export const errorOffsetChunk = (
  cookie: number,
  done: boolean,
  error: number,
  offset: number,
  text = '',
): Buffer =>
  chunk(cookie, 0x8002, done, join(u32(error), u16(Buffer.byteLength(text)), text, u64(offset)));

/** "NBD_INFO_EXPORT" in an `NBD_REP_INFO`. */
export const infoExport = (size: number | bigint, flags: number): Buffer =>
  join(u16(0), u64(size), u16(flags));

/** "NBD_INFO_BLOCK_SIZE" in an `NBD_REP_INFO`. */
export const infoBlockSize = (minimum: number, preferred: number, maximum: number): Buffer =>
  join(u16(3), u32(minimum), u32(preferred), u32(maximum));

/** Bytes that differ at each offset of a disk. */
export const pattern = (offset: number, length: number): Buffer => {
  const bytes = Buffer.alloc(length);
  for (let index = 0; index < length; index++) bytes[index] = ((offset + index) * 31) % 251;
  return bytes;
};
