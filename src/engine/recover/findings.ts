/** What state the guest and its two disks are in: pure, by a run's journal and by how the host is now. */
import type { Replayed } from '../continuation/index.js';
import type {
  DestinationFinding,
  GuestFinding,
  HostView,
  MachineView,
  Progress,
  SourceFinding,
} from './types.js';

/** Which disk a guest has. */
export type GuestsDisk =
  'source' | 'destination' /** Neither of the run's two, or nobody can say. */ | 'unknown';

type Reached = Extract<HostView, { state: 'reached' }>;

/** What the run's disks and the guest are like, as far as it is known. */
export interface Situation {
  readonly progress: Progress;
  readonly host: HostView;
  readonly machine: MachineView;
  /** How far the run was by its events, or why they don't tell. */
  readonly replayed: Replayed | { readonly unknown: string };
}

/** The disk that the guest has, or had when it ended. */
export function disksOf({ progress, host }: Situation): GuestsDisk {
  if (host.state === 'reached') return diskNow(progress, host);
  if (progress.stage === 'switched') return 'destination';
  return progress.stage === 'switching' ? 'unknown' : 'source';
}

function diskNow({ source, switching }: Progress, { disks }: Reached): GuestsDisk {
  const has = (name: string | undefined) =>
    disks.some((disk) => disk.name === name || disk.aliases.includes(name ?? ''));
  const current = (name: string | undefined) => disks.some((disk) => disk.name === name);
  if (switching && current(switching.to)) return 'destination';
  if (switching && current(switching.from)) return 'source';
  if (!switching && has(source?.disk)) return 'source';
  return 'unknown';
}

/**
 * Whether the hypervisor is the very one in which the run was, not one that was started since at the
 * same address: something that only the run made is in it.
 */
export function isSameHypervisor({ progress, host }: Situation): boolean {
  if (host.state !== 'reached') return false;
  return host.leftovers.length > 0 || hasDisk(host, progress.switching?.to);
}

function hasDisk({ disks }: Reached, name: string | undefined): boolean {
  return name !== undefined && disks.some((disk) => disk.name === name);
}

function isOwed({ debt }: Progress, host: HostView): boolean {
  return debt.owed && host.state === 'reached' && host.runState.status === 'paused';
}

/** Whether the guest stands because of the run, and is to be resumed. */
export function isOwedResume(situation: Situation): boolean {
  const { progress, host } = situation;
  return isOwed(progress, host) && isSameHypervisor(situation);
}

/** Whether the guest stands, a resume is owed, and nothing proves that it is this guest to whom it is owed. */
export function isDoubtful(situation: Situation): boolean {
  const { progress, host } = situation;
  return isOwed(progress, host) && !isSameHypervisor(situation);
}

export function findGuest(situation: Situation): GuestFinding {
  const { progress, host } = situation;
  switch (host.state) {
    case 'not-asked':
      return { state: 'unknown', text: 'was not touched' };
    case 'gone':
      return { state: 'gone', text: `has ended with its hypervisor (${host.reason})` };
    case 'unreachable':
      return { state: 'unknown', text: `can't be asked: ${host.reason}${debtSoFar(progress)}` };
    case 'reached':
      return guestNow(situation, host);
  }
}

function debtSoFar({ debt }: Progress): string {
  return debt.owed ? '; by the journal it was paused, and is owed a resume' : '';
}

function guestNow(situation: Situation, { runState }: Reached): GuestFinding {
  const { debt, guardian } = situation.progress;
  const disk = { source: 'its source', destination: 'its new disk', unknown: 'another disk' };
  const on = disk[disksOf(situation)];
  if (runState.running) {
    const by = guardian?.act === 'resumed' ? '; its guardian had resumed it' : '';
    return { state: 'running', text: `runs, on ${on}${by}` };
  }
  if (runState.status !== 'paused')
    return { state: 'other', text: `is in the state "${runState.status}", on ${on}` };
  const stands = `is paused, on ${on}`;
  if (isOwedResume(situation))
    return { state: 'paused', text: `${stands}: the run paused it, and did not resume it` };
  if (isDoubtful(situation))
    return {
      state: 'paused',
      text: `${stands}; whether by the run can't be told: nothing of the run is in this hypervisor, which may have been started since`,
    };
  return { state: 'paused', text: `${stands}, and not because of the run (${debt.reason})` };
}

export function findSource(situation: Situation): SourceFinding {
  const { progress, host } = situation;
  if (host.state === 'not-asked') return { state: 'current', text: 'was not touched' };
  const image = progress.source?.image ?? "the guest's disk";
  const disk = disksOf(situation);
  const asKnown = host.state === 'unreachable' ? ', by the journal' : '';
  if (disk === 'destination')
    return {
      state: 'stale',
      text: `${image} is whole, as it was at the switchover${asKnown}; the guest has not used it since`,
    };
  if (disk === 'unknown')
    return {
      state: 'unknown',
      text: `whether the guest went on with ${image} or with the new image is not known`,
    };
  if (host.state === 'gone')
    return { state: 'current', text: `${image} is whole, with all that the guest wrote to it` };
  if (host.state === 'reached' && progress.stage === 'switched')
    return {
      state: 'stale',
      text: `the guest has ${image} again, although the switchover was done: what it wrote between is in the new image`,
    };
  return { state: 'current', text: `${image} is whole, and is the guest's disk${asKnown}` };
}

export function findDestination(situation: Situation): DestinationFinding {
  const { progress, machine } = situation;
  const { stage, pivot, destination } = progress;
  const name = destination.type === 'file' ? destination.path : destination.uri;
  if (machine.image?.state === 'gone' && stage !== 'switched')
    return { state: 'empty', text: `${name} is gone, or was never made` };
  switch (stage) {
    case 'not-begun':
    case 'before-tracking':
      return { state: 'empty', text: `nothing was sent to ${name}` };
    case 'in-rounds':
      return { state: 'incomplete', text: `${name} is incomplete, of no use by itself` };
    case 'paused':
      return pivot
        ? { state: 'incomplete', text: `${name} is incomplete, or was not compared: of no use` }
        : {
            state: 'uncertain',
            text: `${name} may be complete as of the pause, or not: the run did not live to say so`,
          };
    case 'switching':
    case 'switched':
      return afterCopy(situation, name);
  }
}

function afterCopy(situation: Situation, name: string): DestinationFinding {
  const { progress, host } = situation;
  const disk = disksOf(situation);
  if (disk === 'destination') {
    const had = host.state === 'reached' ? "is the guest's disk now" : 'was its disk last';
    return { state: 'current', text: `${name} ${had}` };
  }
  if (disk === 'unknown')
    return { state: 'unknown', text: `${name} is whole; the guest may have gone on with it` };
  if (progress.stage === 'switched')
    return { state: 'unknown', text: `${name} has what the guest wrote after the switchover` };
  return {
    state: 'copy',
    text: `${name} is a copy as of the pause; the guest has gone on with its source`,
  };
}
