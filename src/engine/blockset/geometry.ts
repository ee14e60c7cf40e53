/** How a virtual disk is cut into blocks. */
import { UsageError } from '../../base/errors.js';

/** A virtual disk cut into blocks of equal size, of which the last may be partial. */
export interface BlockGeometry {
  /** Bytes of a block: a power of two, 512 or more. */
  readonly granularity: number;
  /** Bytes of the virtual disk: 0 or more, a safe integer. */
  readonly size: number;
}

/** @throws UsageError when the numbers are not in the ranges that `BlockGeometry` states. */
export function blockGeometry(granularity: number, size: number): BlockGeometry {
  const powerOfTwo = Number.isSafeInteger(granularity) && Number.isInteger(Math.log2(granularity));
  if (!powerOfTwo || granularity < 512)
    throw new UsageError(`A granularity of ${granularity} bytes cannot be.`, {
      hint: 'Use a power of two, 512 or more.',
    });
  if (!Number.isSafeInteger(size) || size < 0)
    throw new UsageError(`A disk of ${size} bytes cannot be cut into blocks.`, {
      hint: 'Use a size of 0 or more bytes, below 2^53.',
    });
  return { granularity, size };
}

/** How many blocks the disk has, a partial last one included. */
export function blockCount({ granularity, size }: BlockGeometry): number {
  return Math.ceil(size / granularity);
}

/** How many bytes the last block lacks to be whole: 0 when it is whole. */
export function lastBlockShortfall(geometry: BlockGeometry): number {
  return blockCount(geometry) * geometry.granularity - geometry.size;
}
