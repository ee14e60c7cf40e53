/** The control socket of a run: the server in its engine process, and a controller's client. */
export { ControlClient, type ControlListener, type RunEnd } from './client.js';
export { EventLog } from './event-log.js';
export { errorOf, faultOf, LONGEST_REQUEST, parseRequest, RequestError } from './messages.js';
export type { ControlFault, ControlMessage, ControlState } from './messages.js';
export { ControlServer, type ControlServerOptions, type FollowedEvents } from './server.js';
export { Steering, type SteeringCommand, type SteeringOptions } from './steering.js';
