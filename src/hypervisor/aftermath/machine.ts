/**
 * What a run left on this machine, beside the hypervisor: the file that it made, the process that
 * served it, folders for sockets. Linux tells of the users of a file and of a socket under /proc;
 * where it does not, nothing is removed by guess.
 */
import { lstat, readFile, readdir, readlink, rmdir, stat, unlink } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.js';
import { HypervisorError, messageOf } from '../../base/errors.js';
import type { HostChange, Leftover, LeftoverOutcome } from '../types.js';
import { socketFolders, startedChildren } from './changes.js';
import type { MadeImage } from './changes.js';

const PROC = '/proc';

/** What QEMU writes to an image that it makes, at most, in bytes. */
const FRESH_BYTES = 64 * 1024;

/** How long after it was asked for a file is made, at most, in milliseconds. */
const SOON_MS = 60_000;

/** How long a process may take to end after each request, or to let go of a file, in milliseconds. */
const PATIENCE_MS = 3000;

/** What is known of an image that a run made. */
export type ImageState =
  /** It is the run's for certain, and has so many bytes on the disk. */
  | { readonly state: 'made'; readonly bytes: number }
  | { readonly state: 'gone' }
  /** Something is there, and it is not certain that the run made it. */
  | { readonly state: 'uncertain'; readonly reason: string };

/** This machine, as far as runs leave something on it. */
export interface Machine {
  leftovers(run: string, changes: readonly HostChange[]): Promise<readonly Leftover[]>;
  /** Safe to do twice. */
  removeLeftovers(run: string, changes: readonly HostChange[]): Promise<readonly LeftoverOutcome[]>;
  /** Looks at an image whose path is one of this machine. */
  lookAtImage(image: MadeImage): Promise<ImageState>;
  /**
   * Deletes an image, content when it is gone.
   * @throws HypervisorError when it is not certain that the run made it, or that nobody uses it.
   */
  deleteImage(image: MadeImage): Promise<void>;
}

export function thisMachine(clock: Clock): Machine {
  return {
    leftovers: async (run, changes) => [
      ...(await servers(changes)).map(({ command, pid }) => processLeftover(run, command, pid)),
      ...(await folders(changes)).map((name): Leftover => ({ kind: 'folder', name, run })),
    ],
    removeLeftovers: async (run, changes) => {
      const outcomes: LeftoverOutcome[] = [];
      for (const { command, pid } of await servers(changes)) {
        const leftover = processLeftover(run, command, pid);
        outcomes.push(await outcomeOf(leftover, () => endProcess(pid, clock)));
      }
      for (const name of await folders(changes)) {
        outcomes.push(
          await outcomeOf({ kind: 'folder', name, run }, () => removeFolder(name, clock)),
        );
      }
      return outcomes;
    },
    lookAtImage,
    deleteImage: (image) => deleteImage(image, clock),
  };
}

function processLeftover(run: string, command: string, pid: number): Leftover {
  return { kind: 'process', name: `${command} ${pid}`, run };
}

async function outcomeOf(
  leftover: Leftover,
  remove: () => Promise<void>,
): Promise<LeftoverOutcome> {
  try {
    await remove();
    return { leftover };
  } catch (error) {
    return { leftover, failure: messageOf(error) };
  }
}

async function lookAtImage(image: MadeImage): Promise<ImageState> {
  const now = await statOf(image.path);
  if (!now) return { state: 'gone' };
  const reason = whyNotMade(image, now);
  if (reason !== undefined) return { state: 'uncertain', reason };
  return { state: 'made', bytes: now.blocks * 512 };
}

/** Pure: why a file may be another than the one that a run made; nothing where it is that one. */
export function whyNotMade(image: MadeImage, now: Stats): string | undefined {
  if (!now.isFile()) return 'what is there is no file';
  const { identity } = image;
  if (!identity)
    return isAsAsked(image, now)
      ? undefined
      : 'the journal does not say for certain that the run made it';
  const same =
    identity.device === now.dev &&
    identity.inode === now.ino &&
    identity.madeMs === now.birthtimeMs;
  return same ? undefined : 'another file is there now than the one that the run made';
}

/** A file that holds nothing, and was made when the run was about to make it: the run died just then. */
function isAsAsked({ askedAt, askedSize }: MadeImage, now: Stats): boolean {
  if (askedAt === undefined) return false;
  const late = Math.abs(now.birthtimeMs - Date.parse(askedAt));
  const empty = now.blocks * 512 <= FRESH_BYTES;
  return empty && late <= SOON_MS && (askedSize === undefined || now.size === askedSize);
}

/** Whoever has it open may be about to end: a hypervisor does not let go of all at once. */
async function deleteImage(image: MadeImage, clock: Clock): Promise<void> {
  const { path } = image;
  const until = clock.now() + PATIENCE_MS;
  for (;;) {
    const now = await statOf(path);
    if (!now) return;
    const kept = whyNotMade(image, now) ?? (await userOf(now));
    if (kept === undefined) break;
    if (clock.now() >= until) throw new HypervisorError(`The file ${path} is kept: ${kept}.`);
    await clock.sleep(100);
  }
  await unlink(path);
}

