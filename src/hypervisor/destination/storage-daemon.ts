/** A file that a spawned `qemu-storage-daemon` makes, opens and serves; it is steered over its input and output. */
import { Child } from '../child.js';
import { localFiles, makeLocalPlace } from '../qemu/access.js';
import { openImage } from '../qemu/image.js';
import { QemuNbdServer } from '../qemu/nbd-server.js';
import { openQmp } from '../qemu/qmp-client.js';
import { QemuSession } from '../qemu/session.js';
import type { Destination } from '../types.js';
import { UndoStack } from '../undo.js';
import { DestinationError } from '../../base/errors.js';
import type { FileRequest } from './file.js';

/** @returns nothing when there is no qemu-storage-daemon. Errors as `openFileDestination`. */
export async function serveByStorageDaemon(request: FileRequest): Promise<Destination | undefined> {
  const { run, path, clock, logger, signal, journal } = request;
  const undo = new UndoStack(logger);
  try {
    const session = await startDaemon(request, undo);
    if (!session) return undefined;
    const server = new QemuNbdServer(session, () => makeLocalPlace());
    const lease = await server.acquire(run, signal);
    undo.add(`the NBD server of ${session.name}`, () => lease.release());
    const image = await openImage(
      session,
      lease,
      {
        run,
        path,
        format: request.format,
        size: request.size,
        overwrite: request.overwrite,
        tuning: { direct: false, noFlush: false, detectZeroes: 'off', discard: 'unmap' },
        node: `migrascope-${run}-file`,
        files: localFiles,
        ...(request.reopens ? { reopens: request.reopens } : {}),
      },
      undo,
      signal,
    );
    return {
      name: `file:${path}`,
      uri: image.export.uri,
      readsAsZeroes: image.readsAsZeroes,
      release: async (outcome) => {
        if (outcome !== 'discard') image.forgetFile();
        await undo.unwind();
      },
    };
  } catch (error) {
    await undo.unwind();
    throw error;
  }

  async function startDaemon(
    { tools }: FileRequest,
    made: UndoStack,
  ): Promise<QemuSession | undefined> {
    const command = tools?.storageDaemon ?? 'qemu-storage-daemon';
    const args = ['--chardev', 'stdio,id=monitor', '--monitor', 'chardev=monitor'];
    const start = { host: 'localhost', run, action: 'start-child', arguments: [command, ...args] };
    await journal.record(start);
    const child = new Child(command, args);
    made.add(`the process ${command}`, () => child.end(clock));
    try {
      const qmp = await openQmp(child.stdio(), { name: command, clock, logger, signal });
      made.add(`the monitor of ${command}`, async () => {
        if (qmp.state === 'running') await qmp.execute('quit', {}, { timeoutMs: 2000 });
        qmp.close();
      });
      qmp.onLost(() => {
        void child.farewell().then((farewell) => logger.log('warn', `${farewell}.`));
      });
      return new QemuSession(qmp, { name: command, clock, logger, journal });
    } catch (error) {
      if (!child.missing) {
        if (!child.ended) throw error;
        const message = `The image ${path} can't be served: ${await child.farewell()}.`;
        throw new DestinationError(message, { cause: error });
      }
      return undefined;
    }
  }
}
