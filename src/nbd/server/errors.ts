/** How a storage says by which error a command fails. */
import { NbdCommandError } from '../../base/errors.js';

/** Fails a command; the client is told the number (one of the specification's) and the message. */
export class NbdServerError extends NbdCommandError {}
