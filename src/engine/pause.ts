/**
 * The guest's pause, from the lease before it to the release after it:
 *
 *   lease.take      somebody else resumes the guest if this process can't
 *   pausing         in the journal: a resume is owed
 *   stop            the guest stands
 *   …               the lease is confirmed at each gate, and before what can't be taken back
 *   cont            the guest runs
 *   resumed         in the journal: nothing is owed
 *   lease.release
 */
import { messageOf } from '../base/errors.js';
import type { Run } from './run.js';
import type { Milestone } from './runs/types.js';

/** Waits until the guest stands, and notes since when. @throws LeaseError, JournalError before it is paused. */
export async function pauseGuest(run: Run): Promise<void> {
  const { clock, lease } = run.parts;
  const hypervisor = run.hypervisor!;
  const before = await hypervisor.runState(run.signal);
  if (before.running) await lease?.take(run.signal, (error) => leaseLost(run, error));
  await note(run, { type: 'pausing', before });
  if (before.running) await lease?.confirm(run.signal);
  run.signal.throwIfAborted();
  run.pause = { since: clock.now(), before };
  if (before.running) await hypervisor.pause(run.signal);
  run.emit({ type: 'paused', byProgram: before.running });
  await note(run, { type: 'paused' });
}

/** Up to the commit of the switchover this ends the program; after it, nothing but the resume is left to do. */
function leaseLost(run: Run, error: Error): void {
  run.leaseLost = true;
  if (!run.committed) run.fail(error);
  else
    run.emit({
      type: 'warning',
      message: error.message,
      hint: 'The switchover is done: the guest goes on with its new disk.',
    });
}

/** Gives the guest back the run state that it had; also after a failure, so without a signal. */
export async function resumeGuest(run: Run): Promise<void> {
  if (run.pause && run.leaseLost) await hearOfGuardian(run);
  const { pause } = run;
  if (!pause) return;
  if (pause.before.running) {
    const stoodMs = () => run.parts.clock.now() - pause.since;
    run.downtimeMs = stoodMs();
    await run.hypervisor!.resume();
    run.downtimeMs = stoodMs();
    run.emit({ type: 'resumed', byProgram: true, pausedMs: run.downtimeMs });
  }
  run.pause = undefined;
  await noteAnyway(run, { type: 'resumed' });
  await run.parts.lease?.release();
}

/** Once the guardian has acted, its resume is heard of before this is answered, and nothing is owed any more. */
async function hearOfGuardian({ hypervisor }: Run): Promise<void> {
  await hypervisor?.runState().catch(() => undefined);
}

/** Somebody else resumed the guest: what becomes of it now is up to them. */
export function pauseEnded(run: Run): void {
  const { pause } = run;
  if (!pause) return;
  run.downtimeMs = run.parts.clock.now() - pause.since;
  run.pause = undefined;
  void noteAnyway(run, { type: 'resumed' });
}

/** Makes sure, where the program has the guest paused and can still be ended, that nobody else has resumed it. @throws LeaseError when that is not so. */
export async function confirmLease(run: Run): Promise<void> {
  if (run.pause?.before.running && !run.committed) await run.parts.lease?.confirm(run.signal);
}

/** Has a milestone in the journal before the program goes on. @throws JournalError when it can't be written. */
export async function note(run: Run, milestone: Milestone): Promise<void> {
  await run.parts.journal?.note(milestone);
}

/** The same where nothing may keep the program from going on: a journal that fails is told of. */
export async function noteAnyway(run: Run, milestone: Milestone): Promise<void> {
  try {
    await note(run, milestone);
  } catch (error) {
    const message = `The journal does not say "${milestone.type}": ${messageOf(error)}`;
    run.emit({ type: 'warning', message });
  }
}
