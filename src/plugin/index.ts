/** The door of the plugin protocol's host side. */
export { PluginChannel, PluginFault, RefusedRequest, type ChannelListener } from './channel.js';
export { COMPACT_FROM, decodeCompact, encodeCompact } from './compact.js';
export { MOST_FAULTS, PluginHost } from './host.js';
export {
  findPlugins,
  MANIFEST,
  parseManifest,
  pluginCalled,
  readManifest,
  type FoundPlugin,
  type PluginPlaces,
} from './manifest.js';
export * from './methods.js';
export { PluginObserver, type ObserverParts } from './observer.js';
export { fingerprintOf, processStarter } from './process.js';
export { PluginSession, type PluginParts } from './session.js';
export { offenceAgainst } from './validate.js';
export type * from './types.js';
export type * from './messages.generated.js';
