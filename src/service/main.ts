/** The service: a process beside the editor, forked by the extension with `serialization: 'advanced'`. */
import { systemClock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import { hostHandlers } from './hosts.js';
import { labHandlers } from './lab.js';
import { runHandlers } from './runs.js';
import { ServiceServer, type Channel } from './server.js';
import type { ServiceCancel, ServiceRequest } from './types.js';
import { viewHandlers } from './view/index.js';

const channel: Channel = {
  // Where the extension is gone there is nobody to tell; `disconnect` ends this process.
  send: (message) => void process.send?.(message, () => undefined),
};
const logger: Logger = {
  log: (level, message) => channel.send({ log: { level, message } }),
};
const parts = { clock: systemClock, logger };
const server = new ServiceServer(channel, {
  ...hostHandlers(parts),
  ...labHandlers(),
  ...runHandlers(parts),
  ...viewHandlers({ ...parts, note: (note) => channel.send({ note }) }),
});
process.on('message', (message) => void server.take(message as ServiceRequest | ServiceCancel));
process.on('disconnect', () => {
  server.close();
  process.exit(0);
});
