/** Deletes what is kept of runs that ended in order. */
import { rm } from 'node:fs/promises';
import { messageOf, UsageError } from '../../base/errors.js';
import { isHeld, runStatus } from './status.js';
import type { RunFolder } from './types.js';

/**
 * Deletes a run's folder: its journal, its events and its log.
 * @throws UsageError when the run did not end, left something behind or is being shown still, or when
 * the folder can't be deleted; CancelledError when `signal` aborts.
 */
export async function forgetRun(folder: RunFolder, signal?: AbortSignal): Promise<void> {
  const { run } = folder;
  const { state, reason, end } = await runStatus(folder, signal);
  if (!end || end.leftBehind.length > 0)
    throw new UsageError(`The run ${run} is not forgotten, since it is ${state}: ${reason}`, {
      hint: '`migrascope recover` puts right what a run left.',
    });
  if (await isHeld(folder, signal))
    throw new UsageError(`The run ${run} is not forgotten, since its process still tells of it.`, {
      hint: 'Try again in some seconds.',
    });
  try {
    await rm(folder.path, { recursive: true });
  } catch (error) {
    throw new UsageError(`The folder ${folder.path} can't be deleted: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