async function statOf(path: string): Promise<Stats | undefined> {
  return lstat(path).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  });
}

/** Who has a file locked or open, as part of a sentence; nothing where nobody has. */
async function userOf({ dev, ino }: Stats): Promise<string | undefined> {
  const locks = await readFile(`${PROC}/locks`, 'utf8').catch(() => undefined);
  if (locks === undefined) return "whether somebody uses it can't be told on this machine";
  // Device numbers of a lock are not always those of its file's status (overlays, btrfs).
  const locked = locks.split('\n').some((line) => new RegExp(`:${ino} `).test(line));
  for (const { pid, file } of await openFiles()) {
    const other = await stat(file).catch(() => undefined);
    if (other?.dev === dev && other.ino === ino)
      return `${await nameOf(pid)} (process ${pid}) has it open`;
  }
  return locked ? 'somebody has it locked' : undefined;
}

/** Links to the open files of every process that may be looked at. */
async function openFiles(): Promise<{ pid: number; file: string }[]> {
  const found: { pid: number; file: string }[] = [];
  for (const name of await readdir(PROC).catch(() => [])) {
    if (!/^[0-9]+$/.test(name)) continue;
    const folder = join(PROC, name, 'fd');
    for (const fd of await readdir(folder).catch(() => [])) {
      found.push({ pid: Number(name), file: join(folder, fd) });
    }
  }
  return found;
}

/** The first word of a process's command line, without its folders. */
async function nameOf(pid: number): Promise<string> {
  const line = await readFile(`${PROC}/${pid}/cmdline`, 'utf8').catch(() => '');
  return line.split('\0')[0]!.split('/').at(-1)!;
}

/**
 * The processes that a run started and that listen still where it had them listen: nobody else knew
 * of that place.
 */
async function servers(
  changes: readonly HostChange[],
): Promise<readonly { command: string; pid: number }[]> {
  const children = startedChildren(changes);
  if (children.length === 0) return [];
  const table = await readFile(`${PROC}/net/unix`, 'utf8').catch(() => '');
  const found = new Map<number, string>();
  const links = new Map<string, string>();
  for (const { command, sockets } of children) {
    for (const inode of inodesOf(table, sockets)) links.set(`socket:[${inode}]`, command);
  }
  if (links.size === 0) return [];
  for (const { pid, file } of await openFiles()) {
    const command = links.get(await readlink(file).catch(() => ''));
    if (command !== undefined && (await nameOf(pid)) === command.split('/').at(-1))
      found.set(pid, command);
  }
  return [...found].map(([pid, command]) => ({ command, pid }));
}

/** Pure: of /proc/net/unix the inodes of the sockets bound to one of the paths. */
export function inodesOf(table: string, paths: readonly string[]): readonly string[] {
  return table
    .split('\n')
    .map((line) => /^\S+ \S+ \S+ \S+ \S+ \S+ +([0-9]+) (.+)$/.exec(line))
    .filter((match) => match !== null && paths.includes(match[2]!))
    .map((match) => match![1]!);
}

async function endProcess(pid: number, clock: Clock): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (!send(pid, signal)) return;
    const until = clock.now() + PATIENCE_MS;
    while (clock.now() < until) {
      if (!(await lives(pid))) return;
      await clock.sleep(20);
    }
  }
  throw new HypervisorError(`The process ${pid} does not end.`);
}

/** @returns false when there is no such process. */
function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
}

async function lives(pid: number): Promise<boolean> {
  const text = await readFile(`${PROC}/${pid}/stat`, 'latin1').catch(() => '');
  const state = text.slice(text.lastIndexOf(')') + 2, text.lastIndexOf(')') + 3);
  return text !== '' && state !== 'Z' && state !== 'X';
}

/** Of the folders for sockets those that are there. */
async function folders(changes: readonly HostChange[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const path of new Set(socketFolders(changes))) {
    const now = await lstat(path).catch(() => undefined);
    if (now?.isDirectory()) found.push(path);
  }
  return found;
}

/** Nothing but the socket, at which nobody listens, may be in it. */
async function removeFolder(path: string, clock: Clock): Promise<void> {
  const socket = join(path, 'socket');
  const now = await lstat(socket).catch(() => undefined);
  if (now?.isSocket()) {
    await untilFree(socket, clock);
    await unlink(socket);
  }
  await rmdir(path);
}

/** A process that was ended holds its sockets until the last of its threads is gone. */
async function untilFree(socket: string, clock: Clock): Promise<void> {
  const until = clock.now() + PATIENCE_MS;
  while (await listens(socket)) {
    if (clock.now() >= until) throw new HypervisorError(`Somebody listens at ${socket}.`);
    await clock.sleep(20);
  }
}

function listens(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = createConnection(path);
    connection.once('connect', () => {
      connection.destroy();
      resolve(true);
    });
    connection.once('error', (error) => {
      connection.destroy();
      resolve(!('code' in error) || !['ECONNREFUSED', 'ENOENT'].includes(String(error.code)));
    });
  });
}
