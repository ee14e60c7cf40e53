/** What `migrascope forget` deletes, and what it says of the rest. */
import { expect, it } from 'vitest';
import { UsageError } from '../../../src/base/errors.js';
import { runCommandLine } from '../../../src/cli/program.js';
import type { RunStatus } from '../../../src/engine/index.js';
import { FakeWorld } from './fake-world.js';

const end = {
  type: 'end',
  at: '',
  monotonicMs: 0,
  outcome: 'completed',
  switchedOver: true,
  guest: 'running',
  leftBehind: [],
} as const;
const known: readonly RunStatus[] = [
  { run: 'whole', state: 'ended', reason: '', end },
  { run: 'left', state: 'ended', reason: '', end: { ...end, leftBehind: ['a bitmap'] } },
  { run: 'dead', state: 'dead', reason: '' },
  { run: 'busy', state: 'running', reason: '' },
];

async function forget(world: FakeWorld, ...args: string[]): Promise<number> {
  world.known = known;
  return runCommandLine(['forget', ...args], { world, version: '0.0.0', commands: [] });
}

it('forgets those that ended and left nothing', async () => {
  const world = new FakeWorld();
  expect(await forget(world, '--ended')).toBe(0);
  expect(world.forgotten).toEqual(['whole']);
  expect(world.stdout.text).toBe('Runs forgotten: 1.\n');
});

it('tells of one that can not be forgotten, and forgets the rest', async () => {
  const world = new FakeWorld();
  world.unforgettable.set('dead', new UsageError('It is not forgotten.', { hint: 'Recover it.' }));
  expect(await forget(world, 'dead', 'whole', 'whole')).toBe(2);
  expect(world.forgotten).toEqual(['whole']);
  expect(world.stderr.text).toContain('migrascope: It is not forgotten.');
  expect(world.stderr.text).toContain('Recover it.');
});

it('wants to be told which', async () => {
  const world = new FakeWorld();
  expect(await forget(world)).toBe(2);
  expect(world.stderr.text).toMatch(/^migrascope: Which runs to forget was not said\./);
});
