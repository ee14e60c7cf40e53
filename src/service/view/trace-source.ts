/** A trace file: read where it is, or unpacked into a temporary file of this process. */
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import {
  LimitError,
  messageOf,
  MigrascopeError,
  ProtocolError,
  UsageError,
} from '../../base/errors.js';
import { basename } from 'node:path';
import { EventFile } from './event-file.js';
import {
  follow,
  notARun,
  wrongLine,
  type Following,
  type OpenedSource,
  type SourceParts,
} from './source.js';

/** The most that a trace may have when it is unpacked, in bytes. */
export const MOST_UNPACKED = 4 * 1024 ** 3;

/** Small, so that the disk is known early. */
const CHUNK = 64 * 1024;

/** The first bytes of a gzip file (RFC 1952, 2.3.1). */
const GZIP = [0x1f, 0x8b];

/**
 * Opens a trace; resolves when its disk is known, and reads on then.
 * @param mostUnpacked for tests.
 * @throws UsageError when there is no such file, or it is no trace, or one of another major version;
 * ProtocolError when it is wrong before its disk is known; LimitError.
 */
export async function openTrace(
  path: string,
  parts: SourceParts,
  mostUnpacked = MOST_UNPACKED,
): Promise<OpenedSource> {
  const file = await EventFile.open(path);
  const packed = (await file.read(0, GZIP.length)).every((byte, at) => byte === GZIP[at]);
  const isPacked = packed && (await file.size()) > 0;
  const trace = isPacked ? await EventFile.temporary() : file;
  if (isPacked) await file.close();
  const following = follow(trace, 'trace', basename(path), parts);
  const chunks = isPacked ? unpacked(path, trace, mostUnpacked) : plain(trace);
  const source = new TraceSource(path, trace, following, chunks);
  await source.headerKnown();
  return source;
}

class TraceSource implements OpenedSource {
  #closed = false;
  #found: () => void = () => undefined;
  #failed: (error: unknown) => void = () => undefined;
  readonly #header: Promise<void>;

  constructor(
    private readonly path: string,
    private readonly file: EventFile,
    private readonly following: Following,
    chunks: AsyncIterable<Uint8Array>,
  ) {
    this.#header = new Promise((resolve, reject) => {
      this.#found = resolve;
      this.#failed = reject;
    });
    void this.#read(chunks);
  }

  get view(): Following['view'] {
    return this.following.view;
  }

  headerKnown(): Promise<void> {
    return this.#header;
  }

  tell(): Promise<void> {
    return Promise.reject(notARun(`The trace ${this.path}`));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.view.close();
    await this.file.close();
  }

  async #read(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    let failure: unknown;
    try {
      for await (const chunk of chunks) {
        if (this.#closed) return;
        await this.following.reader.take(chunk);
        if (this.following.recording.head.blocks) this.#found();
      }
    } catch (error) {
      failure = this.#explained(error);
    }
    failure ??= this.#howItEnds();
    if (this.#closed) return;
    if (!this.following.recording.head.blocks) {
      await this.close();
      this.#failed(this.#noTrace(failure));
      return;
    }
    this.#found();
    if (failure !== undefined) this.view.trouble(failure);
    this.view.end();
  }

  #explained(error: unknown): unknown {
    if (error instanceof MigrascopeError)
      return wrongLine(error, `The trace ${this.path}`, this.following.recording);
    return new ProtocolError(`The trace ${this.path} can't be read on: ${messageOf(error)}`, {
      cause: error,
      hint: 'What could be read of it is shown.',
    });
  }

  /** What is missing at its end; undefined where it is whole. */
  #howItEnds(): ProtocolError | undefined {
    const { recording, reader } = this.following;
    const shown = { hint: 'What it says before that is shown.' };
    if (reader.torn)
      return new ProtocolError(
        `The trace ${this.path} is cut off: it ends in the middle of line ${recording.index.count + 1}.`,
        shown,
      );
    if (recording.head.figures.summary) return undefined;
    return new ProtocolError(
      `The trace ${this.path} is cut off: it ends in the middle of its run, after ${recording.index.count} events.`,
      shown,
    );
  }

  #noTrace(failure: unknown): unknown {
    const { error } = this.following.recording.head.figures;
    if (failure instanceof UsageError || failure instanceof LimitError) return failure;
    const why = error
      ? `its run failed before it had found its disk: ${error.message}`
      : messageOf(failure ?? 'it has no start event.');
    return new UsageError(`The trace ${this.path} shows no disk: ${why}`, {
      cause: failure,
      hint: 'Open a file that `migrascope migrate --trace` wrote.',
    });
  }
}

async function* plain(file: EventFile): AsyncGenerator<Uint8Array> {
  for (let offset = 0; ;) {
    const chunk = await file.read(offset, CHUNK);
    if (chunk.length === 0) return;
    offset += chunk.length;
    yield chunk;
  }
}

/** What comes out is in `into` before it is handed on. */
async function* unpacked(path: string, into: EventFile, most: number): AsyncGenerator<Uint8Array> {
  const packed = createReadStream(path);
  const bytes = packed.pipe(createGunzip({ chunkSize: CHUNK }));
  packed.on('error', (error) => bytes.destroy(error));
  try {
    for await (const chunk of bytes as AsyncIterable<Uint8Array>) {
      await into.append(chunk, most, `The trace ${path}, unpacked,`);
      yield chunk;
    }
  } finally {
    packed.destroy();
    bytes.destroy();
  }
}
