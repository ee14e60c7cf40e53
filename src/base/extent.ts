/** Runs of bytes of a virtual disk, the common coin of all layers. */

/** A run of blocks: bytes `offset` to `offset + length` of the virtual disk. */
export interface Extent {
  /** In bytes, 0 or more, a safe integer. */
  readonly offset: number;
  /** In bytes, more than 0. */
  readonly length: number;
}

/** Is called for each extent in ascending order; large sets travel this way, without an object for each. */
export type ExtentVisitor = (offset: number, length: number) => void;
