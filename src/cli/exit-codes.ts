/** Exit codes of the command: the one table that `--help`, docs/command.md and the program share. */
import { MigrascopeError, type ErrorKind } from '../base/errors.js';
import type { SummaryEvent } from '../engine/index.js';

export const EXIT = {
  completed: 0,
  failed: 1,
  usage: 2,
  notConverged: 3,
  different: 4,
  unreachable: 5,
  guestUncertain: 6,
  leftToRecover: 7,
  cancelled: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What each code means, in words. */
export const EXIT_CODES: readonly { readonly code: ExitCode; readonly meaning: string }[] = [
  { code: EXIT.completed, meaning: 'completed: what was asked for is done' },
  { code: EXIT.failed, meaning: 'failed; a guest that was being moved is on its source as before' },
  {
    code: EXIT.usage,
    meaning: 'wrong usage: an option, a name or a file cannot be what was given',
  },
  {
    code: EXIT.notConverged,
    meaning: 'did not converge within the limits; the guest is on its source',
  },
  {
    code: EXIT.different,
    meaning: 'verification found a difference; the guest is on its source',
  },
  { code: EXIT.unreachable, meaning: 'could not connect: nothing was begun' },
  {
    code: EXIT.guestUncertain,
    meaning: 'failed, and the guest is not known to be on its source: look at it',
  },
  {
    code: EXIT.leftToRecover,
    meaning: 'recover: something is left, since nobody agreed to it or it could not be done',
  },
  {
    code: EXIT.cancelled,
    meaning: 'cancelled, by Ctrl-C or another way; the guest is on its source',
  },
];

/** The table as lines for `--help`. */
export function exitCodeHelp(): string {
  const lines = EXIT_CODES.map(({ code, meaning }) => `  ${String(code).padStart(3)}  ${meaning}`);
  return ['Exit codes:', ...lines].join('\n');
}

const BY_KIND: Partial<Record<ErrorKind, ExitCode>> = {
  usage: EXIT.usage,
  'not-converged': EXIT.notConverged,
  verification: EXIT.different,
  connect: EXIT.unreachable,
  'monitor-busy': EXIT.unreachable,
  cancelled: EXIT.cancelled,
};

/** The code for an error that ended a command. */
export function exitCodeOfError(error: unknown): ExitCode {
  return (error instanceof MigrascopeError && BY_KIND[error.kind]) || EXIT.failed;
}

/** The code for how a migration ended. */
export function exitCodeOfRun(summary: SummaryEvent, error: unknown): ExitCode {
  if (summary.outcome === 'completed') return EXIT.completed;
  const begun = summary.rounds > 0 || summary.sentBytes > 0;
  const lost = begun && (summary.guest === 'gone' || summary.guest === 'unknown');
  if (lost || summary.switchedOver) return EXIT.guestUncertain;
  if (error !== undefined) return exitCodeOfError(error);
  return summary.outcome === 'cancelled' ? EXIT.cancelled : EXIT.failed;
}
