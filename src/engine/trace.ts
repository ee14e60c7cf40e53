/** Writes the events of a run to a file: one JSON object a line, gzip where the name ends in `.gz`. */
import { createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { finished, pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { messageOf, UsageError } from '../base/errors.js';
import type { EventSink } from './events.js';

/** What may wait for a slow disk, in bytes, before the trace is given up. */
const LARGEST_BACKLOG = 64 * 1024 * 1024;

export interface TraceWriter {
  readonly sink: EventSink;
  /** Resolves when everything is in the file, or with why it could not be. Never throws. */
  close(): Promise<Error | undefined>;
}

/**
 * Creates the file and gives a sink that writes to it. A trace that fails on its way never
 * disturbs the run: `onFailure` is told once, and `close` tells again.
 * @throws UsageError when the file can't be created or is there already.
 */
export async function createTraceWriter(
  path: string,
  onFailure: (error: Error) => void,
): Promise<TraceWriter> {
  const handle = await open(path, 'wx', 0o600).catch((error: unknown) => {
    throw new UsageError(`Can't write the trace to ${path}: ${messageOf(error)}`, {
      cause: error,
      hint: 'Name a file that does not exist yet, in a folder that you may write to.',
    });
  });
  const file = createWriteStream(path, { fd: handle.fd, autoClose: false });
  const gzip = path.endsWith('.gz') ? createGzip() : undefined;
  const input = gzip ?? file;
  let failure: Error | undefined;
  const fail = (error: Error) => {
    if (failure) return;
    failure = error;
    onFailure(error);
  };
  file.on('error', fail);
  const written = (gzip ? pipeline(gzip, file) : finished(file)).catch(fail);
  return {
    sink: (event) => {
      if (failure) return;
      if (input.writableLength > LARGEST_BACKLOG) {
        fail(
          new Error(`Writing the trace to ${path} fell more than 64 MiB behind; it is cut short.`),
        );
        return;
      }
      input.write(`${JSON.stringify(event)}\n`);
    },
    async close() {
      input.end();
      await written;
      await handle.close().catch(fail);
      return failure;
    },
  };
}
