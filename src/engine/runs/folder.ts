/** The folders of runs: where they are, how they are made and found. */
import { mkdir, readdir, stat } from 'node:fs/promises';
import { homedir, platform } from 'node:os';
import { join } from 'node:path';
import { LimitError, UsageError, messageOf } from '../../base/errors.js';
import type { RunFolder } from './types.js';

/** The longest path that a unix socket can have, in bytes: `sun_path` without its end. */
export const longestSocketPath = platform() === 'linux' ? 107 : 103;

const RUN_ID = /^[a-z0-9]{1,8}$/;

/** The most runs that are looked at, unless all are asked for. */
const MOST_RUNS = 10_000;

/** The folder that holds the runs of this user. */
export function runsRoot(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const own = env['MIGRASCOPE_STATE'];
  if (own) return join(own, 'runs');
  const xdg = env['XDG_STATE_HOME'];
  if (xdg) return join(xdg, 'migrascope', 'runs');
  return join(env['HOME'] || homedir(), '.local', 'state', 'migrascope', 'runs');
}

/**
 * Makes a run's folder; whatever it makes has mode 0700.
 * @throws UsageError when `run` is no id of a run or is there already, or the folder can't be made
 * or can be changed by others; LimitError when its control socket's path would be too long.
 */
export async function createRunFolder(root: string, run: string): Promise<RunFolder> {
  if (!RUN_ID.test(run))
    throw new UsageError(`"${run}" is no id of a run.`, {
      hint: 'It has 1 to 8 characters of a-z and 0-9.',
    });
  const folder = runFolder(root, run);
  checkSocketPath(folder.controlSocket);
  try {
    await mkdir(root, { recursive: true, mode: 0o700 });
    await checkOwned(root);
    await mkdir(folder.path, { mode: 0o700 });
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`The folder ${folder.path} can't be made: ${messageOf(error)}`, {
      cause: error,
      hint: 'Set MIGRASCOPE_STATE to a folder that you may write to.',
    });
  }
  return folder;
}

/**
 * The folder of a run that is there.
 * @param run its id, or the beginning of it where no other run begins so.
 * @throws UsageError when there is none, or several begin so.
 */
export async function openRunFolder(root: string, run: string): Promise<RunFolder> {
  const folders = await listRuns(root);
  const same = folders.find((folder) => folder.run === run);
  if (same) return same;
  const found = run === '' ? [] : folders.filter((folder) => folder.run.startsWith(run));
  if (found.length === 1) return found[0]!;
  const names = (some: readonly RunFolder[]) => some.map((folder) => folder.run).join(', ');
  if (found.length > 1)
    throw new UsageError(`Several runs begin with "${run}": ${names(found.slice(0, 10))}.`, {
      hint: 'Give more of the id.',
    });
  throw new UsageError(`There is no run "${run}".`, {
    hint: folders.length
      ? `\`migrascope runs\` lists them: ${names(folders.slice(-10))}.`
      : '`migrascope runs` lists none.',
  });
}

/**
 * All runs of a root, the oldest first; none where there is no root.
 * @param most how many there may be.
 * @throws LimitError when there are more; UsageError when they can't be listed.
 */
export async function listRuns(root: string, most = MOST_RUNS): Promise<readonly RunFolder[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw new UsageError(`The runs in ${root} can't be listed: ${messageOf(error)}`, {
      cause: error,
    });
  });
  const names = entries.filter((entry) => entry.isDirectory() && RUN_ID.test(entry.name));
  if (names.length > most)
    throw new LimitError(`${root} holds more than ${most} runs.`, {
      hint: '`migrascope forget --ended` deletes what is kept of runs that ended.',
    });
  const dated = await Promise.all(
    names.map(async ({ name }) => {
      const folder = runFolder(root, name);
      const made = await stat(folder.path).then(
        ({ birthtimeMs }) => birthtimeMs,
        () => undefined,
      );
      return { folder, made };
    }),
  );
  return dated
    .filter(({ made }) => made !== undefined)
    .sort((a, b) => a.made! - b.made! || a.folder.run.localeCompare(b.folder.run))
    .map(({ folder }) => folder);
}

/** Where a run keeps what is its own; whether it is there is not said. */
export function runFolder(root: string, run: string): RunFolder {
  const path = join(root, run);
  return {
    run,
    path,
    controlSocket: join(path, 'control'),
    journal: join(path, 'journal.jsonl'),
    events: join(path, 'events.jsonl'),
    log: join(path, 'log'),
  };
}

function checkSocketPath(path: string): void {
  const length = Buffer.byteLength(path);
  if (length <= longestSocketPath) return;
  throw new LimitError(
    `The control socket ${path} would have a path of ${length} bytes, and a unix socket can have ${longestSocketPath}.`,
    { hint: 'Set MIGRASCOPE_STATE to a folder with a shorter path.' },
  );
}

/** @throws UsageError when another user could put folders of their own in the place of ours. */
async function checkOwned(root: string): Promise<void> {
  const { uid, mode } = await stat(root);
  const user = process.getuid?.();
  const foreign = user !== undefined && uid !== user;
  if (!foreign && (mode & 0o022) === 0) return;
  const why = foreign ? `belongs to user ${uid}` : 'can be changed by others';
  throw new UsageError(`The folder ${root} ${why}, so runs can't be kept there.`, {
    hint: 'Set MIGRASCOPE_STATE to a folder of your own, with mode 0700.',
  });
}
