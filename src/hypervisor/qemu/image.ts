/**
 * An image that a QEMU or a qemu-storage-daemon opens as a destination: looked at first, made when
 * it is not there, opened for writing and exported.
 */
import { throwIfCancelled } from '../../base/cancel.js';
import { DestinationError, QmpCommandError, UsageError } from '../../base/errors.js';
import { describeMadeFile, type FileIdentity } from '../aftermath/changes.js';
import { checkExistingImage } from '../destination/acceptance.js';
import type { ImageFormat } from '../destination/acceptance.js';
import type { UndoStack } from '../undo.js';
import { imageError } from './image-errors.js';
import { lookAtImage } from './image-look.js';
import type { ExistingImage } from './image-look.js';
import { createImage } from './jobs.js';
import type { FileStatus, MachineFiles, Reopening } from '../types.js';
import { addExport } from './nbd-server.js';
import type { NbdExport, NbdLease } from './nbd-server.js';
import type { BlockdevOptions } from './schema.js';
import type { QemuSession } from './session.js';

/** How the node of the image behaves. */
export interface ImageTuning {
  readonly direct: boolean;
  readonly noFlush: boolean;
  readonly detectZeroes: 'off' | 'on' | 'unmap';
  readonly discard: 'ignore' | 'unmap';
  /** QEMU's default unless told. */
  readonly aio?: 'threads' | 'native' | 'io_uring';
}

export interface ImageRequest {
  readonly run: string;
  /** Absolute, on the machine of the QEMU that opens it. */
  readonly path: string;
  readonly format: ImageFormat;
  /** Of the virtual disk, in bytes. */
  readonly size: number;
  /** Whether an image that is there and holds data may be used. */
  readonly overwrite: boolean;
  readonly tuning: ImageTuning;
  /** Name of the node with the virtual disk. */
  readonly node: string;
  /** The files of that machine, where paths mean the same here. */
  readonly files?: MachineFiles | undefined;
  /** The run had it open before; it is taken though it holds data. */
  readonly reopens?: Reopening;
}

export interface OpenImage {
  readonly node: string;
  readonly export: NbdExport;
  readonly readsAsZeroes: boolean;
  /** The file stays when all is undone. */
  forgetFile(): void;
  /** The node stays when all is undone, and its file with it. */
  forgetNode(): void;
}

/**
 * Opens the image for writing. What is made is added to `undo`: export, node, and the file if it
 * was made.
 * @throws DestinationError when the image can't be taken; UsageError, CancelledError.
 */
export async function openImage(
  session: QemuSession,
  lease: NbdLease,
  request: ImageRequest,
  undo: UndoStack,
  signal?: AbortSignal,
): Promise<OpenImage> {
  const { run, path, node } = request;
  if (!path.startsWith('/')) {
    throw new UsageError(`The image "${path}" has to be an absolute path.`, {
      hint: "It is a path on the hypervisor's machine.",
    });
  }
  await refuseOpenImage(session, request);
  const existing = await lookAtImage(session, lease, request, signal);
  const overwrite = request.overwrite || request.reopens !== undefined;
  if (existing) checkExistingImage({ ...request, overwrite }, existing);
  throwIfCancelled(signal, `Opening the image ${path}`);
  const file = new CreatedFile(session, request);
  const madeFile = undo.add(`the file ${path}`, () => file.delete());
  if (!existing) await file.create();
  try {
    const madeNode = await session.make(run, 'blockdev-add', nodeOptions(request, existing), {
      stack: undo,
      what: `node ${node}`,
      by: () => session.remove(run, 'blockdev-del', { 'node-name': node }),
    });
    return {
      node,
      export: await exportImage(session, lease, request, undo),
      readsAsZeroes: existing ? !existing.holdsData : true,
      forgetFile: () => madeFile.forget(),
      forgetNode: () => madeNode.forget(),
    };
  } catch (error) {
    if (request.reopens) madeFile.forget();
    throw imageError(path, error);
  }
}

/**
 * Goes on with an image that this QEMU has open still, as the run left it.
 * @throws DestinationError when it has not, or the guest uses it.
 */
export async function adoptImage(
  session: QemuSession,
  lease: NbdLease,
  request: ImageRequest,
  undo: UndoStack,
): Promise<OpenImage> {
  const { run, path, node } = request;
  const nodes = await session.qmp.execute('query-named-block-nodes', { flat: true });
  const open = nodes.find((each) => each['node-name'] === node);
  const blocks = await session.qmp.execute('query-block', {});
  const used = blocks.some(({ inserted }) => inserted?.['node-name'] === node);
  if (!open || open.image.filename !== path || used) {
    const why = used ? `the guest uses node ${node}` : `node ${node} is not there any more`;
    throw new DestinationError(`Run ${run} can't go on with ${path} on ${session.name}: ${why}.`, {
      hint: 'Put right what it left with `migrascope recover`, and begin the migration anew.',
    });
  }
  const file = new CreatedFile(session, request);
  const madeFile = undo.add(`the file ${path}`, () => file.delete());
  const madeNode = undo.add(`node ${node}`, () =>
    session.remove(run, 'blockdev-del', { 'node-name': node }),
  );
  const adopted = {
    forgetFile: () => madeFile.forget(),
    forgetNode: () => madeNode.forget(),
  };
  try {
    const exported = await exportImage(session, lease, request, undo);
    return { node, export: exported, readsAsZeroes: false, ...adopted };
  } catch (error) {
    adopted.forgetFile();
    adopted.forgetNode();
    throw error;
  }
}

