/** examples/shell-observer: it conforms, and it holds a migration of a simulated guest. */
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.js';
import { silentLogger } from '../../../src/base/logger.js';
import { ControlledGate, type MigrationEvent } from '../../../src/engine/index.js';
import { checkPlugin } from '../../../src/experiment/index.js';
import { runScenario } from '../../../src/experiment/scenario.js';
import { PluginObserver, processStarter, readManifest } from '../../../src/plugin/index.js';
import { SimulatedClock } from '../../../src/simulator/index.js';
import { scenarioFor } from '../experiment/support.js';

const folder = resolve(import.meta.dirname, '../../../examples/shell-observer');
const environment = { ...process.env, RESENT_LIMIT: '1000000' };
const parts = {
  ...{ start: processStarter(environment), clock: systemClock },
  ...{ logger: silentLogger, version: '1' },
};

it('conforms', async () => {
  const findings = await checkPlugin(await readManifest(folder), parts);
  expect(findings.filter(({ result }) => result === 'fail')).toEqual([]);
});

it('holds a migration that has re-sent too much, once', async () => {
  const clock = new SimulatedClock();
  const gate = new ControlledGate();
  const reasons: string[] = [];
  const warnings: string[] = [];
  let heard: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => (heard = resolve));
  const observer = new PluginObserver(await readManifest(folder), {
    ...parts,
    pause: (reason) => {
      reasons.push(reason);
      gate.pause();
      heard();
    },
    warn: (message) => void warnings.push(message),
  });
  const events: MigrationEvent[] = [];
  let [resent, waited] = [0, false];
  await runScenario(
    scenarioFor({ diskMiB: 64, seed: 5, maxBandwidth: 4 * 1024 ** 2, maxRounds: 6 }),
    {
      clock,
      gate,
      sink: (event) => {
        events.push(event);
        observer.sink(event);
        if (event.type === 'sent') resent += event.resentBytes;
        if (event.type === 'held') gate.run();
        if (resent > 1_000_000 && !waited) {
          waited = true;
          void clock.standWhile(() => asked);
        }
      },
    },
  );
  await observer.close();
  expect(warnings).toEqual([]);
  expect(reasons).toEqual([expect.stringMatching(/^\d+ bytes were re-sent, and 1000000 is the/)]);
  expect(events.filter(({ type }) => type === 'held').length).toBe(1);
});
