/** The door of the NBD protocol: a client and a server. */
export { connectNbd, connectNbdOver } from './connect.js';
export type { NbdConnectOptions, NbdDial, NbdOptions, NbdStreamOptions } from './connect.js';
export {
  BASE_ALLOCATION,
  NBD_EINVAL,
  NBD_EIO,
  NBD_ENOMEM,
  NBD_ENOSPC,
  NBD_ENOTSUP,
  NBD_EPERM,
  NBD_STATE_DIRTY,
  NBD_STATE_HOLE,
  NBD_STATE_ZERO,
  QEMU_DIRTY_BITMAP_PREFIX,
} from './protocol.js';
export { NbdServerError } from './server/errors.js';
export { NbdServer } from './server/server.js';
export type { NbdServerOptions } from './server/server.js';
export type { ExportStorage, ServedExport } from './server/types.js';
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
