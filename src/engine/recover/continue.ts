/**
 * Going on with a dead run, up to where a new process can execute its program: what the dead one left
 * half done is put right, its bitmaps and its new image stay.
 *
 *   taken-over   in the journal: this process owns the run
 *   cont         where a resume is owed                      resumed, in the journal
 *   …            jobs, exports, the NBD server, the probe's port; processes that served an image
 *   program      statement 1 and so on, with the bitmaps and the image that are there
 */
import { HypervisorError } from '../../base/errors.js';
import type { Hypervisor, Journal, Leftover } from '../../hypervisor/index.js';
import type { EventsRead, ReplayedEvents } from '../continuation/index.js';
import type { Continuation } from '../options.js';
import type { RunFolder } from '../runs/types.js';
import { isOwedResume, type Situation } from './findings.js';
import { failuresOf, resumeOwedGuest, withSituation } from './recover.js';
import { whyNotResumed } from './resume.js';
import type { RecoverParts } from './types.js';

/** What a run is not gone on with; bitmaps and nodes are what it is gone on with. */
const HALF_DONE: readonly Leftover['kind'][] = [
  'job',
  'export',
  'nbd-server',
  'device',
  'character-device',
];

/** A run that this process goes on with. */
export interface Continued {
  readonly continuation: Continuation;
  /** How much of its events can be read; the next one belongs after that. */
  readonly read: EventsRead;
}

/**
 * Puts right what a dead process left half done of a run.
 * @param folder of a run that this process has taken over.
 * @param journal is told of each change before it is made.
 * @param agoMs how long ago its last event was, in milliseconds.
 * @throws HypervisorError when the run can't be gone on with; JournalError; ProtocolError.
 */
export async function continueRun(
  folder: RunFolder,
  parts: RecoverParts,
  { journal, agoMs, signal }: { journal: Journal; agoMs: number; signal: AbortSignal },
): Promise<Continued> {
  const { replayed, read } = await parts.readEvents(folder);
  return withSituation(folder, parts, journal, signal, async (situation, hypervisor) => {
    const why = whyNotResumed(situation);
    if (why !== undefined || !hypervisor)
      throw new HypervisorError(`The run ${folder.run} can't be resumed: ${why}.`, {
        hint: '`migrascope recover` puts right what it left; then begin the migration anew.',
      });
    if (isOwedResume(situation)) await resumeOwedGuest(hypervisor, folder, parts, signal);
    await removeHalfDone(situation, hypervisor, parts, signal);
    return { continuation: continuationOf(situation, replayed, read, agoMs), read };
  });
}

async function removeHalfDone(
  { progress: { run, changes } }: Situation,
  hypervisor: Hypervisor,
  { machine }: RecoverParts,
  signal: AbortSignal,
): Promise<void> {
  const failures = [
    ...failuresOf(await hypervisor.removeLeftovers(run, changes, signal, HALF_DONE)),
    ...failuresOf(await machine.removeLeftovers(run, changes)),
  ];
  if (failures.length === 0) return;
  throw new HypervisorError(`The run ${run} can't be resumed: ${failures.join('; ')}.`, {
    hint: 'What is in the way has to be removed first; then try again.',
  });
}

function continuationOf(
  { progress: { image } }: Situation,
  replayed: ReplayedEvents['replayed'],
  read: EventsRead,
  agoMs: number,
): Continuation {
  const made = image?.identity;
  return { ...replayed, events: read.count, agoMs, ...(made ? { made } : {}) };
}
