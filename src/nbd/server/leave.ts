/** The end of a connection in order: what was sent arrives, what still comes is dropped. */
import type { Clock } from '../../base/clock.js';
import type { Wire } from '../wire.js';

/** How long a client may take to read the last replies and to leave, in milliseconds. */
export const PATIENCE = 1000;

/**
 * Ends this side, and the connection once the client has ended its own.
 * @param peerIsDone the client has said that nothing follows: it need not end its side first.
 */
export async function leave(wire: Wire, clock: Clock, peerIsDone: boolean): Promise<void> {
  if (wire.lost) return;
  const { inbox } = wire;
  inbox.clear();
  inbox.onArrival = () => inbox.clear();
  const lost = new Promise<void>((resolve) => (wire.onLost = () => resolve()));
  const ended = new Promise<void>((resolve) => {
    wire.onEnd = resolve;
    if (wire.ended || peerIsDone) resolve();
  });
  const finished = new Promise<void>((resolve) => wire.end(() => resolve()));
  wire.pause(false);
  const over = new AbortController();
  const impatient = clock.sleep(PATIENCE, over.signal).catch(() => undefined);
  await Promise.race([lost, impatient, Promise.all([finished, ended])]);
  over.abort();
  wire.destroy();
}
