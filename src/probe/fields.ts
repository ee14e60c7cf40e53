/** Takes typed fields out of a message; every refusal names the field. Fields that are not asked for are ignored. */
import { ProtocolError } from '../base/errors.js';

export type Message = Readonly<Record<string, unknown>>;

function refuse(what: string, expected: string): never {
  throw new ProtocolError(`The guest's probe sent ${what} that is not ${expected}.`);
}

export function asObject(value: unknown, what: string): Message {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Message;
  return refuse(what, 'an object');
}

export function asArray(value: unknown, what: string): readonly unknown[] {
  return Array.isArray(value) ? value : refuse(what, 'an array');
}

export function asText(value: unknown, what: string): string {
  return typeof value === 'string' ? value : refuse(what, 'a string');
}

/** A whole number from 0 up to what a double holds exactly. */
export function asCount(value: unknown, what: string): number {
  return Number.isSafeInteger(value) && (value as number) >= 0
    ? (value as number)
    : refuse(what, 'a whole number of 0 or more');
}

/** A whole number of 0 or more; above 2^53 it is rounded, which is good enough to tell it to people. */
export function asIdentifier(value: unknown, what: string): number {
  return Number.isInteger(value) && (value as number) >= 0
    ? (value as number)
    : refuse(what, 'a whole number of 0 or more');
}

export function asOptionalText(value: unknown, what: string): string | undefined {
  return value === undefined ? undefined : asText(value, what);
}