async function exportImage(
  session: QemuSession,
  lease: NbdLease,
  { run, node, path }: ImageRequest,
  undo: UndoStack,
): Promise<NbdExport> {
  const request = { run, purpose: 'image', node, writable: true };
  const exported = await addExport(session, lease, request);
  undo.add(`the export of ${path}`, () => exported.remove());
  return exported;
}

/** An image that is opened by this QEMU already is refused, under whatever name. */
async function refuseOpenImage(session: QemuSession, request: ImageRequest): Promise<void> {
  const { path, files } = request;
  const nodes = await session.qmp.execute('query-named-block-nodes', { flat: true });
  const real = files ? await files.realpath(path).catch(() => path) : path;
  for (const node of nodes) {
    const other = node.image.filename;
    const otherReal = files ? await files.realpath(other).catch(() => other) : other;
    if (other !== path && otherReal !== real) continue;
    throw new DestinationError(
      `The image ${path} is in use by ${session.name} itself, as node ${node['node-name'] ?? '(unnamed)'}.`,
      { hint: 'The destination has to be another file than the source.' },
    );
  }
}

function nodeOptions(request: ImageRequest, existing: ExistingImage | undefined): BlockdevOptions {
  const { path, format, size, tuning, node } = request;
  const cache = { direct: tuning.direct, 'no-flush': tuning.noFlush };
  const discard = tuning.discard;
  const file = {
    driver: existing?.driver ?? 'file',
    filename: path,
    cache,
    discard,
    ...(tuning.aio === undefined ? {} : { aio: tuning.aio }),
  };
  const detectZeroes =
    tuning.detectZeroes === 'unmap' && discard === 'ignore' ? 'on' : tuning.detectZeroes;
  const shared = { 'node-name': node, file, cache, discard, 'detect-zeroes': detectZeroes };
  if (format === 'qcow2') return { driver: 'qcow2', ...shared };
  const larger = existing && existing.size > size;
  return { driver: 'raw', ...shared, ...(larger ? { size } : {}) };
}

/** What QEMU writes to an image that it makes, at most, in bytes. */
const freshBytes = 64 * 1024;

/** A file that this run makes, and only then may delete. */
class CreatedFile {
  #identity: Pick<FileIdentity, 'device' | 'inode'> | undefined;
  /** `asked`: QEMU was told to make it, and whether it did is not known. */
  #state: 'none' | 'asked' | 'made' = 'none';

  constructor(
    private readonly session: QemuSession,
    private readonly request: ImageRequest,
  ) {
    const made = request.reopens?.made;
    if (!made) return;
    this.#identity = made;
    this.#state = 'made';
  }

  async create(): Promise<void> {
    const { run, path, format, size } = this.request;
    try {
      const fileSize = format === 'raw' ? size : 0;
      this.#state = 'asked';
      await createImage(this.session, run, { driver: 'file', filename: path, size: fileSize });
      this.#state = 'made';
      await this.#identify();
      if (format === 'raw') return;
      const file = { driver: 'file', filename: path } as const;
      await createImage(this.session, run, { driver: format, file, size });
    } catch (error) {
      if (this.#state === 'asked' && error instanceof QmpCommandError) this.#state = 'none';
      throw imageError(path, error);
    }
  }

  /** Whoever finds the run dead knows by this which file it made. */
  async #identify(): Promise<void> {
    const { run, path, files } = this.request;
    const made = await files?.stat(path).catch(() => undefined);
    if (!made) return;
    const identity = describeMadeFile(path, made);
    this.#identity = identity;
    const change = { run, action: 'made-file', arguments: identity };
    await this.session.act(change, () => Promise.resolve());
  }

  async delete(): Promise<void> {
    if (this.#state === 'none') return;
    const { run, path, files } = this.request;
    const now = await files?.lstat(path).catch(() => undefined);
    if (files && !now && this.#state === 'asked') return;
    if (!files || !now || !this.#isOurs(now)) {
      const { logger, name } = this.session;
      logger.log('warn', `The file ${path} on ${name} remains: it can't be deleted from here.`);
      return;
    }
    this.#state = 'none';
    const deletion = { run, action: 'delete-file', arguments: { path }, undoes: true } as const;
    await this.session.act(deletion, () => files.unlink(path));
  }

  /** The file that was made; or one that was not there before QEMU was asked, and holds nothing yet. */
  #isOurs(now: FileStatus): boolean {
    if (this.#state === 'asked') return now.isFile() && now.blocks * 512 <= freshBytes;
    return now.dev === this.#identity?.device && now.ino === this.#identity.inode;
  }
}
