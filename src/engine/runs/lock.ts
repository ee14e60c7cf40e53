/** A run's lock: who listens on its control socket holds it, until the process ends, however it ends. */
import { chmod } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { messageOf, UsageError } from '../../base/errors.js';
import type { RunFolder } from './types.js';

/** The lock of a run, held. */
export interface RunLock {
  /** Lets go of it. Never throws. */
  release(): Promise<void>;
}

/**
 * Takes the lock of a run of this process. It does not keep the process alive.
 * @param accept takes each connection to the control socket; without it, they are closed.
 * @throws UsageError when somebody holds it, or the socket can't be made.
 */
export async function holdRun(
  { run, controlSocket }: RunFolder,
  accept: (stream: Duplex) => void = (stream) => stream.destroy(),
): Promise<RunLock> {
  const server = createServer({ allowHalfOpen: true }, accept);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(controlSocket, resolve);
    });
    await chmod(controlSocket, 0o600);
  } catch (error) {
    server.close();
    throw new UsageError(`The run ${run} can't be locked: ${messageOf(error)}`, { cause: error });
  }
  server.unref();
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}
