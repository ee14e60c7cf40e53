/** What is fuzzed: a reader, what it is given, and what must hold of it whatever it is given. */
import { MigrascopeError } from '../../../src/base/errors.js';
import { RequestError } from '../../../src/engine/control/messages.js';
import type { Random } from '../../unit/support/random.js';
import type { FuzzInput } from './input.js';

/** `taken`, or the kind of the error by which the reader refused. */
export type Verdict = string;

export const TAKEN: Verdict = 'taken';

export interface FuzzTarget {
  readonly name: string;
  /** What is read, for `--help`. */
  readonly about: string;
  /** Of all inputs, in comparison with the other targets; what reads faster gets more. */
  readonly share: number;
  /** Makes an input; the same for the same `random`. */
  make(random: Random): FuzzInput;
  /**
   * Has the reader read it.
   * @throws Violation, or anything else, when the reader does what it must not.
   */
  read(input: FuzzInput): Verdict | Promise<Verdict>;
}

/** A reader did what it must not. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/**
 * The kind of an error that a reader may raise.
 * @throws Violation when it is of no such kind.
 */
export function kindOf(error: unknown): string {
  if (error instanceof MigrascopeError) return error.kind;
  if (error instanceof RequestError) return `request ${error.code}`;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  throw new Violation(`An error that is not of src/base/errors.ts: ${text}`, { cause: error });
}

/** The verdict on something that is read at once. */
export function verdictOf(read: () => void): Verdict {
  try {
    read();
    return TAKEN;
  } catch (error) {
    if (error instanceof Violation) throw error;
    return kindOf(error);
  }
}

/** @throws Violation unless `holds`. */
export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Violation(what);
}
