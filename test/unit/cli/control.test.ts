import { describe, expect, it } from 'vitest';
import { ControlledGate } from '../../../src/engine/index.js';
import { Control, keyHelp, KEYS, keysFor } from '../../../src/cli/control.js';
import { Interrupt } from '../../../src/cli/interrupt.js';
import { readKeys } from '../../../src/cli/keys.js';
import { FakeWorld, KeptInput } from './fake-world.js';

function controlled(mode: 'run' | 'held' = 'held', hangUp: 'cancel' | 'leave' = 'cancel') {
  const world = new FakeWorld();
  const gate = new ControlledGate(mode);
  const notes: string[] = [];
  const interrupt = new Interrupt(
    world,
    (message) => notes.push(message),
    () => 'Nothing is left.',
    { press: 'cancel', hangUp },
  );
  const control = new Control(gate, interrupt, () => undefined);
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  /** Goes through statements until the gate holds; gives the lines that were passed. */
  const passed: string[] = [];
  const walk = async () => {
    for (let round = 0; round < 2; round++)
      for (let batch = 0; batch < 2; batch++)
        for (let line = 5; line <= 10; line++) {
          await gate.pass({ line, round, batch }, () => undefined, interrupt.signal);
          passed.push(`${round}.${batch}.${line}`);
        }
  };
  const walking = walk().catch(() => undefined);
  return { world, gate, notes, interrupt, control, passed, walking, turn };
}

describe('the keys', () => {
  it.each(['s', 'S', ' ', '\r', '\n'])('%j goes on by a statement', async (key) => {
    const { control, passed, turn } = controlled();
    await turn();
    expect(passed).toEqual([]);
    control.press(key);
    await turn();
    control.press(key);
    await turn();
    expect(passed).toEqual(['0.0.5', '0.0.6']);
  });

  it('b goes on to the next batch, r to the next round, c to the end', async () => {
    const { control, passed, turn, gate, walking } = controlled();
    await turn();
    control.press('s');
    await turn();
    control.press('b');
    await turn();
    expect(passed.at(-1)).toBe('0.0.10');
    control.press('r');
    await turn();
    expect(passed.at(-1)).toBe('0.1.10');
    control.press('c');
    await walking;
    expect(passed).toHaveLength(24);
    expect(gate.held).toBe(false);
  });

  it('a step key that comes while the program runs stops it, and skips nothing', async () => {
    const { control, passed, turn, gate } = controlled('run');
    control.press('s');
    control.press('s');
    await turn();
    expect(gate.held).toBe(true);
    expect(passed.length).toBeLessThanOrEqual(1);
  });

  it('p stops a program that runs', async () => {
    const { control, turn, gate } = controlled('run');
    control.press('p');
    await turn();
    expect(gate.held).toBe(true);
  });

  it('i and ? show and hide', () => {
    const { control } = controlled();
    control.press('i');
    control.press('?');
    expect(control.state).toMatchObject({ inspecting: true, showingKeys: true });
    control.press('i');
    control.press('?');
    expect(control.state).toMatchObject({ inspecting: false, showingKeys: false });
  });

  it('q cancels once, and does not stop at once', () => {
    const { control, interrupt, notes, world } = controlled();
    control.press('q');
    control.press('q');
    expect(interrupt.signal.aborted).toBe(true);
    expect(notes).toHaveLength(1);
    expect(world.exits).toEqual([]);
  });

  it('d leaves a run that has a process of its own', () => {
    const { control, interrupt } = controlled('run', 'leave');
    control.press('d');
    expect(interrupt.left.aborted).toBe(true);
    expect(interrupt.signal.aborted).toBe(false);
    expect(keysFor(true)).toBe(KEYS);
  });

  it('d means nothing to a run that is the command’s own, and Ctrl-C after it is the first', () => {
    const { control, interrupt, world } = controlled('run');
    control.press('d');
    expect([interrupt.left.aborted, interrupt.signal.aborted]).toEqual([false, false]);
    expect(keysFor(false).map(({ keys }) => keys)).not.toContain('d');
    control.press('\u0003');
    expect(interrupt.signal.aborted).toBe(true);
    expect(world.exits).toEqual([]);
  });

  it('a run that is the command’s own is cancelled where nobody sees it any more', () => {
    const { interrupt } = controlled('run');
    interrupt.leave();
    expect([interrupt.left.aborted, interrupt.signal.aborted]).toEqual([false, true]);
  });

  it('Ctrl-C cancels, and the second one stops at once', () => {
    const { control, interrupt, world, notes } = controlled();
    control.press('\u0003');
    expect(interrupt.signal.aborted).toBe(true);
    expect(notes).toEqual(['cancelling: putting things back, press Ctrl-C again to stop at once']);
    expect(world.exits).toEqual([]);
    control.press('\u0003');
    expect(world.exits).toEqual([130]);
    expect(world.stderr.text).toBe('migrascope: stopped at once. Nothing is left.\n');
  });

  it.each([
    ['m', 'more-rounds'],
    ['p', 'pause-anyway'],
    ['c', 'cancel'],
    ['q', 'cancel'],
  ] as const)('%s answers the question with %s', async (key, decision) => {
    const { control } = controlled();
    const answer = control.ask();
    expect(control.state.asking).toBe(true);
    control.press('x');
    expect(control.state.asking).toBe(true);
    control.press(key);
    expect(await answer).toBe(decision);
    expect(control.state.asking).toBe(false);
  });

  it('Ctrl-C answers the question with cancel, before and while it is asked', async () => {
    const { control } = controlled();
    const answer = control.ask();
    control.press('\u0003');
    expect(await answer).toBe('cancel');
    expect(await control.ask()).toBe('cancel');
  });

  it('are all in the help', () => {
    for (const { keys, action } of KEYS) {
      expect(keyHelp()).toContain(keys);
      expect(keyHelp()).toContain(action);
    }
  });
});

describe('the keyboard', () => {
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  it('is raw while keys are read, and is given back once', async () => {
    const input = new KeptInput();
    const keys: string[] = [];
    const close = readKeys(input, new FakeWorld(), (key) => keys.push(key));
    input.write('ab');
    input.write('\u001b[A');
    input.write('\u0003');
    await turn();
    close();
    close();
    input.write('z');
    await turn();
    expect(keys).toEqual(['a', 'b', '\u0003']);
    expect(input.rawModes).toEqual([true, false]);
  });

  it('is given back when the process ends in another way', () => {
    const input = new KeptInput();
    const world = new FakeWorld();
    readKeys(input, world, () => undefined);
    world.exit(1);
    expect(input.rawModes).toEqual([true, false]);
  });
});

describe('signals', () => {
  it('are heard until the end, and then left to the process', () => {
    const { world, interrupt } = controlled();
    expect(world.listeners).toBe(1);
    world.signal();
    expect(interrupt.signal.aborted).toBe(true);
    world.signal();
    expect(world.exits).toEqual([130]);
    interrupt.close();
    expect(world.listeners).toBe(0);
  });
});
