/** The door of the QMP server. */
export { command, commandOf, commandTable } from './commands.js';
export type { Answer, QmpCommand } from './commands.js';
export type { JsonObject, JsonValue } from './json-value.js';
export { MOST_UNREAD, MOST_WAITING, QmpMonitor } from './monitor.js';
export type { MonitorOptions } from './monitor.js';
export { refusal } from './refusal.js';
