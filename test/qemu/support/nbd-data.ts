/** Disk content for NBD tests. */
import type { NbdConnection, Payload } from '../../../src/nbd/index.js';

/** Bytes that differ at each offset, and are never zero. */
export function pattern(offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let index = 0; index < length; index++) bytes[index] = 1 + (((offset + index) * 31) % 251);
  return bytes;
}

/** A payload's bytes with holes as zeroes; releases it. */
export function take(payload: Payload): Buffer {
  const bytes = Buffer.concat(
    payload.pieces.map((piece) => (piece.hole ? Buffer.alloc(piece.length) : piece.data)),
  );
  payload.release();
  return bytes;
}

/** Reads a range as plain bytes. */
export async function readBytes(
  connection: NbdConnection,
  offset: number,
  length: number,
): Promise<Buffer> {
  return take(await connection.read(offset, length));
}

/** All extents of a meta context as `[offset, length, flags]`. */
export async function statusOf(
  connection: NbdConnection,
  context: string,
  offset = 0,
  length = connection.info.size,
): Promise<[number, number, number][]> {
  const extents: [number, number, number][] = [];
  await connection.blockStatus(context, offset, length, (...extent) => extents.push(extent));
  return extents;
}

/** An error with what the classes of src/base/errors.ts carry. */
export interface Rejection extends Error {
  readonly kind?: string;
  readonly hint?: string;
  readonly errno?: number;
  readonly replyType?: number;
}

/** What a promise rejected with; fails when it did not. */
export async function rejection(promise: Promise<unknown>): Promise<Rejection> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (outcome instanceof Error) return outcome;
  throw new Error('The promise did not reject.');
}

/** What each of the promises rejected with; heard from the start. */
export function rejections(promises: readonly Promise<unknown>[]): Promise<Rejection[]> {
  return Promise.all(promises.map(rejection));
}
