/** An NBD export that somebody else serves, as a destination. */
import {
  CancelledError,
  ConnectError,
  DestinationError,
  NbdOptionError,
  TimeoutError,
  messageOf,
} from '../../base/errors.js';
import { BASE_ALLOCATION, connectNbd } from '../../nbd/index.js';
import type { NbdConnection } from '../../nbd/index.js';
import type { Destination } from '../types.js';
import type { NbdMeans } from '../nbd-means.js';
import { connectionHoldsData } from './holds-data.js';

export interface NbdDestinationOptions extends NbdMeans {
  /** Of the source's disk, in bytes. */
  readonly size: number;
  readonly signal?: AbortSignal;
}

/**
 * Looks whether the export can take the disk. What it holds is overwritten: it was named on purpose.
 * @throws DestinationError when it is not there, not answering, read-only or too small; UsageError
 * when the URI can't be read; ProtocolError, ConnectionLostError, CancelledError.
 */
export async function openNbdDestination(
  uri: string,
  { size, clock, logger, dial, signal }: NbdDestinationOptions,
): Promise<Destination> {
  const options = { clock, logger, dial, ...(signal ? { signal } : {}) };
  const connection = await connectTo(uri, () =>
    connectNbd(uri, { ...options, metaContexts: [BASE_ALLOCATION] }),
  );
  try {
    const { info } = connection;
    if (info.readOnly) {
      throw new DestinationError(`The export ${uri} is read-only.`, {
        hint: 'Start its server without the read-only option.',
      });
    }
    if (info.size < size) {
      throw new DestinationError(
        `The export ${uri} is too small: ${info.size} bytes, and the disk has ${size}.`,
        { hint: "Enlarge the image behind it to the disk's size." },
      );
    }
    return {
      name: uri,
      uri,
      readsAsZeroes: !(await connectionHoldsData(connection, signal)),
      release: () => Promise.resolve(),
    };
  } finally {
    await connection.close();
  }
}

async function connectTo(
  uri: string,
  connect: () => Promise<NbdConnection>,
): Promise<NbdConnection> {
  try {
    return await connect();
  } catch (error) {
    if (error instanceof NbdOptionError) {
      throw new DestinationError(`The server of ${uri} refuses the export: ${messageOf(error)}`, {
        cause: error,
        hint: error.hint ?? 'Look at the name of the export ("nbdinfo --list").',
      });
    }
    const unreachable = error instanceof ConnectError || error instanceof TimeoutError;
    if (!unreachable || error instanceof CancelledError) throw error;
    throw new DestinationError(`The export ${uri} can't be reached: ${messageOf(error)}`, {
      cause: error,
      hint: error.hint ?? 'Is its server running, and free for another client?',
    });
  }
}
