/** What is said in words: texts that can be put into another language, and how a request failed. */
import type { ErrorKind } from '../../base/errors.js';

/** A text that can be put into another language: `{0}`, `{1}` … in it are replaced by `args`. */
export interface Text {
  readonly template: string;
  readonly args: readonly (string | number)[];
}

/** How a request failed. */
export interface Fault {
  readonly kind: ErrorKind | 'internal';
  readonly message: string;
  readonly hint?: string;
}
