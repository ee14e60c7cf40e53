/** What a simulated host is made of. */
import type { PayloadPiece } from '../nbd/types.js';

/**
 * The bytes of a disk or of an image file. What a guest wrote is kept as a version of each page and
 * made when it is read, so that memory is needed only in proportion to what was written.
 */
export interface Image {
  /** In bytes. */
  readonly size: number;
  /** The bytes of a range: holes as such where whole pages are holes, else data that stays as it is. */
  read(offset: number, length: number): readonly PayloadPiece[];
  /** Any bytes at any place; those that are a guest's content of their page are kept as a version. */
  write(offset: number, data: readonly Uint8Array[]): void;
  /** The guest's content: pages `first` to `first + count - 1` have this version, 1 to 2^32 - 4. */
  stamp(first: number, count: number, version: number): void;
  /** @param hole makes holes of whole pages; otherwise they are allocated and read as zeroes. */
  zero(offset: number, length: number, hole: boolean): void;
  /**
   * Visits runs from `offset` on, ascending and without gaps, with NBD_STATE_HOLE and
   * NBD_STATE_ZERO as flags; stops where `visit` returns false.
   */
  allocation(
    offset: number,
    length: number,
    visit: (offset: number, length: number, flags: number) => boolean,
  ): void;
  /** The first byte at which it differs from another image of the same size; undefined when equal. */
  firstDifference(other: Image): number | undefined;
}
