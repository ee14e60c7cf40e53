/** The same guest under several policies, in virtual time, and the bound that none can beat. */
import { systemClock } from '../base/clock.js';
import {
  blockGeometry,
  type PluginWorld,
  type PolicyName,
  type SummaryEvent,
} from '../engine/index.js';
import type { PluginDescription } from '../plugin/index.js';
import { SimulatedClock } from '../simulator/index.js';
import { boundFor } from './least-writes.js';
import { runScenario, type GuestRecipe, type Scenario } from './scenario.js';

export interface ComparisonRequest {
  /** Of the workload, for the rows. */
  readonly workload: string;
  readonly guest: GuestRecipe;
  /** Built-in ones, and plugins. */
  readonly policies: readonly (PolicyName | PluginDescription)[];
  /** How plugins are started. */
  readonly plugins?: Pick<PluginWorld, 'start' | 'version'>;
  readonly scenario: Omit<Scenario, 'guest' | 'options'> & {
    readonly options: Omit<Scenario['options'], 'policy'>;
  };
  readonly signal?: AbortSignal;
}

/** What a migration under one policy cost. Sizes are bytes, times milliseconds. */
export interface ComparisonRow {
  readonly workload: string;
  readonly policy: string;
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
  const { workload, guest, policies, plugins, scenario, signal } = request;
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
    const clock = new SimulatedClock();
    const around = <T>(work: () => Promise<T>) => clock.standWhile(work);
    const asked =
      typeof policy === 'string' ? { policy } : { policy: 'cache' as const, plugin: policy };
    const { summary, error } = await runScenario(
      { ...scenario, guest, options: { ...options, ...asked } },
      {
        clock,
        ...(signal ? { signal } : {}),
        ...(plugins ? { plugins: { ...plugins, clock: systemClock, around } } : {}),
      },
    );
    if (signal?.aborted) throw error ?? signal.reason;
    const { seed } = guest;
    const name = typeof policy === 'string' ? policy : policy.name;
    const { sentBytes, resentBytes, distinctBytes, rounds, totalMs, downtimeMs, outcome } = summary;
    yield {
      ...{ workload, policy: name, seed, sentBytes, resentBytes, distinctBytes },
      ...{ rounds, totalMs, downtimeMs, boundBytes, outcome },
    };
  }
}
