/**
 * Every error that Migrascope raises on purpose, in one tree.
 *
 *   MigrascopeError
 *   ├── UsageError               what was asked for cannot be: an argument, a name, a file
 *   │   ├── DescriptionError     a file that a person wrote is wrong; where and how
 *   │   └── NoSpaceError         the disk of a simulated guest is full (src/simulator/workload)
 *   ├── CancelledError           somebody cancelled
 *   ├── ConnectError             a connection could not be made
 *   │   └── MonitorBusyError     another client holds this monitor
 *   ├── ConnectionLostError      a connection ended while something waited on it
 *   ├── TimeoutError             the peer did not answer within the stated time
 *   ├── ProtocolError            a peer broke its protocol; the message names the offence
 *   ├── LimitError               a stated bound (length, size, count) would be passed
 *   ├── QmpCommandError          QEMU refused a command (class and description as QEMU gave them)
 *   ├── NbdOptionError           an NBD server refused an option during the handshake
 *   ├── NbdCommandError          an NBD server failed a command (its error number)
 *   │   └── NbdServerError       a storage behind our own server fails one (src/nbd/server)
 *   ├── HypervisorError          the hypervisor is not in the state that the action needs
 *   ├── DestinationError         the destination cannot take the disk, or failed while it did
 *   ├── ProbeError               the guest's probe failed or refused
 *   ├── GuestError               the guest did what ends a migration (powered off, resumed by another)
 *   ├── VerificationError        source and destination differ; names the extents
 *   ├── NotConvergedError        the limit of rounds was reached before the rest fitted
 *   ├── JournalError             the run's journal can't be written or read
 *   ├── LeaseError               the guardian is not there, or has let the guest go on already
 *   ├── PluginError              a plugin can't be started, is at fault, or was given up
 *   ├── LabError                 the lab could not be built, started or stopped
 *   └── ToldError                any of these, as another process of Migrascope told it
 *
 * A message names what was attempted, on what, and, as `hint`, what to do about it.
 */

const KINDS = [
  'usage',
  'cancelled',
  'connect',
  'monitor-busy',
  'connection-lost',
  'timeout',
  'protocol',
  'limit',
  'qmp-command',
  'nbd-option',
  'nbd-command',
  'hypervisor',
  'destination',
  'probe',
  'guest',
  'verification',
  'not-converged',
  'journal',
  'lease',
  'plugin',
  'lab',
] as const;

/** The kinds of error, one for each class of the tree; stable, for programs. */
export type ErrorKind = (typeof KINDS)[number];

/** Whether it is a kind of error. */
export function isErrorKind(kind: string): kind is ErrorKind {
  return KINDS.some((known) => known === kind);
}

/** What an error carries beside its message. */
export interface ErrorDetails {
  /** The error below this one, if any. */
  readonly cause?: unknown;
  /** What the person can do about it, as a sentence. */
  readonly hint?: string;
}

/** Root of the tree. */
export abstract class MigrascopeError extends Error {
  abstract readonly kind: ErrorKind;
  /** What the person can do about it, as a sentence. */
  readonly hint: string | undefined;

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.hint = details.hint;
  }
}

export class UsageError extends MigrascopeError {
  readonly kind = 'usage';
}

/** Something that is wrong in a file that a person wrote; line and column count from 1. */
export interface DescriptionProblem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export class DescriptionError extends UsageError {
  constructor(
    /** What is described, with its article: `The workload`. */
    subject: string,
    /** The file, as the person named it. */
    readonly source: string,
    /** In the order of the file; at least one. */
    readonly problems: readonly DescriptionProblem[],
    details: ErrorDetails = {},
  ) {
    const lines = problems.map(
      ({ line, column, message }) => `${source}:${line}:${column}: ${message}`,
    );
    super([`${subject} ${source} can't be used:`, ...lines].join('\n'), details);
  }
}

export class CancelledError extends MigrascopeError {
  readonly kind = 'cancelled';
}

export class ConnectError extends MigrascopeError {
  readonly kind: 'connect' | 'monitor-busy' = 'connect';
}

export class MonitorBusyError extends ConnectError {
  override readonly kind = 'monitor-busy';
}

export class ConnectionLostError extends MigrascopeError {
  readonly kind = 'connection-lost';
}

export class TimeoutError extends MigrascopeError {
  readonly kind = 'timeout';
}

export class ProtocolError extends MigrascopeError {
  readonly kind = 'protocol';
}

export class LimitError extends MigrascopeError {
  readonly kind = 'limit';
}

/** An error that another process of Migrascope told of. */
export class ToldError extends MigrascopeError {
  constructor(
    readonly kind: ErrorKind,
    message: string,
    details: ErrorDetails = {},
  ) {
    super(message, details);
  }
}

/** QEMU's error classes (QAPI schema, `QapiErrorClass`). */
export type QapiErrorClass =
  'GenericError' | 'CommandNotFound' | 'DeviceNotActive' | 'DeviceNotFound' | 'KVMMissingCap';

export class QmpCommandError extends MigrascopeError {
  readonly kind = 'qmp-command';

  constructor(
    /** The command as sent, e.g. `block-export-add`. */
    readonly command: string,
    readonly errorClass: QapiErrorClass,
    /** QEMU's own description. */
    readonly description: string,
    details: ErrorDetails = {},
  ) {
    super(`QEMU refused ${command}: ${description}`, details);
  }
}

export class NbdOptionError extends MigrascopeError {
  readonly kind = 'nbd-option';

  constructor(
    message: string,
    /** The reply type of the refusal (NBD specification, "Option reply types"). */
    readonly replyType: number,
    details: ErrorDetails = {},
  ) {
    super(message, details);
  }
}

export class NbdCommandError extends MigrascopeError {
  readonly kind = 'nbd-command';

  constructor(
    message: string,
    /** The error number of the reply (NBD specification, "Error values"). */
    readonly errno: number,
    details: ErrorDetails = {},
  ) {
    super(message, details);
  }
}

export class HypervisorError extends MigrascopeError {
  readonly kind = 'hypervisor';
}

export class DestinationError extends MigrascopeError {
  readonly kind = 'destination';
}

export class ProbeError extends MigrascopeError {
  readonly kind = 'probe';
}

export class GuestError extends MigrascopeError {
  readonly kind = 'guest';
}

export class VerificationError extends MigrascopeError {
  readonly kind = 'verification';

  constructor(
    message: string,
    /** Where source and destination differ, in bytes of the virtual disk. */
    readonly extents: readonly { readonly offset: number; readonly length: number }[],
    details: ErrorDetails = {},
  ) {
    super(message, details);
  }
}

export class NotConvergedError extends MigrascopeError {
  readonly kind = 'not-converged';
}

export class JournalError extends MigrascopeError {
  readonly kind = 'journal';
}

export class LeaseError extends MigrascopeError {
  readonly kind = 'lease';
}

export class PluginError extends MigrascopeError {
  readonly kind = 'plugin';
}

export class LabError extends MigrascopeError {
  readonly kind = 'lab';
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
