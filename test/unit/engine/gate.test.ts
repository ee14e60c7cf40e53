/** The gate: run, pause, and steps of each unit. */
import { describe, expect, it } from 'vitest';
import {
  ControlledGate,
  endsStep,
  openGate,
  type GatePoint,
  type StepUnit,
} from '../../../src/engine/gate.js';

const at = (line: number, round = 0, batch = 0): GatePoint => ({ line, round, batch });

/** Two rounds, the first of two batches, as the program passes its gates. */
const POINTS: readonly GatePoint[] = [
  at(1),
  at(2),
  at(3),
  at(4),
  ...[5, 6, 7, 8, 9, 10].map((line) => at(line, 0, 0)),
  ...[5, 6, 7, 8, 9, 10, 11].map((line) => at(line, 0, 1)),
  at(4, 1),
  ...[5, 6, 7, 8, 9, 10, 11].map((line) => at(line, 1, 0)),
  at(12, 2),
  at(13, 2),
  at(12, 3),
  ...[13, 14, 15, 16, 17, 18].map((line) => at(line, 3)),
];

const never = new AbortController().signal;
const ignore = () => undefined;

/** Where the gate holds while `onHold` says how to go on. */
async function holds(gate: ControlledGate, onHold: () => void): Promise<GatePoint[]> {
  const held: GatePoint[] = [];
  for (const point of POINTS) {
    const hold = () => {
      held.push(point);
      onHold();
    };
    await gate.pass(point, hold, never);
  }
  return held;
}

describe('a controlled gate', () => {
  it('that runs holds nowhere', async () => {
    expect(await holds(new ControlledGate(), ignore)).toEqual([]);
  });

  it('that steps statements holds everywhere', async () => {
    const gate = new ControlledGate('held');
    expect(await holds(gate, () => gate.step('statement'))).toEqual(POINTS);
  });

  it('that steps batches holds at each batch, and everywhere outside the rounds', async () => {
    const gate = new ControlledGate('held');
    expect(await holds(gate, () => gate.step('batch'))).toEqual([
      ...[at(1), at(2), at(3), at(4), at(5, 0, 1), at(4, 1)],
      ...POINTS.slice(POINTS.findIndex(({ line }) => line === 12)),
    ]);
  });

  it('that steps rounds holds at each round, and everywhere outside the rounds', async () => {
    const gate = new ControlledGate('held');
    expect(await holds(gate, () => gate.step('round'))).toEqual([
      ...[at(1), at(2), at(3), at(4), at(4, 1)],
      ...POINTS.slice(POINTS.findIndex(({ line }) => line === 12)),
    ]);
  });

  it('goes on from where it is held, whenever that is said', async () => {
    const gate = new ControlledGate('held');
    const passed = gate.pass(at(1), ignore, never);
    expect(gate.held).toBe(true);
    await new Promise(setImmediate);
    gate.run();
    await passed;
    expect(gate.held).toBe(false);
  });

  it('that is paused holds at the next statement', async () => {
    const gate = new ControlledGate();
    await gate.pass(at(1), ignore, never);
    gate.pause();
    const passed = gate.pass(at(2), ignore, never);
    expect(gate.held).toBe(true);
    gate.run();
    await passed;
  });

  it('that is asked for a step while a statement is executed holds before the next one', async () => {
    const gate = new ControlledGate();
    await gate.pass(at(1), ignore, never);
    gate.step('statement');
    const passed = gate.pass(at(2), ignore, never);
    expect(gate.held).toBe(true);
    gate.run();
    await passed;
  });

  it('that is asked for a step before the program began holds at its beginning', async () => {
    const gate = new ControlledGate('held');
    gate.step('batch');
    const passed = gate.pass(at(1), ignore, never);
    expect(gate.held).toBe(true);
    gate.run();
    await passed;
  });

  it.each(['before', 'while'] as const)('is left by who cancels %s it is held', async (when) => {
    const gate = new ControlledGate('held');
    const cancel = new AbortController();
    if (when === 'before') cancel.abort();
    const passed = gate.pass(at(1), ignore, cancel.signal);
    cancel.abort();
    await expect(passed).rejects.toMatchObject({
      kind: 'cancelled',
      message: 'Waiting at a gate was cancelled.',
    });
    expect(gate.held).toBe(false);
  });
});

describe('an open gate', () => {
  it('never holds', async () => {
    const hold = () => {
      throw new Error('held');
    };
    await openGate.pass(at(1), hold, never);
  });
});

describe('a step', () => {
  const TABLE: readonly (readonly [StepUnit, GatePoint, GatePoint, boolean])[] = [
    ['statement', at(6), at(7), true],
    ['batch', at(6), at(7), false],
    ['round', at(6), at(7), false],
    ['batch', at(10, 0, 0), at(5, 0, 1), true],
    ['round', at(10, 0, 0), at(5, 0, 1), false],
    ['batch', at(10, 0, 1), at(11, 0, 1), false],
    ['batch', at(11, 0, 1), at(4, 1, 0), true],
    ['round', at(11, 0, 1), at(4, 1, 0), true],
    ['batch', at(4, 1, 0), at(5, 1, 0), false],
    ['batch', at(11, 0, 0), at(12, 1, 0), true],
    ['round', at(11, 0, 0), at(12, 1, 0), true],
    ['batch', at(3), at(4), true],
    ['round', at(3), at(4), true],
    ['round', at(1), at(2), true],
    ['batch', at(13, 2), at(12, 3), true],
    ['round', at(15, 2), at(16, 2), true],
  ];

  it.each(TABLE)('of a %s from %o to %o ends: %s', (unit, from, to, ends) => {
    expect(endsStep(unit, from, to)).toBe(ends);
  });
});
