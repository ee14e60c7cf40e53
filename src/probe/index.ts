/** The door of the probe: how the host talks to the program in the guest that sees its page cache. */
export { connectProbe, formatProbeAddress, type ProbeOptions } from './connect.js';
export { defaultTimeouts, type ProbeTimeouts } from './client.js';
export type * from './types.js';
export { GuestAgent, type GuestAgentOptions, type GuestExit } from './guest-agent.js';
export { uploadProbe, type UploadOptions } from './upload.js';
