/**
 * How a controller reads what an engine process says: as far as its own code relies on it. Each
 * function throws a ProtocolError that names the offence.
 */
import { ProtocolError } from '../../base/errors.js';
import type { MigrationEvent } from '../events.js';
import { errorOf, type ControlFault, type ControlState, type EndedNote } from './messages.js';

export type Message = Readonly<Record<string, unknown>>;

/** One line. */
export function readMessage(line: string): Message {
  try {
    return asObject(JSON.parse(line), 'it');
  } catch (error) {
    if (error instanceof ProtocolError) throw error;
    throw offence(error instanceof Error ? error.message : String(error), error);
  }
}

/** The result of `state` and `attach`. */
export function readState(result: unknown): ControlState {
  const state = asObject(result, 'a state');
  if (typeof state['protocol'] !== 'number') throw offence('a state names no protocol');
  return state as unknown as ControlState;
}

/** The params of `event`. */
export function readEvent(params: unknown): MigrationEvent {
  const event = asObject(params, 'an event');
  if (typeof event['type'] !== 'string') throw offence('an event has no type');
  return event as unknown as MigrationEvent;
}

/** The params of `log`: its text. */
export function readLog(params: unknown): string {
  return asText(asObject(params, 'a warning')['message'], 'a warning');
}

/** The params of `ended`. */
export function readEnd(params: unknown): EndedNote['params'] {
  const { summary, error } = asObject(params, 'the end');
  return {
    ...(summary === undefined ? {} : { summary: asObject(summary, 'a summary') }),
    ...(error === undefined ? {} : { error: readFault(error) }),
  };
}

/** The `error` of a reply: why it was refused, and as which error. */
export function readRefusal(error: unknown): { readonly message: string; readonly error: Error } {
  const refusal = asObject(error, 'an error');
  const message = asText(refusal['message'], 'an error');
  if (refusal['data'] !== undefined) return { message, error: errorOf(readFault(refusal['data'])) };
  return { message, error: new ProtocolError(`The engine process refuses: ${message}`) };
}

function readFault(value: unknown): ControlFault {
  const { kind, message, hint, stack } = asObject(value, 'an error');
  return {
    kind: asText(kind, 'the kind of an error'),
    message: asText(message, 'an error'),
    ...(hint === undefined ? {} : { hint: asText(hint, 'a hint') }),
    ...(stack === undefined ? {} : { stack: asText(stack, 'a stack') }),
  };
}

function asObject(value: unknown, what: string): Message {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Message;
  throw offence(`${what} is no object`);
}

function asText(value: unknown, what: string): string {
  if (typeof value === 'string') return value;
  throw offence(`${what} has no text`);
}

function offence(what: string, cause?: unknown): ProtocolError {
  return new ProtocolError(`A message of the engine process can't be read: ${what}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'Use the Migrascope that started the run.',
  });
}
