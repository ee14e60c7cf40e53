/** A record of a journal as a line, and how large both may be (protocol/JOURNAL.md). */
import type { Clock } from '../../base/clock.js';
import { LimitError } from '../../base/errors.js';
import { maskSecrets } from './mask.js';
import type { JournalEntry } from './types.js';

/** The longest line of a journal, in bytes, its end included. */
export const longestJournalLine = 64 * 1024;

/** The largest a journal gets, in bytes; what puts things back may still be written after it. */
export const largestJournal = 16 * 1024 * 1024;

/**
 * One line of a journal, with its end, its secrets masked.
 * @throws LimitError when it would be longer than {@link longestJournalLine}.
 */
export function formatRecord(
  entry: JournalEntry,
  { clock, today, afterTorn }: { clock: Clock; today: () => Date; afterTorn: boolean },
): string {
  const head = {
    ...(afterTorn ? { afterTorn } : {}),
    at: today().toISOString(),
    monotonicMs: Math.round(clock.now() * 1000) / 1000,
  };
  const text = JSON.stringify({ ...head, ...(maskSecrets(entry) as JournalEntry) });
  const line = `${afterTorn ? '\n' : ''}${text}\n`;
  const length = Buffer.byteLength(line);
  if (length > longestJournalLine)
    throw new LimitError(
      `A record of the journal (${entry.type}) would have ${length} bytes, and a line has at most ${longestJournalLine}.`,
    );
  return line;
}
