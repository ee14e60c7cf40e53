/**
 * The kill matrix: engine process, controller, guardian, probe and the destination's server are killed,
 * alone and two at once, or stopped, at each statement of the program and in the middle of some. CI runs
 * a selection in which every fault and every point occur; with MIGRASCOPE_MATRIX=1 all of it runs, and
 * what came of it is written to docs/kill-matrix.json, of which docs/safety.md shows a table.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wholeMatrix } from '../support/whole-matrix.js';
import { strikeCell } from './support/kill-cell.js';
import { KillLab } from './support/kill-lab.js';
import { keepResults, nameOf, type Result } from './support/kill-results.js';
import {
  ALL,
  expected,
  expectedStates,
  FAULTS,
  isPaused,
  POINTS,
  SELECTION,
  type Cell,
} from './support/kill-table.js';

/** Where an engine is stopped for a minute, when all of it runs: in a batch, and before what can't be taken back. */
const LONG = ['mid-batch', 'before-17'];

it('has every fault meet a guest that runs and one that stands, and every point a fault', () => {
  expect(kindsOf(SELECTION)).toEqual(kindsOf(ALL));
  const met = new Set(SELECTION.map(({ point }) => point));
  expect(POINTS.filter((point) => !met.has(point))).toEqual([]);
  const names = new Set(ALL.map(nameOf));
  expect(SELECTION.filter((cell) => !names.has(nameOf(cell)))).toEqual([]);
});

function kindsOf(cells: readonly Cell[]): string[] {
  const kinds = cells.map(({ fault, point }) => `${fault}, ${isPaused(point) ? 'paused' : 'runs'}`);
  return [...new Set(kinds)].sort();
}

/** A guest for each fault, or one for the selection. */
const GUESTS = wholeMatrix
  ? FAULTS.map((fault) => ({ name: fault, cells: ALL.filter((cell) => cell.fault === fault) }))
  : [{ name: 'a selection', cells: SELECTION }];

describe.each(GUESTS)('$name', ({ cells }) => {
  const results: Result[] = [];
  let lab: KillLab;

  beforeAll(async () => {
    lab = await KillLab.boot();
  });
  afterAll(async () => {
    await lab[Symbol.asyncDispose]();
    if (wholeMatrix) await keepResults(results, ALL.map(nameOf));
  });

  it.each(cells)('$fault at $point', async (cell) => {
    const result = await strikeCell(lab, cell, wholeMatrix && LONG.includes(cell.point));
    expectAsTold(cell, result);
    results.push(result);
  });

  it('can be moved afterwards', () => lab.complete());
});

const RUNS = { completes: 'completed', fails: 'failed', dies: 'dead' } as const;

function expectAsTold(cell: Cell, result: Result): void {
  const { run, kinds, disk, resumedBy } = expected(cell);
  const told = JSON.stringify(result);
  expect({ ...result, run: result.run }, told).toMatchObject({ run: RUNS[run], disk, resumedBy });
  if (kinds) expect(kinds).toContain(result.error?.split(':')[0]);
  if (run === 'dies') expect(result.recover).toMatchObject(expectedStates(cell));
}
