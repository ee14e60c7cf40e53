/** Leftovers on a host that belong to no dead run of this machine: of runs that ended, or of which nothing is known here. */
import { messageOf } from '../../base/errors.js';
import type { HostChange, Hypervisor, Leftover } from '../../hypervisor/index.js';
import type { RunStatus } from '../runs/types.js';
import { judgeStray, nameOf } from './judge.js';
import type { Recovery, RecoveryResult, StepOutcome } from './types.js';

/** A run that left something, with what is known of it here. */
export interface Stray {
  readonly run: string;
  readonly leftovers: readonly Leftover[];
  /** Absent where there is no journal of it here. */
  readonly status?: RunStatus;
}

/** Pure: leftovers by their runs, without those of dead runs, which are recovered by their journals. */
export function straysOf(
  leftovers: readonly Leftover[],
  known: readonly RunStatus[],
): readonly Stray[] {
  const runs = [...new Set(leftovers.map(({ run }) => run))];
  return runs.flatMap((run) => {
    const status = known.find((each) => each.run === run);
    if (status?.state === 'dead') return [];
    const own = leftovers.filter((each) => each.run === run);
    return [{ run, leftovers: own, ...(status ? { status } : {}) }];
  });
}

/**
 * What is to be done about a stray; nothing where its run is, or may be, alive.
 * @param host as the person gave it.
 */
export function judgeStrayRun(
  { run, leftovers, status }: Stray,
  host: string,
): Recovery | undefined {
  if (status && status.state !== 'ended') return undefined;
  return judgeStray({ run, host, leftovers }, status);
}

/** Removes what a stray run left. @param changes of its journal, where there is one. */
export async function removeStray(
  recovery: Recovery,
  hypervisor: Hypervisor,
  changes: readonly HostChange[],
  signal: AbortSignal,
): Promise<RecoveryResult> {
  const outcomes: StepOutcome[] = [];
  for (const step of recovery.steps) {
    try {
      const removed = await hypervisor.removeLeftovers(recovery.run, changes, signal);
      const left = removed.filter(({ failure }) => failure !== undefined);
      const reason = left.map((each) => `${nameOf(each.leftover)} remains: ${each.failure}`);
      outcomes.push(
        left.length === 0
          ? { step, outcome: 'done' }
          : { step, outcome: 'failed', reason: reason.join('; ') },
      );
    } catch (error) {
      outcomes.push({ step, outcome: 'failed', reason: messageOf(error) });
    }
  }
  const complete = outcomes.every(({ outcome }) => outcome === 'done');
  return { recovery, outcomes, complete };
}
