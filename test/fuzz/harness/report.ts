/** What a run of fuzzing prints. */
import Table from 'cli-table3';
import { encodeInput } from './input.js';
import type { Outcome } from './campaign.js';

/** The longest input that is printed, in characters. */
const LONGEST_WORD = 60_000;

const count = (value: number): string => value.toLocaleString('en');
const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** One line for each target. */
export function formatTable(outcomes: readonly Outcome[]): string {
  const table = new Table({
    head: ['target', 'inputs', 'taken', 'refused', 'inputs/s', 'peak', 'growth'],
    colAligns: ['left', 'right', 'right', 'left', 'right', 'right', 'right'],
    style: { head: [], border: [] },
  });
  for (const { target, inputs, verdicts, milliseconds, peak, growth } of outcomes) {
    table.push([
      target.name,
      count(inputs),
      count(verdicts.get('taken') ?? 0),
      refusals(verdicts),
      count(Math.round(inputs / (milliseconds / 1000))),
      mebibytes(peak),
      mebibytes(growth),
    ]);
  }
  return table.toString();
}

function refusals(verdicts: Outcome['verdicts']): string {
  return [...verdicts]
    .filter(([kind]) => kind !== 'taken')
    .sort(([, one], [, other]) => other - one)
    .map(([kind, number]) => `${kind} ${count(number)}`)
    .join('\n');
}

/** What went wrong, and how to see it again. */
export function formatFailure({ target, failure }: Outcome, seed: number): string {
  if (!failure) return '';
  const { error, number, input } = failure;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const word = encodeInput(input);
  const shown = word.length > LONGEST_WORD ? 'is too long to be shown' : `--replay ${word}`;
  return [
    `FAILED ${target.name}, seed ${seed}, input ${number}: ${text}`,
    `Again: npm run fuzz -- --target ${target.name} --seed ${seed} --input ${number}`,
    `As small as it got: npm run fuzz -- --target ${target.name} ${shown}`,
  ].join('\n');
}
