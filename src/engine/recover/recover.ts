/**
 * Recovering a dead run: looking at what is left of it, and putting it right, each step safe to do
 * twice, so that whoever is ended in the middle of it can begin anew:
 *
 *   look         journal, host and this machine; nothing is changed
 *   cleaning     in the journal
 *   cont         where a resume is owed                        resumed, in the journal
 *   …            what it left, in the host and on this machine; the image that it made
 *   end          in the journal, once nothing is left: from here on there is nothing to recover
 */
import { CancelledError, HypervisorError, messageOf, MigrascopeError } from '../../base/errors.js';
import type { Hypervisor, Journal, LeftoverOutcome } from '../../hypervisor/index.js';
import type { JournalEntry, RunFolder } from '../runs/types.js';
import { disksOf, isSameHypervisor, type Situation } from './findings.js';
import { judge, nameOf } from './judge.js';
import { FOUND_ON_SOURCE, progressOf } from './progress.js';
import type {
  HostView,
  MachineView,
  Progress,
  Reached,
  RecoverParts,
  Recovery,
  RecoveryResult,
  Step,
  StepAction,
  StepOutcome,
} from './types.js';

const NO_JOURNAL: Journal = { record: () => Promise.resolve() };

/**
 * Looks at a dead run, and changes nothing.
 * @throws HypervisorError when the run is not dead; JournalError when its journal can't be read.
 */
export async function lookAtDeadRun(
  folder: RunFolder,
  parts: RecoverParts,
  signal: AbortSignal,
): Promise<Recovery> {
  return withSituation(folder, parts, NO_JOURNAL, signal, (situation) =>
    Promise.resolve(judge(situation)),
  );
}

/**
 * Puts right what is left of a dead run. A step that fails is told, and the rest goes on.
 * @param agreed the steps that somebody agreed to; others are skipped.
 * @throws HypervisorError when the run is not dead; JournalError when its journal can't be read.
 */
export async function recoverRun(
  folder: RunFolder,
  agreed: ReadonlySet<StepAction>,
  parts: RecoverParts,
  signal: AbortSignal,
): Promise<RecoveryResult> {
  const journal: Journal = {
    record: (change) => parts.appendJournal(folder, { type: 'change', ...change }),
  };
  return withSituation(folder, parts, journal, signal, async (situation, hypervisor) => {
    const recovery = judge(situation);
    const doing = new Doing(folder, situation, hypervisor, parts, signal);
    const outcomes = await doing.all(recovery.steps, agreed);
    const complete = outcomes.some(
      ({ step, outcome }) => step.action === 'close-journal' && outcome === 'done',
    );
    return { recovery, outcomes, complete };
  });
}

/** Looks at a dead run; what `action` is given is closed after it. Errors as {@link lookAtDeadRun}. */
export async function withSituation<T>(
  folder: RunFolder,
  parts: RecoverParts,
  journal: Journal,
  signal: AbortSignal,
  action: (situation: Situation, hypervisor: Hypervisor | undefined) => Promise<T>,
): Promise<T> {
  const progress = await progressOfDead(folder, parts, signal);
  const reached = await reach(progress, parts, journal, signal);
  const hypervisor = reached?.state === 'reached' ? reached.hypervisor : undefined;
  try {
    // The monitor may have been waited for: meanwhile somebody else may have recovered the run.
    if (hypervisor) await progressOfDead(folder, parts, signal);
    const host = await lookAtHost(reached, progress, signal);
    const machine = await lookAtMachine(progress, parts);
    const replayed = await lookAtEvents(folder, parts);
    return await action({ progress, host, machine, replayed }, hypervisor);
  } finally {
    await hypervisor?.close();
  }
}

async function progressOfDead(
  folder: RunFolder,
  parts: RecoverParts,
  signal: AbortSignal,
): Promise<Progress> {
  const { state, reason } = await parts.status(folder, signal);
  if (state !== 'dead')
    throw new HypervisorError(
      `The run ${folder.run} is not recovered, since it is not dead: ${reason}`,
    );
  return progressOf(await parts.readJournal(folder));
}

