/** The door of the NBD client. */
export { connectNbd, connectNbdOver } from './connect.js';
export type { NbdConnectOptions, NbdDial, NbdOptions, NbdStreamOptions } from './connect.js';
export {
  BASE_ALLOCATION,
  NBD_STATE_DIRTY,
  NBD_STATE_HOLE,
  NBD_STATE_ZERO,
  QEMU_DIRTY_BITMAP_PREFIX,
} from './protocol.js';
export { SlabPool } from './slab.js';
export type {
  CommandOptions,
  ExportInfo,
  NbdConnection,
  Payload,
  PayloadPiece,
  ReadOptions,
  StatusVisitor,
} from './types.js';
export { formatNbdUri, parseNbdUri } from './uri.js';
export type { NbdAddress } from './uri.js';
