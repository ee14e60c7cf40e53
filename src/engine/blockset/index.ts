/** The door of the block sets. */
export { BlockSet, MAX_BLOCKS, type RunVisitor } from './block-set.js';
export { BlockSetBuilder } from './builder.js';
export { blockCount, blockGeometry, type BlockGeometry } from './geometry.js';
export { decodeRuns, encodeRuns, type RunLimits } from './run-length.js';
