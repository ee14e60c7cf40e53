/** The door of the plugin protocol's host side. */
export { COMPACT_FROM, decodeCompact, encodeCompact } from './compact.js';
export type * from './messages.generated.js';