/** @returns nothing where nobody has to be asked. */
async function reach(
  { stage, host, source }: Progress,
  parts: RecoverParts,
  journal: Journal,
  signal: AbortSignal,
): Promise<Reached | undefined> {
  if (stage === 'not-begun') return undefined;
  const hypervisor = source?.hypervisor;
  const where = { host, ...(hypervisor === undefined ? {} : { hypervisor }) };
  try {
    return await parts.reach(where, journal, signal);
  } catch (error) {
    if (error instanceof CancelledError) throw error;
    return { state: 'unreachable', reason: messageOf(error) };
  }
}

async function lookAtHost(
  reached: Reached | undefined,
  { run, changes }: Progress,
  signal: AbortSignal,
): Promise<HostView> {
  if (!reached) return { state: 'not-asked' };
  if (reached.state !== 'reached') return reached;
  const { hypervisor } = reached;
  try {
    const leftovers = await hypervisor.leftovers(changes, signal);
    return {
      state: 'reached',
      runState: await hypervisor.runState(signal),
      disks: await hypervisor.disks(signal),
      leftovers: leftovers.filter((each) => each.run === run),
    };
  } catch (error) {
    if (error instanceof CancelledError) throw error;
    return { state: 'unreachable', reason: messageOf(error) };
  }
}

async function lookAtEvents(
  folder: RunFolder,
  parts: RecoverParts,
): Promise<Situation['replayed']> {
  try {
    return (await parts.readEvents(folder)).replayed;
  } catch (error) {
    if (!(error instanceof MigrascopeError)) throw error;
    return { unknown: error.message };
  }
}

async function lookAtMachine(
  { run, changes, image }: Progress,
  parts: RecoverParts,
): Promise<MachineView> {
  const leftovers = await parts.machine.leftovers(run, changes);
  const here = image && (image.identity !== undefined || (await parts.isLocal(image.host)));
  if (!here) return { leftovers };
  try {
    return { leftovers, image: await parts.machine.lookAtImage(image) };
  } catch (error) {
    return { leftovers, image: { state: 'uncertain', reason: messageOf(error) } };
  }
}

/** The steps, one after the other. */
class Doing {
  constructor(
    private readonly folder: RunFolder,
    private readonly situation: Situation,
    private readonly hypervisor: Hypervisor | undefined,
    private readonly parts: RecoverParts,
    private readonly signal: AbortSignal,
  ) {}

  async all(
    steps: readonly Step[],
    agreed: ReadonlySet<StepAction>,
  ): Promise<readonly StepOutcome[]> {
    const outcomes: StepOutcome[] = [];
    if (steps.some(({ action }) => agreed.has(action)))
      await this.#noteAnyway({ type: 'cleaning' });
    for (const step of steps) {
      const reason = agreed.has(step.action)
        ? whyNot(step, outcomes)
        : 'it was not among what was agreed to';
      if (reason === undefined) outcomes.push(await this.#try(step));
      else outcomes.push({ step, outcome: 'skipped', reason });
    }
    return outcomes;
  }

  async #try(step: Step): Promise<StepOutcome> {
    try {
      this.signal.throwIfAborted();
      const failures = await this.#do(step);
      if (failures.length === 0) return { step, outcome: 'done' };
      return { step, outcome: 'failed', reason: failures.join('; ') };
    } catch (error) {
      return { step, outcome: 'failed', reason: messageOf(error) };
    }
  }

