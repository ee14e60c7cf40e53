import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { throwIfCancelled } from '../../../src/base/cancel.js';
import {
  CancelledError,
  ConnectError,
  NotConvergedError,
  VerificationError,
} from '../../../src/base/errors.js';
import type {
  Decision,
  MigrationEvent,
  MigrationOptions,
  MigrationParts,
} from '../../../src/engine/index.js';
import { runCommandLine } from '../../../src/cli/program.js';
import { FakeWorld, playing, type FakeMigration } from './fake-world.js';
import { scriptedMigration, summaryWith } from './fixtures.js';

const events = scriptedMigration({ sizeMiB: 64 });
const verdict = { ...events.find((event) => event.type === 'verdict')!, converged: false };
const MIGRATE = ['migrate', 'unix:/vm.qmp', 'disk0', '--to', 'file:/srv/new.img'];
const turn = () => new Promise((resolve) => setImmediate(resolve));

function run(world: FakeWorld, ...args: string[]): Promise<number> {
  return runCommandLine([...MIGRATE, ...args], { world, version: '1.2.3', commands: [] });
}

/** Waits, for as many turns as it takes, until something holds. */
async function until(holds: () => boolean): Promise<void> {
  for (let turns = 0; !holds(); turns++) {
    if (turns > 5000) throw new Error('It never came to hold.');
    await turn();
  }
}

/** An engine that waits at its gate before each statement, and can be cancelled. */
const stepping: FakeMigration = async (_options, parts) => {
  try {
    for (const event of events) {
      if (event.type === 'statement') {
        const onHold = () => parts.sink({ type: 'held', seq: 0, t: event.t, line: event.line });
        await parts.gate.pass(event, onHold, parts.signal);
      }
      throwIfCancelled(parts.signal, 'The migration');
      parts.sink(event);
    }
    return { summary: summaryWith({}) };
  } catch (error) {
    if (!(error instanceof CancelledError)) throw error;
    const summary = summaryWith({ outcome: 'cancelled', switchedOver: false });
    parts.sink(summary);
    return { summary, error };
  }
};

/** An engine that does not converge. */
function asking(answers: Decision[]): FakeMigration {
  return async (_options, parts) => {
    for (const event of events.slice(0, 20)) parts.sink(event);
    parts.sink(verdict);
    answers.push(await parts.decide!(verdict));
    const summary = summaryWith({ outcome: 'failed', converged: false, switchedOver: false });
    parts.sink(summary);
    return { summary, error: new NotConvergedError('It does not converge.') };
  };
}

describe('migrate --json', () => {
  it('prints each event as a line, and nothing else', async () => {
    const world = new FakeWorld(playing(events));
    expect(await run(world, '--json')).toBe(0);
    const lines = world.stdout.text.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as MigrationEvent)).toEqual(events);
    expect(world.stderr.text).toBe('');
  });

  it('cancels when nobody reads any more', async () => {
    const world = new FakeWorld(async (_options, parts) => {
      parts.sink(events[0]!);
      world.stdout.destroy(new Error('write EPIPE'));
      await until(() => parts.signal.aborted);
      const summary = summaryWith({ outcome: 'cancelled', switchedOver: false });
      parts.sink(summary);
      return { summary, error: new CancelledError('The migration was cancelled.') };
    });
    expect(await run(world, '--json')).toBe(130);
    expect(world.stderr.text).toContain('nobody reads the output any more (write EPIPE)');
  });

  it('a slow reader keeps neither the migration nor the guest waiting', async () => {
    let done = false;
    const world = new FakeWorld((_options, parts) => {
      world.stdout.cork();
      const padding = 'x'.repeat(5 * 1024 * 1024);
      for (let seq = 0; seq < 3; seq++)
        parts.sink({ type: 'warning', seq, t: 0, message: padding });
      done = true;
      return Promise.resolve({ summary: summaryWith({}) });
    });
    const ended = run(world, '--json');
    await until(() => done);
    world.stdout.uncork();
    expect(await ended).toBe(0);
    expect(world.stdout.text.split('\n')).toHaveLength(4);
  });
});

