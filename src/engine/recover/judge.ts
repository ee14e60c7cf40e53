/** What will be done about a dead run, and why: pure, by what was found. */
import type { Leftover } from '../../hypervisor/index.js';
import { maskText, type RunStatus } from '../runs/index.js';
import {
  disksOf,
  findDestination,
  findGuest,
  findSource,
  isDoubtful,
  isOwedResume,
  isSameHypervisor,
  type Situation,
} from './findings.js';
import { findResume } from './resume.js';
import type { Progress, Recovery, Stage, Step } from './types.js';

const HAPPENED: Readonly<Record<Stage, string>> = {
  'not-begun': 'It died before it changed anything.',
  'before-tracking': 'It died while it prepared: nothing was sent.',
  'in-rounds': 'It died in its rounds, while the guest ran.',
  paused: 'It died after it began to pause the guest.',
  switching: 'It died in the switchover.',
  switched: 'It died after the switchover, which is done.',
};

/** What is to be done about a run that is dead. */
export function judge(situation: Situation): Recovery {
  const { progress, host } = situation;
  const destination = findDestination(situation);
  const blocked = host.state === 'unreachable' ? { blocked: host.reason } : {};
  const steps = host.state === 'unreachable' ? [] : stepsFor(situation);
  return {
    run: progress.run,
    state: 'dead',
    host: progress.host,
    title: titleOf(progress),
    happened: happened(progress),
    guest: findGuest(situation),
    source: findSource(situation),
    destination: { ...destination, text: maskText(destination.text) },
    resume: findResume(situation),
    notes: notesOn(situation, steps),
    steps,
    ...blocked,
  };
}

/** What is to be done about leftovers of a run that ended, or of which there is no journal here. */
export function judgeStray(
  { run, host, leftovers }: { run: string; host: string; leftovers: readonly Leftover[] },
  ended: RunStatus | undefined,
): Recovery {
  const step = removal('remove-leftovers', leftovers);
  const note =
    'It may run on another machine or as another user: then this would end it. Only --run with its id and --yes removes it, by your word that it is dead.';
  return {
    run,
    state: ended ? 'ended' : 'no-journal',
    host,
    title: `leftovers on ${host}`,
    happened: ended
      ? `${ended.reason} It left something.`
      : 'There is no journal of this run here, so nothing is known of it.',
    notes: ended ? [] : [note],
    steps: step ? [step] : [],
  };
}

function titleOf({ host, source, destination, begunAt }: Progress): string {
  const to = destination.type === 'file' ? `file:${destination.path}` : maskText(destination.uri);
  return `${host} ${source?.disk ?? ''} → ${to}, begun ${begunAt}`;
}

function happened({ stage, resumed, cleaning, guardian }: Progress): string {
  const later = cleaning
    ? ' It was putting things back.'
    : resumed
      ? ' The guest had its run state back.'
      : '';
  const guard = guardian ? ` The guardian: ${guardian.message}` : '';
  return `${HAPPENED[stage]}${later}${guard}`;
}

function stepsFor(situation: Situation): readonly Step[] {
  const { host, machine } = situation;
  const steps: (Step | undefined)[] = [
    isOwedResume(situation) ? { action: 'resume-guest', what: 'resume the guest' } : undefined,
    removal('remove-leftovers', host.state === 'reached' ? host.leftovers : []),
    removal('remove-here', machine.leftovers),
    imageStep(situation),
    isDoubtful(situation)
      ? undefined
      : { action: 'close-journal', what: "note the run's end in its journal" },
  ];
  return steps.filter((step) => step !== undefined);
}

function removal(
  action: 'remove-leftovers' | 'remove-here',
  leftovers: readonly Leftover[],
): Step | undefined {
  if (leftovers.length === 0) return undefined;
  return { action, what: `remove ${leftovers.map(nameOf).join(', ')}`, leftovers };
}

const KIND: Readonly<Record<Leftover['kind'], string>> = {
  job: 'the job',
  export: 'the export',
  'nbd-server': 'the NBD server at',
  bitmap: 'the bitmap',
  node: 'the node',
  device: 'the device',
  'character-device': 'the character device',
  process: 'the process',
  folder: 'the folder',
};

/** A leftover in words. */
export function nameOf({ kind, name, on }: Leftover): string {
  return `${KIND[kind]} ${name}${on === undefined ? '' : ` of ${on}`}`;
}

/** The image is deleted where the run made it, nobody has gone on with it, and it is no copy that was asked for. */
function imageStep(situation: Situation): Step | undefined {
  const { progress, machine } = situation;
  if (machine.image?.state !== 'made' || !progress.image) return undefined;
  if (!isDispensable(situation)) return undefined;
  const { path } = progress.image;
  return { action: 'delete-image', what: `delete the image ${path}, which the run made`, path };
}

function isDispensable(situation: Situation): boolean {
  const { progress } = situation;
  const { state } = findDestination(situation);
  if (state === 'empty' || state === 'incomplete') return true;
  const proven = isSameHypervisor(situation) || progress.foundOnSource;
  const certain = disksOf(situation) === 'source' && proven;
  return state === 'copy' && progress.stage === 'switching' && certain;
}

function notesOn(situation: Situation, steps: readonly Step[]): readonly string[] {
  const { progress, host } = situation;
  const notes: (string | undefined)[] = [
    isDoubtful(situation)
      ? 'If it stands because of the run, resume it (`cont` in its monitor). The journal is closed once the guest runs.'
      : undefined,
    configurationNote(situation),
    unknownDiskNote(situation),
    imageNote(situation, steps),
    host.state === 'gone' && progress.pivot
      ? 'Before the guest is started again, see which image its configuration names.'
      : undefined,
  ];
  return notes.filter((note) => note !== undefined);
}

function configurationNote(situation: Situation): string | undefined {
  const { progress } = situation;
  if (disksOf(situation) !== 'destination') return undefined;
  return `The guest's configuration (libvirt XML, start script) still names ${progress.source?.image ?? 'the old image'}: change it before the guest is started anew.`;
}

function unknownDiskNote(situation: Situation): string | undefined {
  const known = disksOf(situation) !== 'unknown' || situation.host.state === 'not-asked';
  return known
    ? undefined
    : 'Neither image is deleted. Compare when both were written last before the guest is started.';
}

function imageNote(
  { progress: { image, stage }, machine }: Situation,
  steps: readonly Step[],
): string | undefined {
  if (!image || steps.some(({ action }) => action === 'delete-image') || stage === 'switched')
    return undefined;
  if (!machine.image)
    return `The image ${image.path} is on another machine (${image.host}): delete it there, if nobody needs it.`;
  if (machine.image.state === 'uncertain')
    return `The image ${image.path} is kept: ${machine.image.reason}.`;
  return machine.image.state === 'made' ? `The image ${image.path} is kept.` : undefined;
}
