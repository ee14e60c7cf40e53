/** The file that the events are in: read from anywhere, and written to where it is this process's own. */
import { randomBytes } from 'node:crypto';
import { open, rm, stat, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LimitError, messageOf, UsageError } from '../../base/errors.js';
import type { MigrationEvent } from '../../engine/index.js';
import { readEvent } from './event-lines.js';

export class EventFile {
  #written = 0;

  private constructor(
    private readonly handle: FileHandle,
    readonly path: string,
  ) {}

  /** @throws UsageError when there is no such file, or it can't be read. */
  static async open(path: string): Promise<EventFile> {
    const cannot = (why: string, cause?: unknown) =>
      new UsageError(`${path} can't be opened: ${why}`, {
        cause,
        hint: 'Name a file that `migrascope migrate --trace` wrote.',
      });
    try {
      const { isFile } = await stat(path).then((found) => ({ isFile: found.isFile() }));
      if (!isFile) throw cannot('it is not a file.');
      return new EventFile(await open(path, 'r'), path);
    } catch (error) {
      if (error instanceof UsageError) throw error;
      throw cannot(messageOf(error), error);
    }
  }

  /**
   * A file of this process that nobody else sees, and that is gone with it, whatever its end is.
   * @throws UsageError when it can't be made.
   */
  static async temporary(): Promise<EventFile> {
    const path = join(tmpdir(), `migrascope-${randomBytes(8).toString('hex')}.jsonl`);
    try {
      const handle = await open(path, 'wx+', 0o600);
      await rm(path);
      return new EventFile(handle, path);
    } catch (error) {
      throw new UsageError(`The temporary file ${path} can't be made: ${messageOf(error)}`, {
        cause: error,
        hint: 'Set TMPDIR to a folder that you may write to.',
      });
    }
  }

  /** Bytes that are in it now. */
  async size(): Promise<number> {
    return (await this.handle.stat()).size;
  }

  /**
   * Adds bytes at its end.
   * @param most how large it may become, in bytes.
   * @throws LimitError when it would become larger; UsageError when it can't be written.
   */
  async append(bytes: Uint8Array, most: number, what: string): Promise<void> {
    if (this.#written + bytes.length > most)
      throw new LimitError(`${what} is larger than the limit of ${most} bytes.`, {
        hint: 'Look at it with `migrascope replay`, which needs no room.',
      });
    try {
      await this.handle.appendFile(bytes);
    } catch (error) {
      throw new UsageError(`${what} can't be kept in ${tmpdir()}: ${messageOf(error)}`, {
        cause: error,
        hint: 'Make room there, or set TMPDIR to a folder that has some.',
      });
    }
    this.#written += bytes.length;
  }

  /** At most `length` bytes from `offset` on; none at the end. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const buffer = Buffer.allocUnsafeSlow(length);
    const { bytesRead } = await this.handle.read(buffer, 0, length, offset);
    return buffer.subarray(0, bytesRead);
  }

  /** The event with this number, whose line begins at `offset` and has `length` bytes with its end. */
  async event(seq: number, offset: number, length: number): Promise<MigrationEvent> {
    const line = await this.read(offset, length - 1);
    return readEvent(Buffer.from(line.buffer, line.byteOffset, line.length).toString(), seq);
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}
