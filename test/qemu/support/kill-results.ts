/** What the cells of the kill matrix came to: docs/kill-matrix.json, from which docs/safety.md has its table. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const path = join(import.meta.dirname, '../../../docs/kill-matrix.json');

/** One cell, in words that do not depend on the run. */
export interface Result {
  readonly fault: string;
  readonly point: string;
  /** How the run stood once everything had settled. */
  readonly run: 'completed' | 'failed' | 'dead';
  /** Of the controller; null where a signal ended it. */
  readonly exitCode: number | null;
  /** Kind and message of the error that the controller told. */
  readonly error: string | null;
  readonly disk: 'source' | 'new';
  readonly resumedBy: 'engine' | 'guardian' | 'recover' | 'nobody';
  /** From the fault to the guest's running again, where it stood, in milliseconds. */
  readonly stoodMs: number | null;
  /** Warnings among the events. */
  readonly warnings: readonly string[];
  /** What `recover` said, and did; absent where it had nothing to do. */
  readonly recover?: {
    readonly happened: string;
    readonly guest: string;
    readonly source: string;
    readonly destination: string;
    readonly did: readonly string[];
  };
}

export interface Results {
  readonly cells: readonly Result[];
  readonly random: { readonly seed: number; readonly cells: readonly Result[] };
}

/** Adds results to the file; a cell that is there already is replaced. */
export async function keepResults(cells: readonly Result[], order: readonly string[]) {
  const before = await readResults();
  const names = new Set(cells.map(nameOf));
  const all = [...before.cells.filter((cell) => !names.has(nameOf(cell))), ...cells];
  const known = all.filter((cell) => order.includes(nameOf(cell)));
  known.sort((one, other) => order.indexOf(nameOf(one)) - order.indexOf(nameOf(other)));
  await writeResults({ ...before, cells: known });
}

export async function keepRandom(seed: number, cells: readonly Result[]): Promise<void> {
  await writeResults({ ...(await readResults()), random: { seed, cells } });
}

export function nameOf({ fault, point }: { fault: string; point: string }): string {
  return `${fault} at ${point}`;
}

async function readResults(): Promise<Results> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return { cells: [], random: { seed: 0, cells: [] } };
  return JSON.parse(text) as Results;
}

async function writeResults(results: Results): Promise<void> {
  await writeFile(path, `${JSON.stringify(results, null, 2)}\n`);
}
