/** Tables as comma-separated values (RFC 4180); pure. */
import type { FileFigures, RoundFigures, SeriesNote } from '../types.js';
import { COLUMNS } from './series.js';

type Cell = string | number | boolean | null | undefined;

/** Lines end with CRLF, the last one too; what is not known is an empty field. */
export function csvOf(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return [header, ...rows].map((row) => `${row.map(field).join(',')}\r\n`).join('');
}

function field(value: Cell): string {
  if (value === undefined || value === null || Number.isNaN(value)) return '';
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function roundsCsv(rounds: readonly RoundFigures[]): string {
  const header = [
    ...['round', 'final', 'running', 'sentBytes', 'resentBytes', 'deferredBytes', 'pendingBytes'],
    ...['dirtyRate', 'bandwidth', 'durationMs', 'remainingMs', 'downtimeMs'],
  ];
  const rows = rounds.map((round) => [
    ...[round.round, round.final, round.running, round.sentBytes, round.resentBytes],
    ...[round.deferredBytes, round.pendingBytes, round.dirtyRate, round.bandwidth],
    ...[round.durationMs, round.forecast?.remainingMs, round.forecast?.downtimeMs],
  ]);
  return csvOf(header, rows);
}

export function seriesCsv(columns: SeriesNote['columns']): string {
  const rows = Array.from(columns.t, (_, at) => COLUMNS.map((name) => columns[name][at]));
  return csvOf(COLUMNS, rows);
}

export function filesCsv(files: readonly FileFigures[]): string {
  const header = [
    ...['path', 'fileSystem', 'inode', 'id', 'cachedBytes', 'dirtyBytes'],
    ...['sentBytes', 'resentBytes'],
  ];
  const rows = files.map((file) => [
    ...[file.path, file.fileSystem, file.inode, file.id, file.cachedBytes, file.dirtyBytes],
    ...[file.sentBytes, file.resentBytes],
  ]);
  return csvOf(header, rows);
}
