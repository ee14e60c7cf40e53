/** The door of going on with a run whose process is dead: how far it was, by its events. */
import { readEventsFile, type EventsRead } from './read-events.js';
import { Replay, type Replayed } from './replay.js';

export { parseEvent, readEvents, type EventsRead } from './read-events.js';
export { Replay, type LedgerSums, type Replayed } from './replay.js';

/** How far a run was, and how much of its events can be read. */
export interface ReplayedEvents {
  readonly replayed: Replayed;
  readonly read: EventsRead;
}

/**
 * How far a run was.
 * @param path of the file of its events.
 * @throws HypervisorError when it was not so far that it can be gone on with; JournalError when the
 * file can't be read; ProtocolError, UsageError when an event does not fit its disk.
 */
export async function replayEvents(path: string): Promise<ReplayedEvents> {
  const replay = new Replay();
  const read = await readEventsFile(path, (event) => replay.take(event));
  return { replayed: replay.replayed, read };
}
