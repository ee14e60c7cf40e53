/** The same guest under several policies, in virtual time, and the bound that none can beat. */
import { blockGeometry, type PolicyName, type SummaryEvent } from '../engine/index.js';
import { boundFor } from './least-writes.js';
import { runScenario, type GuestRecipe, type Scenario } from './scenario.js';

export interface ComparisonRequest {
  /** Of the workload, for the rows. */
  readonly workload: string;
  readonly guest: GuestRecipe;
  readonly policies: readonly PolicyName[];
  readonly scenario: Omit<Scenario, 'guest' | 'options'> & {
    readonly options: Omit<Scenario['options'], 'policy'>;
  };
  readonly signal?: AbortSignal;
}

/** What a migration under one policy cost. Sizes are bytes, times milliseconds. */
export interface ComparisonRow {
  readonly workload: string;
  readonly policy: PolicyName;
  readonly seed: number;
  readonly sentBytes: number;
  readonly resentBytes: number;
  readonly distinctBytes: number;
  readonly rounds: number;
  readonly totalMs: number;
  readonly downtimeMs: number;
  /** What the clairvoyant schedule sends under the same limits. */
  readonly boundBytes: number;
  /** How it ended: `completed`, or why not. */
  readonly outcome: SummaryEvent['outcome'];
}

/** @throws UsageError for what can't be; CancelledError. */
export async function* compare(request: ComparisonRequest): AsyncGenerator<ComparisonRow> {
  const { workload, guest, policies, scenario, signal } = request;
  const { options, network, warmUpMs } = scenario;
  const geometry = blockGeometry(options.granularity, guest.diskBytes);
  const { boundBytes } = boundFor(
    guest,
    geometry,
    {
      bytesPerSecond: Math.min(network.bytesPerSecond, options.maxBandwidth ?? Infinity),
      downtimeLimitMs: options.downtimeLimitMs,
    },
    warmUpMs,
  );
  for (const policy of policies) {
    signal?.throwIfAborted();
    const { summary, error } = await runScenario(
      { ...scenario, guest, options: { ...options, policy } },
      signal ? { signal } : {},
    );
    if (signal?.aborted) throw error ?? signal.reason;
    const { seed } = guest;
    const { sentBytes, resentBytes, distinctBytes, rounds, totalMs, downtimeMs, outcome } = summary;
    yield {
      ...{ workload, policy, seed, sentBytes, resentBytes, distinctBytes },
      ...{ rounds, totalMs, downtimeMs, boundBytes, outcome },
    };
  }
}
