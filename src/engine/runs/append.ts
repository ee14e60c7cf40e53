/** Adds records to the journal of a run from beside it: its guardian, or who finds it dead. */
import { constants, open } from 'node:fs/promises';
import type { Clock } from '../../base/clock.js';
import { JournalError, messageOf } from '../../base/errors.js';
import { formatRecord } from './record.js';
import type { JournalEntry } from './types.js';

/**
 * One line at the end of a journal that is there; it is on the disk when this resolves.
 * @throws JournalError when it can't be written.
 */
export async function appendToJournal(
  path: string,
  entry: JournalEntry,
  times: { readonly clock: Clock; readonly today: () => Date },
): Promise<void> {
  try {
    const file = await open(path, constants.O_RDWR | constants.O_APPEND);
    try {
      const { size } = await file.stat();
      const last = Buffer.alloc(1);
      if (size > 0) await file.read(last, 0, 1, size - 1);
      const afterTorn = size > 0 && last.toString() !== '\n';
      await file.writeFile(formatRecord(entry, { ...times, afterTorn }));
      await file.datasync();
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new JournalError(`The journal ${path} can't be written: ${messageOf(error)}`, {
      cause: error,
      hint: 'Make room there, then try again.',
    });
  }
}