describe('migrate for a pipe', () => {
  it('prints plain lines and the summary', async () => {
    const world = new FakeWorld(playing(events));
    expect(await run(world)).toBe(0);
    expect(world.stdout.text).toContain('] round 0: sent');
    expect(world.stdout.text).toContain('Completed: the guest goes on with the destination');
    expect(world.stdout.text).toBe(stripVTControlCharacters(world.stdout.text));
  });

  it.each([
    [[], 'cancel'],
    [['--on-limit', 'ask'], 'cancel'],
    [['--on-limit', 'cancel'], 'cancel'],
    [['--on-limit', 'pause'], 'pause-anyway'],
    [['--on-limit', 'more-rounds'], 'more-rounds'],
  ])('answers %j with %s, since nobody can be asked', async (args, decision) => {
    const answers: Decision[] = [];
    const world = new FakeWorld(asking(answers));
    expect(await run(world, ...args)).toBe(3);
    expect(answers).toEqual([decision]);
    expect(world.stderr.text).toBe('migrascope: It does not converge.\n');
  });

  it.each([
    [new ConnectError('No.', { hint: 'Do.' }), 5, 'migrascope: No.\n  hint: Do.\n'],
    [new VerificationError('They differ.', []), 4, 'migrascope: They differ.\n'],
  ])('tells an error on stderr, with its exit code', async (error, code, text) => {
    const summary = summaryWith({ outcome: 'failed', switchedOver: false });
    const world = new FakeWorld(playing([summary], error));
    expect(await run(world)).toBe(code);
    expect(world.stderr.text).toBe(text);
  });

  it('shows stack traces only when debugging', async () => {
    const defect: FakeMigration = () => Promise.reject(new TypeError('x is not y'));
    const world = new FakeWorld(defect);
    expect(await run(world)).toBe(1);
    expect(world.stderr.text).toMatch(
      /^migrascope: x is not y\n {2}hint: .*MIGRASCOPE_DEBUG=1.*\n$/,
    );
    const debugging = new FakeWorld(defect);
    debugging.env = { MIGRASCOPE_DEBUG: '1' };
    await run(debugging);
    expect(debugging.stderr.text).toContain('TypeError: x is not y\n    at ');
  });

  it('cancels at the first signal and says so', async () => {
    const world = new FakeWorld(async (options, parts) => {
      world.signal();
      await until(() => parts.signal.aborted);
      return stepping(options, parts);
    });
    expect(await run(world)).toBe(130);
    expect(world.stdout.text).toContain('press Ctrl-C again to stop at once');
    expect(world.listeners).toBe(0);
  });

  it('says at the second signal that the run goes on', async () => {
    const world = new FakeWorld(async (_options, parts) => {
      parts.sink(events[0]!);
      await until(() => world.stdout.text !== '');
      world.signal();
      world.signal();
      return { summary: summaryWith({}) };
    });
    await run(world, '--json');
    expect(world.exits).toEqual([130]);
    expect(world.stderr.text).toContain(
      'stopped at once. The run k3x9 goes on in its own process; `migrascope attach k3x9` shows it.',
    );
  });

  it('writes the trace beside, and refuses a file that is there', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'migrascope-test-'));
    try {
      const file = join(folder, 'run.jsonl');
      expect(await run(new FakeWorld(playing(events)), '--trace', file)).toBe(0);
      const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
      expect(lines).toHaveLength(events.length);
      const again = new FakeWorld(playing(events));
      expect(await run(again, '--trace', file)).toBe(2);
      expect(again.stderr.text).toContain('migrascope: ');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('hands the engine what was asked for', async () => {
    const asked: [MigrationOptions, MigrationParts][] = [];
    const world = new FakeWorld((options, parts) => {
      asked.push([options, parts]);
      return Promise.resolve({ summary: summaryWith({}) });
    });
    await run(world, '--pivot', '--max-bandwidth', '100MiB');
    expect(world.hosts).toEqual(['unix:/vm.qmp']);
    expect(asked[0]?.[0]).toMatchObject({ disk: 'disk0', pivot: true, maxBandwidth: 104_857_600 });
    expect(asked[0]?.[1].run).toBe('k3x9');
    expect(world.opened).toMatchObject([{ host: 'unix:/vm.qmp', run: 'k3x9', guardian: true }]);
    await world.served;
    expect(world.closedRuns).toBe(1);
  });

  it('goes without a guardian on request', async () => {
    const world = new FakeWorld();
    await run(world, '--no-guardian');
    expect(world.opened).toMatchObject([{ guardian: false }]);
  });
});

