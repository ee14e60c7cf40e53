/** Migrations of small simulated guests, and what must hold after each, however it ends. */
import { expect } from 'vitest';
import type {
  MigrationEvent,
  MigrationResult,
  PluginWorld,
  Policy,
} from '../../../src/engine/index.js';
import { runScenario, workloadGuest, type Scenario } from '../../../src/experiment/index.js';
import { NEW_IMAGE } from '../../../src/experiment/scenario.js';
import { SOURCE_IMAGE, type Laboratory } from '../../../src/experiment/laboratory.js';
import { workloadCalled } from '../../../src/simulator/index.js';

export const MiB = 1024 ** 2;

/** Where a simulated host listens when nobody migrates. */
const AT_REST = ['destination', 'monitor', 'probe', 'qmp'].map((name) => `unix:/simulated/${name}`);

export interface Asked extends Partial<Scenario['options']> {
  readonly workload?: string;
  readonly diskMiB?: number;
  readonly cacheMiB?: number;
  readonly seed?: number;
  readonly rate?: number;
  readonly probe?: boolean;
  readonly warmUpMs?: number;
  readonly bytesPerSecond?: number;
}

export function scenarioFor(asked: Asked = {}): Scenario {
  const { workload = 'random-rewrite', diskMiB = 64, seed = 1, rate = 1, probe = true } = asked;
  const { cacheMiB = 16, warmUpMs = 35_000, bytesPerSecond = 20 * MiB, ...options } = asked;
  const { maxBandwidth, granularity, maxRounds, downtimeLimitMs, policy, verify, pivot } = options;
  const recipe = { diskBytes: diskMiB * MiB, cacheBytes: cacheMiB * MiB, seed, rate };
  return {
    guest: workloadGuest(workloadCalled(workload), recipe),
    network: { bytesPerSecond, delayMs: 0.2 },
    probe,
    warmUpMs,
    options: {
      policy: policy ?? 'cache',
      ...(maxBandwidth === undefined ? {} : { maxBandwidth }),
      downtimeLimitMs: downtimeLimitMs ?? 300,
      granularity: granularity ?? 65_536,
      maxRounds: maxRounds ?? 30,
      verify: verify ?? 'sent',
      pivot: pivot ?? true,
    },
  };
}

export interface Ran extends MigrationResult {
  readonly events: readonly MigrationEvent[];
  /** How often source and destination were compared, byte by byte, from outside. */
  readonly compared: number;
}

export interface Spoilers {
  /** Is called before the migration; may arrange for what goes wrong. */
  readonly before?: (laboratory: Laboratory) => void;
  /** Is given each event as it happens. */
  readonly onEvent?: (event: MigrationEvent, laboratory: Laboratory) => void;
  readonly signal?: AbortSignal;
  readonly plugins?: PluginWorld;
  readonly policy?: Policy;
  /** The guest ends, or its machine does. */
  readonly guestEnds?: true;
}

/** Migrates, and checks both disks while the guest stands, and what is left. */
export async function run(scenario: Scenario, spoilers: Spoilers = {}): Promise<Ran> {
  const events: MigrationEvent[] = [];
  const labs: Laboratory[] = [];
  let compared = 0;
  const result = await runScenario(scenario, {
    before: (laboratory) => {
      labs.push(laboratory);
      spoilers.before?.(laboratory);
    },
    sink: (event) => {
      events.push(event);
      const laboratory = labs[0]!;
      if (event.type === 'statement' && event.line === 18) {
        compared++;
        expectEqualDisks(laboratory, scenario.options.pivot);
      }
      spoilers.onEvent?.(event, laboratory);
    },
    after: async (laboratory, ended) => {
      if (!spoilers.guestEnds) await expectNothingLeft(laboratory, scenario, ended);
    },
    ...(spoilers.signal ? { signal: spoilers.signal } : {}),
    ...(spoilers.plugins ? { plugins: spoilers.plugins } : {}),
    ...(spoilers.policy ? { policy: spoilers.policy } : {}),
  });
  if (result.summary.outcome === 'completed') expect(compared).toBe(1);
  return { ...result, events, compared };
}

/** The guest stands: what it had is what it has. */
function expectEqualDisks({ host }: Laboratory, pivot: boolean): void {
  const source = host.files.get(SOURCE_IMAGE)!.image;
  const copy = pivot ? host.files.get(NEW_IMAGE)!.image : host.destinationImage;
  expect(source.firstDifference(copy)).toBeUndefined();
}

async function expectNothingLeft(
  laboratory: Laboratory,
  { options, probe }: Scenario,
  { summary }: MigrationResult,
): Promise<void> {
  const { host } = laboratory;
  host.machine.faults.slowness = undefined;
  expect(host.machine.status).toBe('running');
  expect([...laboratory.sockets.addresses].sort()).toEqual(
    AT_REST.filter((address) => probe || !address.endsWith('/probe')),
  );
  const hypervisor = await laboratory.connectHypervisor(new AbortController().signal);
  try {
    expect(await hypervisor.leftovers([])).toEqual([]);
    expect(await hypervisor.session.qmp.execute('query-jobs', {})).toEqual([]);
    const disks = await hypervisor.disks();
    const moved = summary.switchedOver && options.pivot;
    expect(disks.map(({ image }) => image)).toEqual([moved ? NEW_IMAGE : SOURCE_IMAGE]);
    expect(host.files.paths).toEqual(moved ? [SOURCE_IMAGE, NEW_IMAGE] : [SOURCE_IMAGE]);
  } finally {
    await hypervisor.close();
  }
}
