/** Whether another process can go on with a dead run: pure, by what was found. */
import { trackedSince } from '../../hypervisor/index.js';
import { MASK } from '../runs/mask.js';
import { disksOf, isDoubtful, type Situation } from './findings.js';
import type { Finding } from './types.js';

/** Whether it can, and why not. */
export function findResume(situation: Situation): Finding<'possible' | 'impossible'> {
  const why = whyNotResumed(situation);
  if (why !== undefined) return { state: 'impossible', text: `can't be resumed: ${why}` };
  const { run } = situation.progress;
  return {
    state: 'possible',
    text: `\`migrascope resume ${run}\` goes on with it: only what was written since is sent`,
  };
}

/** Why a dead run can't be gone on with, as part of a sentence; nothing where it can. */
export function whyNotResumed(situation: Situation): string | undefined {
  const { progress, host, replayed } = situation;
  if (host.state === 'gone') return 'its hypervisor has ended, and its dirty bitmaps with it';
  if (host.state !== 'reached') return "its hypervisor can't be asked";
  if ('unknown' in replayed) return replayed.unknown;
  if (progress.cleaning) return 'what it made was being removed';
  if (disksOf(situation) !== 'source') return 'the guest does not have its source any more';
  if (isDoubtful(situation)) return 'nothing of it is in this hypervisor';
  if (!trackedSince(replayed.flip, progress.run, host.leftovers))
    return 'what was written since is not known: a dirty bitmap of it is not there any more';
  if (progress.pivot && !host.leftovers.some(({ kind }) => kind === 'node'))
    return 'its new image is not open in the hypervisor any more';
  const { destination } = progress;
  if (destination.type === 'nbd' && destination.uri.includes(MASK))
    return 'the credentials of its destination are not kept anywhere';
  return undefined;
}
