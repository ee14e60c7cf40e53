/** examples/python-policy: its own test, and whole migrations of simulated guests while their clock stands for it. */
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.js';
import { compare, workloadGuest, type ComparisonRow } from '../../../src/experiment/index.js';
import { runScenario } from '../../../src/experiment/scenario.js';
import type { MigrationEvent } from '../../../src/engine/index.js';
import { processStarter, readManifest } from '../../../src/plugin/index.js';
import { SimulatedClock, workloadCalled } from '../../../src/simulator/index.js';
import { scenarioFor } from '../experiment/support.js';

const folder = resolve(import.meta.dirname, '../../../examples/python-policy');
const world = { start: processStarter(process.env), version: '1' };

it('passes its own test', () => {
  execFileSync('python3', ['-m', 'unittest'], { cwd: folder, stdio: 'pipe' });
});

it('plans as the policy history, block for block', async () => {
  const scenario = scenarioFor({ diskMiB: 64, rate: 0.7, seed: 5, maxBandwidth: 4 * 1024 ** 2 });
  const plugin = await readManifest(folder);
  const plans = async (asked: object): Promise<object[]> => {
    const clock = new SimulatedClock();
    const found: MigrationEvent[] = [];
    const around = <T>(work: () => Promise<T>) => clock.standWhile(work);
    await runScenario(
      { ...scenario, probe: false, options: { ...scenario.options, policy: 'history', ...asked } },
      {
        clock,
        plugins: { ...world, clock: systemClock, around },
        sink: (event) => void found.push(event),
      },
    );
    expect(found.filter(({ type }) => type === 'warning')).toEqual([]);
    return found.flatMap((each) =>
      each.type === 'plan' ? [{ send: each.send, deferred: each.deferred }] : [],
    );
  };
  const own = await plans({});
  expect(own.some((each) => JSON.stringify(each).includes('written-often'))).toBe(true);
  expect(await plans({ plugin })).toEqual(own);
});

it('is compared with the built-in policies', async () => {
  const recipe = { diskBytes: 64 * 1024 ** 2, cacheBytes: 16 * 1024 ** 2, seed: 1, rate: 0.1 };
  const { network, probe, warmUpMs, options } = scenarioFor({ maxBandwidth: 4 * 1024 ** 2 });
  const rows: ComparisonRow[] = [];
  const request = {
    workload: 'random-rewrite',
    guest: workloadGuest(workloadCalled('random-rewrite'), recipe),
    policies: ['plain' as const, await readManifest(folder)],
    plugins: world,
    scenario: { network, probe, warmUpMs, options },
  };
  for await (const row of compare(request)) rows.push(row);
  expect(rows.map(({ policy, outcome }) => [policy, outcome])).toEqual([
    ['plain', 'completed'],
    ['frequency', 'completed'],
  ]);
});
