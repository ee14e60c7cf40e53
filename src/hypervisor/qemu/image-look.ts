/** Looking at an image that may be there, without changing it. */
import { QmpCommandError } from '../../base/errors.js';
import { holdsData } from '../destination/holds-data.js';
import type { UndoStack } from '../undo.js';
import { imageError } from './image-errors.js';
import type { ImageRequest } from './image.js';
import { addExport } from './nbd-server.js';
import type { NbdLease } from './nbd-server.js';
import type { BlockdevOptionsFile } from './schema-blockdev.js';
import type { QemuSession } from './session.js';

/** An image that was there before. */
export interface ExistingImage {
  /** Of the virtual disk, in bytes. */
  readonly size: number;
  readonly driver: BlockdevOptionsFile['driver'];
  /** Whether any byte of it may be other than zero, as far as its block status tells. */
  readonly holdsData: boolean;
}

/**
 * What is there under the image's path; nothing when there is no such file.
 * @throws DestinationError when something is there that can't be an image of that format.
 */
export async function lookAtImage(
  session: QemuSession,
  lease: NbdLease,
  request: ImageRequest,
  signal?: AbortSignal,
): Promise<ExistingImage | undefined> {
  const undo = session.undoStack();
  try {
    const { node, driver } = await addReadOnlyNode(session, request, undo);
    const nodes = await session.qmp.execute('query-named-block-nodes', { flat: true });
    const info = nodes.find((other) => other['node-name'] === node)!;
    const size = info.image['virtual-size'];
    const exported = await addExport(session, lease, {
      run: request.run,
      purpose: 'look',
      node,
      writable: false,
    });
    undo.add(`the export of ${request.path}`, () => exported.remove());
    return { size, driver, holdsData: await holdsData(exported.uri, session.options, signal) };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw imageError(request.path, error);
  } finally {
    await undo.unwind();
  }
}

/** Whether QEMU says that the file itself is not there. */
function isMissing(error: unknown): boolean {
  return error instanceof QmpCommandError && /No such file or directory/.test(error.description);
}

async function addReadOnlyNode(
  session: QemuSession,
  { run, path, format }: ImageRequest,
  undo: UndoStack,
): Promise<{ node: string; driver: BlockdevOptionsFile['driver'] }> {
  const node = session.newName(run, 'look');
  const drivers = ['file', 'host_device'] as const;
  let refusal: unknown;
  for (const driver of drivers) {
    const file = { driver, filename: path, 'read-only': true };
    try {
      const options = { driver: format, 'node-name': node, 'read-only': true, file };
      await session.change(run, 'blockdev-add', options);
      undo.add(`node ${node}`, () => session.remove(run, 'blockdev-del', { 'node-name': node }));
      return { node, driver };
    } catch (error) {
      if (!isWrongKind(error)) throw error;
      refusal ??= error;
    }
  }
  throw refusal;
}

/** The driver refused because the path is not of the kind that it opens. */
function isWrongKind(error: unknown): boolean {
  return error instanceof QmpCommandError && / requires '.*' to be /.test(error.description);
}
