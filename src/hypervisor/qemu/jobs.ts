/** QEMU's jobs (qapi/job.json): started, awaited, dismissed. */
import { QmpCommandError } from '../../base/errors.js';
import type { EventWaiter } from './qmp-events.js';
import type { JobStatus, QmpCommands } from './schema.js';
import { cleanUpTimeoutMs } from './session.js';
import type { QemuSession } from './session.js';

type JobEvent = EventWaiter<'JOB_STATUS_CHANGE'>;

/** Opens a wait for one of `statuses`; before the command that leads to it. */
export function expectJob(
  session: QemuSession,
  id: string,
  statuses: readonly JobStatus[],
  options: { readonly signal?: AbortSignal | undefined; readonly timeoutMs?: number } = {},
): JobEvent {
  return session.qmp.expect(
    'JOB_STATUS_CHANGE',
    (data) => data.id === id && statuses.includes(data.status),
    options,
  );
}

/** Reads why a concluded job failed, if it did, and dismisses it. */
export async function dismissJob(
  session: QemuSession,
  run: string,
  id: string,
): Promise<string | undefined> {
  const job = (await session.qmp.execute('query-jobs', {})).find((other) => other.id === id);
  await session.remove(run, 'job-dismiss', { id });
  return job?.error;
}

/**
 * Makes an image and waits until it is made. No job is left when it throws, if QEMU can be reached.
 * @throws QmpCommandError with the job's own error when it can't be made.
 */
export async function createImage(
  session: QemuSession,
  run: string,
  options: QmpCommands['blockdev-create']['arguments']['options'],
): Promise<void> {
  const id = session.newName(run, 'create');
  const concluded = expectJob(session, id, ['concluded']);
  try {
    await session.change(run, 'blockdev-create', { 'job-id': id, options });
    await concluded.data;
    const error = await dismissJob(session, run, id);
    if (error !== undefined) throw new QmpCommandError('blockdev-create', 'GenericError', error);
  } catch (error) {
    concluded.cancel();
    await session.undoIfLost(error, `job ${id}`, () => cancelJob(session, run, id));
    throw error;
  }
}

/** Ends a job, whatever its state, and dismisses it; content when there is no such job. */
export async function cancelJob(session: QemuSession, run: string, id: string): Promise<void> {
  const options = { timeoutMs: cleanUpTimeoutMs };
  const jobs = await session.qmp.execute('query-jobs', {}, options);
  const job = jobs.find((other) => other.id === id);
  if (!job) return;
  if (job.status !== 'concluded') {
    const concluded = expectJob(session, id, ['concluded', 'null'], options);
    try {
      await session.change(run, 'job-cancel', { id }, { ...options, undoes: true });
    } catch (error) {
      concluded.cancel();
      throw error;
    }
    await concluded.data;
  }
  await session.remove(run, 'job-dismiss', { id });
}
