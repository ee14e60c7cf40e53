/**
 * The events of a run in a file of its folder: whoever follows them reads the file, from wherever and as
 * slowly as it likes, so that followers cost no memory and never keep the migration waiting.
 */
import { open, type FileHandle } from 'node:fs/promises';
import { throwIfCancelled } from '../../base/cancel.js';
import { JournalError, messageOf } from '../../base/errors.js';
import { STRIDE, type EventsRead } from '../continuation/read-events.js';
import type { MigrationEvent } from '../events.js';

/** What is read at once, in bytes. */
const CHUNK = 256 * 1024;
/** What may wait for a disk that is slow or full, in bytes, before later events are lost. */
const LARGEST_QUEUE = 32 * 1024 * 1024;

const NEWLINE = 0x0a;

export class EventLog {
  /** Offset of every {@link STRIDE}th line. */
  readonly #index: number[];
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #writtenBytes: number;
  #count: number;
  #lost = 0;
  #writing: Promise<void> | undefined;
  #failure: Error | undefined;
  #ended = false;
  #wakers: (() => void)[] = [];

  private constructor(
    private readonly path: string,
    private readonly handle: FileHandle,
    private readonly onTrouble: (message: string) => void,
    before: Pick<EventsRead, 'count' | 'bytes' | 'index'> = { count: 0, bytes: 0, index: [] },
  ) {
    this.#count = before.count;
    this.#writtenBytes = before.bytes;
    this.#index = [...before.index];
  }

  /**
   * @param path of a new file; it gets mode 0600.
   * @param onTrouble is told once when the file can't be written, and once when events are lost.
   * @throws JournalError when it can't be made.
   */
  static async create(path: string, onTrouble: (message: string) => void): Promise<EventLog> {
    const handle = await open(path, 'wx', 0o600).catch((error: unknown) => {
      throw new JournalError(`The file of events ${path} can't be made: ${messageOf(error)}`, {
        cause: error,
      });
    });
    return new EventLog(path, handle, onTrouble);
  }

  /**
   * Goes on with a file that another process had begun, after the events that can be read of it.
   * @throws JournalError when it can't be written.
   */
  static async reopen(
    path: string,
    before: EventsRead,
    onTrouble: (message: string) => void,
  ): Promise<EventLog> {
    try {
      const handle = await open(path, 'r+');
      await handle.truncate(before.bytes);
      return new EventLog(path, handle, onTrouble, before);
    } catch (error) {
      throw new JournalError(
        `The file of events ${path} can't be gone on with: ${messageOf(error)}`,
        {
          cause: error,
        },
      );
    }
  }

  /** How many events there are. */
  get count(): number {
    return this.#count;
  }

  /** Adds an event. Never throws and never waits. */
  readonly append = (event: MigrationEvent): void => {
    const line = Buffer.from(`${JSON.stringify(event)}\n`);
    if (this.#queuedBytes + line.length > LARGEST_QUEUE) {
      if (this.#lost++ === 0)
        this.onTrouble(`Events are lost, since ${this.path} can't be written fast enough.`);
      return;
    }
    if (this.#count % STRIDE === 0) this.#index.push(this.#writtenBytes + this.#queuedBytes);
    this.#count++;
    this.#queue.push(line);
    this.#queuedBytes += line.length;
    this.#writing ??= this.#write();
  };

  /** No event comes any more; followers end after the last one. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** Resolves when all that could be written is, and lets go of the file. Never throws. */
  async close(): Promise<void> {
    this.end();
    await this.#writing;
    await this.handle.close().catch((error: unknown) => {
      this.onTrouble(`${this.path} could not be closed: ${messageOf(error)}`);
    });
  }

  /**
   * The events from number `from` on, as lines without their ends, as they come; ends after the last one.
   * @throws CancelledError when `signal` aborts; JournalError when the file can't be read.
   */
  async *follow(from: number, signal: AbortSignal): AsyncGenerator<Buffer> {
    const slot = Math.min(Math.floor(from / STRIDE), this.#index.length - 1);
    const place = { line: Math.max(0, slot) * STRIDE, offset: this.#index[slot] ?? 0 };
    const file = await open(this.path, 'r').catch((error: unknown) => {
      throw new JournalError(`${this.path} can't be read: ${messageOf(error)}`, { cause: error });
    });
    let next = from;
    try {
      for (;;) {
        throwIfCancelled(signal, 'Following events');
        for await (const [number, line] of this.#written(file, place, signal)) {
          if (number < next) continue;
          next = number + 1;
          yield line;
        }
        for (const line of this.#unwritten(next)) {
          next++;
          yield line;
        }
        if (next >= this.#count && this.#ended) return;
        if (place.offset >= this.#writtenBytes && !this.#hasUnwritten(next))
          await this.#change(signal);
      }
    } finally {
      await file.close();
    }
  }

  /** The lines of the file after `place`, which is moved on. */
  async *#written(
    file: FileHandle,
    place: { line: number; offset: number },
    signal: AbortSignal,
  ): AsyncGenerator<readonly [number, Buffer]> {
    let begun: Buffer[] = [];
    while (place.offset < this.#writtenBytes) {
      throwIfCancelled(signal, 'Following events');
      const length = Math.min(CHUNK, this.#writtenBytes - place.offset);
      const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, place.offset);
      if (bytesRead === 0) throw new JournalError(`${this.path} became shorter.`);
      place.offset += bytesRead;
      const part = buffer.subarray(0, bytesRead);
      let start = 0;
      for (let end; (end = part.indexOf(NEWLINE, start)) >= 0; start = end + 1) {
        const last = part.subarray(start, end);
        yield [place.line++, begun.length > 0 ? Buffer.concat([...begun, last]) : last];
        begun = [];
      }
      if (start < part.length) begun.push(part.subarray(start));
    }
  }

  /** Where the file can't be written, followers are served from memory. */
  *#unwritten(next: number): Generator<Buffer> {
    if (!this.#hasUnwritten(next)) return;
    const first = this.#count - this.#queue.length;
    for (const line of this.#queue.slice(next - first)) yield line.subarray(0, -1);
  }

  #hasUnwritten(next: number): boolean {
    const first = this.#count - this.#queue.length;
    return this.#failure !== undefined && next >= first && next < this.#count;
  }

  async #write(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        const lines = this.#queue.length;
        const bytes = Buffer.concat(this.#queue);
        await writeAll(this.handle, bytes, this.#writtenBytes);
        this.#queue.splice(0, lines);
        this.#queuedBytes -= bytes.length;
        this.#writtenBytes += bytes.length;
        this.#failure = undefined;
        this.#wake();
      }
    } catch (error) {
      const first = this.#failure === undefined;
      this.#failure = error instanceof Error ? error : new Error(String(error));
      if (first) this.onTrouble(`${this.path} can't be written: ${messageOf(error)}`);
      this.#wake();
    } finally {
      this.#writing = undefined;
    }
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        signal.removeEventListener('abort', wake);
        resolve();
      };
      signal.addEventListener('abort', wake, { once: true });
      this.#wakers.push(wake);
    });
  }

  #wake(): void {
    const wakers = this.#wakers;
    this.#wakers = [];
    for (const wake of wakers) wake();
  }
}

/** At a position of its own, so that a write that failed midway is made again whole. */
async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
