/** What a QMP server refuses with: one of QEMU's error classes, and QEMU's words. */
import { QmpCommandError } from '../../base/errors.js';
import type { QapiErrorClass } from '../../base/errors.js';

/**
 * An error to throw from a command; its description is what the client gets.
 * @param description as QEMU words it.
 */
export function refusal(
  description: string,
  errorClass: QapiErrorClass = 'GenericError',
): QmpCommandError {
  return new QmpCommandError('a command', errorClass, description);
}
