/**
 * A file of this machine as a destination, for a migration without pivot: a spawned
 * `qemu-storage-daemon` makes it and serves it, or `qemu-nbd` where there is no such daemon.
 */
import { resolve } from 'node:path';
import type { Clock } from '../../base/clock.js';
import { DestinationError, UsageError } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import type { Journal } from '../types.js';
import { noJournal } from '../qemu/session.js';
import type { Destination, Reopening } from '../types.js';
import type { ImageFormat } from './acceptance.js';
import { serveByNbdServer } from './qemu-nbd.js';
import { serveByStorageDaemon } from './storage-daemon.js';

/** The commands that are used, when they are not to be found on PATH under their own names. */
export interface FileTools {
  readonly storageDaemon?: string;
  readonly nbdServer?: string;
  readonly imageTool?: string;
}

export interface FileDestinationOptions {
  readonly run: string;
  /** Of the source's disk, in bytes; a multiple of 512. */
  readonly size: number;
  readonly format: ImageFormat;
  /** Use an image that is there and holds data. */
  readonly overwrite: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal?: AbortSignal;
  readonly journal?: Journal;
  readonly tools?: FileTools;
  /** The run had it open before. */
  readonly reopens?: Reopening;
}

/** What the servers of a file need to know. */
export interface FileRequest extends FileDestinationOptions {
  /** Absolute. */
  readonly path: string;
  readonly journal: Journal;
}

/**
 * @throws DestinationError when the image is there and holds data, is too small, in use, read-only,
 * can't be made, or no tool is installed that serves it; UsageError, CancelledError.
 */
export async function openFileDestination(
  path: string,
  options: FileDestinationOptions,
): Promise<Destination> {
  const { size } = options;
  if (!Number.isSafeInteger(size) || size <= 0 || size % 512 !== 0) {
    throw new UsageError(`A disk of ${size} bytes can't be: it has a multiple of 512.`);
  }
  const request = { ...options, path: resolve(path), journal: options.journal ?? noJournal };
  const served = (await serveByStorageDaemon(request)) ?? (await serveByNbdServer(request));
  if (served) return served;
  throw new DestinationError(
    `The image ${path} can't be served: neither qemu-storage-daemon nor qemu-nbd is installed.`,
    { hint: 'Install them: apt-get install qemu-utils.' },
  );
}