  /** @returns what could not be done, in words. */
  async #do(step: Step): Promise<readonly string[]> {
    const { run, changes, image } = this.situation.progress;
    const { machine } = this.parts;
    switch (step.action) {
      case 'resume-guest':
        await resumeOwedGuest(this.hypervisor!, this.folder, this.parts, this.signal);
        return [];
      case 'remove-leftovers':
        return this.#removeLeftovers();
      case 'remove-here':
        return failuresOf(await machine.removeLeftovers(run, changes));
      case 'delete-image':
        await this.#noteAnyway(deletion(run, step.path));
        await machine.deleteImage(image!);
        return [];
      case 'close-journal':
        await this.#close();
        return [];
    }
  }

  async #removeLeftovers(): Promise<readonly string[]> {
    const { run, changes, switching } = this.situation.progress;
    const hypervisor = this.hypervisor!;
    if (switching) {
      const jobs = await hypervisor.removeLeftovers(run, changes, this.signal, ['job']);
      if (failuresOf(jobs).length > 0) return failuresOf(jobs);
      await this.#noteDisk(run, switching.from);
    }
    return failuresOf(await hypervisor.removeLeftovers(run, changes, this.signal));
  }

  /** With the leftovers goes the proof that it is the run's hypervisor: what it has proven stays. */
  async #noteDisk(run: string, disk: string): Promise<void> {
    const disks = await this.hypervisor!.disks(this.signal);
    if (!isSameHypervisor(this.situation) || !disks.some(({ name }) => name === disk)) return;
    const host = this.hypervisor!.name;
    const found = { host, run, action: FOUND_ON_SOURCE, arguments: { disk } };
    await this.#noteAnyway({ type: 'change', ...found });
  }

  async #close(): Promise<void> {
    const message = 'Its process died before its end; it was recovered.';
    await this.parts.appendJournal(this.folder, {
      type: 'end',
      outcome: 'failed',
      switchedOver: disksOf(this.situation) === 'destination',
      guest: await this.#guestNow(),
      error: { kind: 'died', message },
      leftBehind: [],
    });
  }

  async #guestNow(): Promise<string> {
    if (this.situation.host.state === 'gone') return 'gone';
    if (!this.hypervisor) return 'unknown';
    const { running } = await this.hypervisor.runState(this.signal);
    return running ? 'running' : 'paused';
  }

  #noteAnyway(entry: JournalEntry): Promise<void> {
    return noteAnyway(this.folder, entry, this.parts);
  }
}

/**
 * Resumes a guest that is owed it. It may have been resumed since it was looked at: then nothing is
 * done to it.
 * @throws HypervisorError when it does not run afterwards.
 */
export async function resumeOwedGuest(
  hypervisor: Hypervisor,
  folder: RunFolder,
  parts: RecoverParts,
  signal: AbortSignal,
): Promise<void> {
  if ((await hypervisor.runState(signal)).status === 'paused') await hypervisor.resume();
  const { running, status } = await hypervisor.runState(signal);
  if (!running)
    throw new HypervisorError(`It was resumed, and is in the state "${status}".`, {
      hint: 'Look at its hypervisor.',
    });
  await noteAnyway(folder, { type: 'resumed' }, parts);
}

/** A journal that can't be written keeps nobody from putting things right. */
async function noteAnyway(
  folder: RunFolder,
  entry: JournalEntry,
  parts: RecoverParts,
): Promise<void> {
  try {
    await parts.appendJournal(folder, entry);
  } catch (error) {
    parts.logger.log('warn', `The journal does not say "${entry.type}": ${messageOf(error)}`);
  }
}

/** Why a step is not done after what became of those before it; nothing where it is done. */
function whyNot({ action }: Step, before: readonly StepOutcome[]): string | undefined {
  const undone = (wanted: StepAction) =>
    before.some(({ step, outcome }) => step.action === wanted && outcome !== 'done');
  if (action === 'remove-leftovers' && undone('resume-guest'))
    return 'it is what proves that the guest is owed a resume, and the guest is not resumed yet';
  if (action === 'close-journal' && before.some(({ outcome }) => outcome !== 'done'))
    return 'something is left';
  if (action === 'delete-image' && (undone('remove-leftovers') || undone('remove-here')))
    return 'something that may use it is left';
  return undefined;
}

/** What could not be removed, in words. */
export function failuresOf(outcomes: readonly LeftoverOutcome[]): readonly string[] {
  return outcomes.flatMap(({ leftover, failure }) =>
    failure === undefined ? [] : [`${nameOf(leftover)} remains: ${failure}`],
  );
}

function deletion(run: string, path: string): JournalEntry {
  const change = { host: 'localhost', run, action: 'delete-file', arguments: { path } };
  return { type: 'change', ...change, undoes: true };
}
