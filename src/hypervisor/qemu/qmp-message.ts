/** The messages of a QMP server (QMP specification, 2.2 "Server Greeting" to 2.5 "Asynchronous events"). */
import { ProtocolError } from '../../base/errors.js';
import type { QapiErrorClass } from '../../base/errors.js';
import type { VersionInfo } from './schema.js';

export type QmpMessage =
  | { readonly type: 'greeting'; readonly version: VersionInfo }
  | { readonly type: 'return'; readonly id: unknown; readonly value: unknown }
  | {
      readonly type: 'error';
      readonly id: unknown;
      readonly errorClass: QapiErrorClass;
      readonly description: string;
    }
  | { readonly type: 'event'; readonly event: string; readonly data: unknown };

type Members = Readonly<Record<string, unknown>>;

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Reads one line.
 * @param name of the peer, for errors.
 * @throws ProtocolError when the line is none of a server's messages.
 */
export function parseMessage(line: string, name: string): QmpMessage {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new ProtocolError(`${name} sent what is not JSON: ${excerpt(line)}`, { cause: error });
  }
  const message = isMembers(value) ? readMembers(value) : undefined;
  if (!message) throw new ProtocolError(`${name} sent no message of QMP: ${excerpt(line)}`);
  return message;
}

function readMembers(value: Members): QmpMessage | undefined {
  if (isMembers(value['QMP'])) return readGreeting(value['QMP']);
  if (typeof value['event'] === 'string') {
    return { type: 'event', event: value['event'], data: value['data'] ?? {} };
  }
  if ('return' in value) return { type: 'return', id: value['id'], value: value['return'] };
  const error = value['error'];
  if (!isMembers(error)) return undefined;
  if (typeof error['class'] !== 'string' || typeof error['desc'] !== 'string') return undefined;
  return {
    type: 'error',
    id: value['id'],
    errorClass: error['class'] as QapiErrorClass,
    description: error['desc'],
  };
}

function readGreeting(members: Members): QmpMessage | undefined {
  const version = members['version'];
  if (!isMembers(version) || !isMembers(version['qemu'])) return undefined;
  const { major, minor, micro } = version['qemu'];
  if (typeof major !== 'number' || typeof minor !== 'number' || typeof micro !== 'number') {
    return undefined;
  }
  const packaged = typeof version['package'] === 'string' ? version['package'] : '';
  return { type: 'greeting', version: { qemu: { major, minor, micro }, package: packaged } };
}

/** The beginning of what a peer sent, fit for an error's message. */
export function excerpt(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

/** An id as a peer sent it, fit for an error's message: what is in an object may be too deep to write. */
export function describeId(id: unknown): string {
  if (typeof id === 'string') return excerpt(id);
  if (typeof id !== 'object' || id === null) return String(id);
  return Array.isArray(id) ? '[…]' : '{…}';
}
