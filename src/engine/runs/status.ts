/** How a run stands: looked at from beside it, nothing is changed. */
import { connect } from 'node:net';
import { cancellable } from '../../base/cancel.js';
import { messageOf } from '../../base/errors.js';
import { processLives } from './process.js';
import { readJournal } from './read-journal.js';
import type { JournalRecord, ProcessIdentity, RunFolder, RunStatus } from './types.js';

/**
 * Looks at a run. Dead is only said of one whose control socket nobody holds (the kernel closes it
 * with its process, and not before) and whose recorded process is not there any more.
 * @throws CancelledError when `signal` aborts.
 */
export async function runStatus(folder: RunFolder, signal?: AbortSignal): Promise<RunStatus> {
  const what = `Looking at the run ${folder.run}`;
  const records = await cancellable(readRecords(folder), signal, what);
  const { run } = folder;
  const found = factsOf(records);
  if (found.end) return { run, state: 'ended', reason: howItEnded(found.end), ...found };
  const socket = await cancellable(knock(folder.controlSocket), signal, what);
  if (socket === 'held')
    return {
      run,
      state: 'running',
      reason: 'Its engine process holds its control socket.',
      ...found,
    };
  if (socket !== 'free')
    return {
      run,
      state: 'unknown',
      reason: `Its control socket can't be asked: ${socket}.`,
      ...found,
    };
  if (typeof records === 'string') return { run, state: 'unknown', reason: records };
  if (!found.begin)
    return { run, state: 'unknown', reason: 'Its journal does not name its process.', ...found };
  const owners = ownersOf(records);
  const lives = await cancellable(Promise.all(owners.map(processLives)), signal, what);
  const at = lives.findLastIndex((life) => life !== 'dead');
  const process = owners[at];
  const life = lives[at];
  if (!process) return deadOrEnded(folder);
  const where = `Its process ${process.pid}`;
  const reason =
    life === 'alive'
      ? `${where} lives, but does not listen: it begins, or ends.`
      : `${where} ran on ${process.machine}, or where it can't be seen from here.`;
  return { run, state: 'unknown', reason, ...found };
}

/** Of a run whose process is gone: it may have ended in order since its journal was read. */
async function deadOrEnded(folder: RunFolder): Promise<RunStatus> {
  const { run } = folder;
  const records = await readRecords(folder);
  const found = factsOf(records);
  if (found.end) return { run, state: 'ended', reason: howItEnded(found.end), ...found };
  if (typeof records === 'string') return { run, state: 'unknown', reason: records };
  const reason = `Its process ${found.owner?.pid} is gone, and nobody holds its control socket.`;
  return { run, state: 'dead', reason, ...found };
}

/** Or why there are none. */
async function readRecords({ journal }: RunFolder): Promise<JournalRecord[] | string> {
  return readJournal(journal).catch((error: unknown) => messageOf(error));
}

/** The processes that own the run or did; one of them at a time. */
function ownersOf(records: readonly JournalRecord[]): readonly ProcessIdentity[] {
  return records.flatMap((record) =>
    record.type === 'begin' || record.type === 'taken-over' ? [record.process] : [],
  );
}

function factsOf(
  records: JournalRecord[] | string,
): Pick<RunStatus, 'begin' | 'owner' | 'end' | 'last'> {
  if (typeof records === 'string') return {};
  const owner = ownersOf(records).at(-1);
  const begin = records.find((record) => record.type === 'begin');
  const end = records.find((record) => record.type === 'end');
  const last = records.at(-1);
  return {
    ...(begin ? { begin } : {}),
    ...(owner ? { owner } : {}),
    ...(end ? { end } : {}),
    ...(last ? { last } : {}),
  };
}

function howItEnded({ outcome, error, leftBehind }: NonNullable<RunStatus['end']>): string {
  const why = error ? `: ${error.message}` : '.';
  const left = leftBehind.length > 0 ? ` Not put back: ${leftBehind.join('; ')}` : '';
  return `It ended as ${outcome}${why}${left}`;
}

/** Whether a process holds the run's control socket. @throws CancelledError when `signal` aborts. */
export async function isHeld(folder: RunFolder, signal?: AbortSignal): Promise<boolean> {
  const what = `Looking at the run ${folder.run}`;
  return (await cancellable(knock(folder.controlSocket), signal, what)) !== 'free';
}

/** Whether somebody listens; a stopped process does, too. What can't be told is said in words. */
function knock(path: string): Promise<'held' | 'free' | (string & {})> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve('held');
    });
    socket.once('error', (error) => {
      socket.destroy();
      const code = 'code' in error ? String(error.code) : '';
      if (code === 'ECONNREFUSED' || code === 'ENOENT') resolve('free');
      // The queue of those who wait to be accepted is full: somebody does listen.
      else if (code === 'EAGAIN') resolve('held');
      else resolve(messageOf(error));
    });
  });
}