describe('migrate in a terminal', () => {
  it('draws, ends with the summary, and gives the terminal back', async () => {
    const world = new FakeWorld(async (_options, parts) => {
      for (const event of events) {
        parts.sink(event);
        await turn();
      }
      return { summary: summaryWith({}) };
    }).asTerminal();
    expect(await run(world)).toBe(0);
    const text = stripVTControlCharacters(world.stdout.text);
    expect(text).toContain('send batch');
    expect(text).toMatch(/Completed: .*\n[^]*CHANGE THE CONFIGURATION NOW[^]*$/);
    expect(world.stdin.rawModes).toEqual([true, false]);
  });

  it('uses no colours with NO_COLOR', async () => {
    const world = new FakeWorld(playing(events)).asTerminal();
    world.env = { NO_COLOR: '1' };
    await run(world);
    expect(world.stdout.text).not.toMatch(new RegExp(`${String.fromCharCode(27)}\\[[0-9;]+m`));
  });

  it('prints plain lines where the terminal cannot move its cursor', async () => {
    const world = new FakeWorld(playing(events)).asTerminal();
    world.env = { TERM: 'dumb' };
    expect(await run(world)).toBe(0);
    expect(world.stdout.text).toContain('] round 0: sent');
    expect(world.stdin.rawModes).toEqual([]);
  });

  it('steps with keys, statement by statement, and runs on', async () => {
    const world = new FakeWorld(stepping).asTerminal(100, 50);
    const ended = run(world, '--step');
    const shows = (text: string) => () =>
      stripVTControlCharacters(world.stdout.text).includes(text);
    await until(shows('■  1'));
    world.stdin.write('s');
    await until(shows('■  2'));
    world.stdin.write(' ');
    await until(shows('■  3'));
    world.stdin.write('i');
    await until(shows('Inspection'));
    world.stdin.write('c');
    expect(await ended).toBe(0);
  });

  it('cancels with q while it stands at a gate', async () => {
    const world = new FakeWorld(stepping).asTerminal();
    const ended = run(world, '--step');
    await until(() => world.stdout.text.includes('■  1'));
    world.stdin.write('q');
    expect(await ended).toBe(130);
    expect(world.stdin.rawModes).toEqual([true, false]);
  });

  it('asks when it does not converge', async () => {
    const answers: Decision[] = [];
    const world = new FakeWorld(asking(answers)).asTerminal();
    const ended = run(world);
    await until(() => world.stdout.text.includes('It does not converge'));
    world.stdin.write('p');
    expect(await ended).toBe(3);
    expect(answers).toEqual(['pause-anyway']);
  });

  it('does not ask when it was told what to do', async () => {
    const answers: Decision[] = [];
    const world = new FakeWorld(asking(answers)).asTerminal();
    await run(world, '--on-limit', 'more-rounds');
    expect(answers).toEqual(['more-rounds']);
  });

  it('goes on without a view that fails', async () => {
    const broken = {
      ...events[4]!,
      type: 'dirty',
      sinceMs: 1,
      blocks: [1e9, 1],
      bytes: 1,
      flip: 1,
    } as const;
    const stream = [
      events[0]!,
      events[1]!,
      { ...broken, blocks: [...broken.blocks] },
      events.at(-1)!,
    ];
    const world = new FakeWorld(playing(stream)).asTerminal();
    expect(await run(world)).toBe(0);
    expect(world.stdin.rawModes).toEqual([true, false]);
  });
});

describe('--step', () => {
  it.each([
    [['--step'], '--step needs a terminal'],
    [['--step', '--json'], '--step does not go with --json'],
  ])('without a person is refused: %j', async (args, start) => {
    const world = new FakeWorld(playing(events));
    expect(await run(world, ...args)).toBe(2);
    expect(world.stderr.text.startsWith(`migrascope: ${start}`)).toBe(true);
    expect(world.hosts).toEqual([]);
  });
});
