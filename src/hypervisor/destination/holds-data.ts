/** Whether an export holds anything, as far as its block status tells. */
import { BASE_ALLOCATION, NBD_STATE_ZERO, connectNbd } from '../../nbd/index.js';
import type { NbdConnection } from '../../nbd/index.js';
import type { NbdMeans } from '../nbd-means.js';

/** How much is asked for at a time, in bytes: the first answer with data ends the look. */
const stride = 64 * 1024 ** 3;

/** Whether any byte of the export may be other than zero; true where the server can't tell. */
export async function holdsData(
  uri: string,
  { clock, logger, dial }: NbdMeans,
  signal?: AbortSignal,
): Promise<boolean> {
  const options = { clock, logger, dial, ...(signal ? { signal } : {}) };
  const connection = await connectNbd(uri, { ...options, metaContexts: [BASE_ALLOCATION] });
  try {
    return await connectionHoldsData(connection, signal);
  } finally {
    connection.destroy();
  }
}

/** As {@link holdsData}, over a connection that asked for `base:allocation`. */
export async function connectionHoldsData(
  connection: NbdConnection,
  signal?: AbortSignal,
): Promise<boolean> {
  const { size, metaContexts } = connection.info;
  if (!metaContexts.includes(BASE_ALLOCATION)) return size > 0;
  const state = { found: false };
  for (let offset = 0; offset < size && !state.found; offset += stride) {
    await connection.blockStatus(
      BASE_ALLOCATION,
      offset,
      Math.min(stride, size - offset),
      (_offset, _length, flags) => {
        if ((flags & NBD_STATE_ZERO) === 0) state.found = true;
      },
      signal ? { signal } : {},
    );
  }
  return state.found;
}
