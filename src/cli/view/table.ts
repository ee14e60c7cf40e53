/** Columns without borders. */
import Table from 'cli-table3';
import type { Style } from './style.js';

export interface Column {
  readonly title: string;
  /** In characters, the space after it included. */
  readonly width: number;
  readonly align: 'left' | 'right';
}

const NO_BORDER = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
};

/** A head and rows as lines; text that is longer than its column is cut. */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  style: Style,
): string[] {
  const table = new Table({
    chars: NO_BORDER,
    style: { 'padding-left': 0, 'padding-right': 1, head: [], border: [], compact: true },
    colWidths: columns.map(({ width }) => width),
    colAligns: columns.map(({ align }) => align),
  });
  table.push(
    columns.map(({ title }) => title),
    ...rows.map((row) => [...row]),
  );
  const [head, ...lines] = table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
  return [style.quiet(head ?? ''), ...lines];
}
