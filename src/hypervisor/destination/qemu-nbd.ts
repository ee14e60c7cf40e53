/** A file that is served by a spawned `qemu-nbd`, where there is no qemu-storage-daemon. */
import { open, stat, unlink } from 'node:fs/promises';
import { throwIfCancelled } from '../../base/cancel.js';
import {
  ConnectError,
  ConnectionLostError,
  DestinationError,
  TimeoutError,
  messageOf,
} from '../../base/errors.js';
import { BASE_ALLOCATION, connectNbd, formatNbdUri } from '../../nbd/index.js';
import type { NbdConnection } from '../../nbd/index.js';
import { describeMadeFile } from '../aftermath/changes.js';
import { Child } from '../child.js';
import { makeLocalPlace } from '../qemu/access.js';
import { imageFault } from '../qemu/image-errors.js';
import type { Destination, Reopening } from '../types.js';
import { UndoStack } from '../undo.js';
import { checkExistingImage } from './acceptance.js';
import type { FileRequest } from './file.js';
import { connectionHoldsData } from './holds-data.js';

/** How long qemu-nbd may take until it serves, in milliseconds. */
const startTimeoutMs = 10_000;
const retryMs = 50;

/** @returns nothing when there is no qemu-nbd. Errors as `openFileDestination`. */
export async function serveByNbdServer(request: FileRequest): Promise<Destination | undefined> {
  const { run, path, clock, logger, signal, journal, tools } = request;
  const undo = new UndoStack(logger);
  const command = tools?.nbdServer ?? 'qemu-nbd';
  if (!(await isInstalled(command))) return undefined;
  const existed = await exists(path);
  const foreign = existed && !(await isOurs(path, request.reopens));
  const file = undo.add(`the file ${path}`, () => unlink(path));
  if (foreign) file.forget();
  try {
    if (!existed) await create(request, () => file.forget());
    const place = await makeLocalPlace();
    undo.add('the directory of its socket', () => place.dispose());
    const uri = formatNbdUri({ ...place.reached, exportName: 'image' });
    const socket = place.reached.type === 'unix' ? place.reached.path : '';
    const args = ['--persistent', '--shared=0', '--discard=unmap', '--export-name=image'];
    args.push(`--format=${request.format}`, `--socket=${socket}`, '--', path);
    const start = { host: 'localhost', run, action: 'start-child', arguments: [command, ...args] };
    await journal.record(start);
    const child = new Child(command, args);
    undo.add(`the process ${command}`, () => child.end(clock, 'signals'));
    const connection = await connectWhenReady(request, child, uri);
    const facts = await look(connection, signal);
    const overwrite = request.overwrite || request.reopens !== undefined;
    if (existed) checkExistingImage({ ...request, overwrite }, facts);
    return {
      name: `file:${path}`,
      uri,
      readsAsZeroes: !facts.holdsData,
      release: async (outcome) => {
        if (outcome !== 'discard') file.forget();
        await undo.unwind();
      },
    };
  } catch (error) {
    if (request.reopens) file.forget();
    await undo.unwind();
    throw error;
  }
}

async function isInstalled(command: string): Promise<boolean> {
  const child = new Child(command, ['--version']);
  await child.exited;
  return !child.missing;
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw imageFault(path, messageOf(error), error);
  }
}

/** Whether a file is the one that the run made in another process before. */
async function isOurs(path: string, reopens: Reopening | undefined): Promise<boolean> {
  const { dev, ino } = await stat(path);
  return dev === reopens?.made?.device && ino === reopens.made.inode;
}

/** @param notMade is called when nothing was left on failure. */
async function create(request: FileRequest, notMade: () => void): Promise<void> {
  const { run, path, size, format, journal, tools } = request;
  await journal.record({ host: 'localhost', run, action: 'create-file', arguments: { path } });
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      if (format === 'raw') await file.truncate(size);
    } finally {
      await file.close();
    }
  } catch (error) {
    notMade();
    throw imageFault(path, errorText(error), error);
  }
  const made = describeMadeFile(path, await stat(path));
  await journal.record({ host: 'localhost', run, action: 'made-file', arguments: made });
  if (format === 'raw') return;
  const command = tools?.imageTool ?? 'qemu-img';
  const child = new Child(command, ['create', '-q', '-f', format, '--', path, String(size)]);
  const farewell = await child.farewell();
  if (child.succeeded) return;
  if (!child.missing) throw imageFault(path, farewell);
  throw new DestinationError(`The image ${path} can't be made: ${command} is not installed.`, {
    hint: 'Install it: apt-get install qemu-utils.',
  });
}

/** Words as QEMU would use them for the same trouble. */
function errorText(error: unknown): string {
  const words: Readonly<Record<string, string>> = {
    ENOENT: 'No such file or directory',
    ENOTDIR: 'Not a directory',
    EACCES: 'Permission denied',
    EPERM: 'Operation not permitted',
    EROFS: 'Read-only file system',
    ENOSPC: 'No space left on device',
  };
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return words[code] ?? messageOf(error);
}

async function connectWhenReady(
  { path, clock, logger, signal }: FileRequest,
  child: Child,
  uri: string,
): Promise<NbdConnection> {
  const what = `Serving the image ${path}`;
  const deadline = clock.now() + startTimeoutMs;
  for (;;) {
    throwIfCancelled(signal, what);
    if (child.ended) throw imageFault(path, await child.farewell());
    try {
      const options = { clock, logger, ...(signal ? { signal } : {}) };
      return await connectNbd(uri, { ...options, metaContexts: [BASE_ALLOCATION] });
    } catch (error) {
      // One that refuses its image may listen for a moment before it ends.
      const refused = error instanceof ConnectError || error instanceof ConnectionLostError;
      if (!refused) throw error;
      if (clock.now() > deadline) {
        const message = `${what} took longer than ${startTimeoutMs / 1000} s.`;
        throw new TimeoutError(message, { cause: error });
      }
    }
    await clock.sleep(retryMs, signal);
  }
}

async function look(
  connection: NbdConnection,
  signal: AbortSignal | undefined,
): Promise<{ size: number; holdsData: boolean }> {
  try {
    const { size } = connection.info;
    return { size, holdsData: await connectionHoldsData(connection, signal) };
  } finally {
    await connection.close();
  }
}
