/** The policies on simulated guests: what deferral must bring, and what it must not cost. */
import { describe, expect, it } from 'vitest';
import { BlockSet } from '../../../src/engine/blockset/index.js';
import { cachePolicy, createPolicy, plainPolicy } from '../../../src/engine/policy/index.js';
import { simulate, USED_BLOCKS, type Outcome } from './simulation.js';
import { circularLog, WORKLOADS, type WorkloadName } from './workloads.js';

const BANDWIDTHS = [25e6, 12.5e6];
const SEED = 1;
const TIMEOUT = { timeout: 60_000 };

const known = new Map<string, Outcome[]>();

/** The outcomes for each bandwidth; each is simulated once. */
function outcomes(policy: string, workload: WorkloadName, probe = true): Outcome[] {
  const key = `${policy} ${workload} ${probe}`;
  const found = known.get(key) ?? simulateAll(policy, workload, probe);
  known.set(key, found);
  return found;
}

function simulateAll(policy: string, workload: WorkloadName, probe = true): Outcome[] {
  return BANDWIDTHS.map((bandwidth) =>
    simulate({
      policy: createPolicy(policy),
      workload: WORKLOADS[workload](SEED, USED_BLOCKS),
      bandwidth,
      probe,
      maxRounds: 8,
    }),
  );
}

/** For each bandwidth, the policy's figure as a part of plain's. */
function ratios(
  policy: string,
  workload: WorkloadName,
  figure: 'sentBlocks' | 'resentBlocks',
): number[] {
  const plain = outcomes('plain', workload);
  return outcomes(policy, workload).map((each, index) => each[figure] / plain[index]![figure]);
}

describe('policy cache against plain', TIMEOUT, () => {
  it.each([
    ['random-rewrite', 0.2],
    ['zipf-rewrite', 0.2],
    ['database', 0.35],
    ['scattered', 0.5],
  ] as const)('%s: re-sent blocks at most %s times as many', (workload, most) => {
    expect(Math.max(...ratios('cache', workload, 'resentBlocks'))).toBeLessThanOrEqual(most);
  });

  it.each(['idle', 'sequential-log', 'fresh-install', 'everything'] as const)(
    '%s: no more than 1.02 times as many blocks sent',
    (workload) => {
      expect(Math.max(...ratios('cache', workload, 'sentBlocks'))).toBeLessThanOrEqual(1.02);
    },
  );
});

describe('a circular log on a slow link', TIMEOUT, () => {
  it('costs cache no more than plain, within 6 in 100 for any size and 2 in 100 for all', () => {
    const sent = (policy: string) =>
      [1500, 4000, 8000, 15_000].map((blocks) => {
        const workload = circularLog(blocks, USED_BLOCKS);
        return simulate({ policy: createPolicy(policy), workload, bandwidth: 7.5e6 }).sentBlocks;
      });
    const [plain, cache] = [sent('plain'), sent('cache')];
    const sum = (list: number[]) => list.reduce((total, each) => total + each, 0);
    expect(Math.max(...cache.map((each, index) => each / plain[index]!))).toBeLessThanOrEqual(1.06);
    expect(sum(cache) / sum(plain)).toBeLessThanOrEqual(1.02);
  });
});

describe('policy history against plain', TIMEOUT, () => {
  it.each(['random-rewrite', 'zipf-rewrite', 'database', 'scattered'] as const)(
    '%s: fewer blocks are sent again',
    (workload) => {
      expect(Math.max(...ratios('history', workload, 'resentBlocks'))).toBeLessThan(1);
    },
  );

  it.each(['random-rewrite', 'zipf-rewrite'] as const)(
    '%s: cache does as well without a probe',
    (workload) => {
      expect(outcomes('cache', workload, false)).toEqual(outcomes('history', workload));
    },
  );
});

describe('an end', TIMEOUT, () => {
  const moderate = (Object.keys(WORKLOADS) as WorkloadName[]).filter(
    (each) => each !== 'everything',
  );

  it.each(
    moderate.flatMap(
      (each) =>
        [
          [each, 'plain'],
          [each, 'history'],
          [each, 'cache'],
        ] as const,
    ),
  )('%s under %s converges, and every used block is sent', (workload, policy) => {
    for (const outcome of outcomes(policy, workload)) {
      expect(outcome.converged).toBe(true);
      expect(outcome.downtimeMs).toBeLessThanOrEqual(300);
      expect(outcome.sentBlocks - outcome.resentBlocks).toBeGreaterThanOrEqual(USED_BLOCKS);
    }
  });

  it.each([plainPolicy, cachePolicy])(
    'comes with a limit of rounds where the guest is too fast for $name',
    (policy) => {
      const workload = WORKLOADS.everything(1, USED_BLOCKS);
      const outcome = simulate({ policy, workload, bandwidth: 7.5e6, maxRounds: 5 });
      expect(outcome.converged).toBe(false);
      expect(outcome.rounds).toBeLessThanOrEqual(8);
      expect(outcome.sentBlocks - outcome.resentBlocks).toBe(USED_BLOCKS);
    },
  );

  it('no plan leaves candidates without a turn or a reason while it sends nothing', () => {
    let plans = 0;
    simulate({
      policy: cachePolicy,
      workload: WORKLOADS.everything(3, USED_BLOCKS),
      bandwidth: 12.5e6,
      maxRounds: 5,
      onPlan: (plan, candidates) => {
        plans++;
        if (!plan.send.isEmpty) return;
        const deferred = BlockSet.unionOf(plan.deferred.map(({ blocks }) => blocks));
        expect(deferred.equals(candidates)).toBe(true);
      },
    });
    expect(plans).toBeGreaterThan(10);
  });

  it('is the same for the same seed', () => {
    expect(simulateAll('cache', 'database')).toEqual(outcomes('cache', 'database'));
  });
});
