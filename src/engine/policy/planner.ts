/** Who makes the plans of a run: a policy in this process, or a plugin. */
import type { BlockGeometry } from '../blockset/index.js';
import type { WriteHistory } from './history.js';
import { roundsStillHelp, type Outlook, type RoundFigures } from './convergence.js';
import type { Plan, PlanView, Policy } from './types.js';

/** What a planner is told once, at statement 1. */
export interface PlanContext {
  readonly run: string;
  readonly disk: { readonly name: string; readonly size: number };
  readonly geometry: BlockGeometry;
  readonly history: WriteHistory;
  /** Tells the person. */
  warn(message: string, hint?: string): void;
}

export interface Planner {
  /** Whether it is worth asking the guest for its page cache, now. */
  readonly usesCache: boolean;
  /** @throws CancelledError only. */
  begin(context: PlanContext, signal: AbortSignal): Promise<void>;
  /** @throws CancelledError only. */
  plan(view: PlanView, signal: AbortSignal): Promise<Plan>;
  /**
   * Whether another round is of use, where what is not put off does not fit the downtime limit.
   * @param rounds all rounds so far, oldest first.
   * @throws CancelledError only.
   */
  anotherRoundHelps(
    rounds: readonly RoundFigures[],
    outlook: Outlook,
    signal: AbortSignal,
  ): Promise<boolean>;
  /** Lets go of what it has. Idempotent; never throws. */
  close(): Promise<void>;
}

/** A policy in this process as the planner. */
export function plannerOf(policy: Policy): Planner {
  return {
    usesCache: policy.usesCache,
    begin: () => Promise.resolve(),
    plan: (view) => Promise.resolve(policy.plan(view)),
    anotherRoundHelps: (rounds) => Promise.resolve(roundsStillHelp(rounds)),
    close: () => Promise.resolve(),
  };
}
