/** What `migrascope runs` prints. */
import { expect, it } from 'vitest';
import { runCommandLine } from '../../../src/cli/program.js';
import { FakeWorld } from './fake-world.js';
import { facts } from '../runs/support.js';
import type { RunStatus } from '../../../src/engine/index.js';

const dead: RunStatus = {
  run: 'r1',
  state: 'dead',
  reason: 'Its process 4711 is gone.',
  begin: { type: 'begin', at: '2026-01-01T00:00:00.000Z', monotonicMs: 0, ...facts },
};

async function runs(known: readonly RunStatus[], ...flags: string[]): Promise<string> {
  const world = new FakeWorld();
  world.known = known;
  const code = await runCommandLine(['runs', ...flags], { world, version: '0.0.0', commands: [] });
  expect(code).toBe(0);
  return world.stdout.text;
}

it('says that there are none', async () => {
  expect(await runs([])).toBe('There are no runs here.\n');
});

it('shows each with its state, its disk and the reason', async () => {
  const text = await runs([dead]);
  expect(text).toContain(
    'r1        dead     2026-01-01T00:00:00.000Z  unix:/vm.qmp disk0 → nbd://',
  );
  expect(text).toContain('Its process 4711 is gone.');
});

it('shows the newest twenty, or all', async () => {
  const many = Array.from({ length: 25 }, (_, i) => ({ ...dead, run: `r${i}` }));
  const lines = (text: string) =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as RunStatus);
  expect(lines(await runs(many, '--json')).map(({ run }) => run)).toEqual(
    many.slice(5).map(({ run }) => run),
  );
  expect(lines(await runs(many, '--json', '--all'))).toEqual(many);
});
