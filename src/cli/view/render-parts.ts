/** The parts of the live view, each from the model to lines of at most `width` characters. */
import { PROGRAM } from '../../engine/index.js';
import { formatBytes, formatDuration, formatRate, formatShare } from '../../base/units.js';
import type { BlockMap } from './map.js';
import type { RoundRow } from '../../progress/index.js';
import type { ViewModel } from './model.js';
import { clip, clipMiddle, printable, wrap, type Style } from './style.js';
import { renderTable, type Column } from './table.js';

const SEPARATOR = ' · ';

/** What moves where, and under which limits. */
export function renderHeader(model: ViewModel, width: number, now: number, style: Style): string[] {
  const { start, limits } = model;
  if (!start || !limits) return [style.strong('migrascope'), style.quiet('connecting')];
  const time = formatDuration(now);
  const room = width - time.length - 2;
  const what = `${printable(start.disk.name)} (${formatBytes(start.disk.size)}) → `;
  const route = clip(what + clipMiddle(printable(start.destination), room - what.length), room);
  const terms = [
    `policy ${printable(start.policy)}`,
    start.pivot ? 'pivot' : 'copy only',
    `pause ≤ ${formatDuration(limits.downtimeLimitMs)}`,
    limits.maxBandwidth === null ? 'no bandwidth cap' : `≤ ${formatRate(limits.maxBandwidth)}`,
    `blocks of ${formatBytes(start.granularity)}`,
  ];
  return [
    `${style.strong(route)}${' '.repeat(Math.max(2, width - Array.from(route).length - time.length))}${time}`,
    style.quiet(clip(terms.join(SEPARATOR), width)),
  ];
}

/** The probe, and what it last saw. */
export function renderProbe(model: ViewModel, width: number, style: Style): string {
  const { probe, cache } = model;
  const label = 'probe  ';
  const room = width - label.length;
  if (probe?.state === 'lost') {
    return label + style.warning(clip(`lost: ${printable(probe.message)}`, room));
  }
  if (probe?.state !== 'connected') {
    const why = probe ? printable(probe.message) : 'not asked yet';
    return label + style.quiet(clip(why, room));
  }
  const words = [printable(probe.method ?? 'connected')];
  if (probe.kernel) words.push(printable(probe.kernel));
  if (cache) {
    words.push(`page cache: ${formatBytes(cache.dirtyBytes)} dirty`);
    if (cache.writebackBytes > 0) words.push(`${formatBytes(cache.writebackBytes)} in writeback`);
    const unmapped = sum(Object.values(cache.unmappedBytes));
    if (unmapped > 0) words.push(`${formatBytes(unmapped)} not placed yet`);
  }
  return label + clip(words.join(SEPARATOR), room);
}

/** Where in its round the program is; empty outside of rounds. */
function placeOf(model: ViewModel): string {
  const { line, round, batch } = model;
  const begins = model.heldSince !== undefined && (line === 4 || line === 12);
  if (line < 4 || line > 13 || begins) return '';
  if (line === 4 || line >= 11) return `round ${round}${line >= 12 ? ', a last one' : ''}`;
  const sending = line === 8 && model.heldSince === undefined && model.batchPlanned > 0;
  const progress = sending
    ? ` · ${formatBytes(model.batchSent)} of ${formatBytes(model.batchPlanned)}`
    : '';
  return `round ${round}, batch ${batch}${progress}`;
}

/** The statement that is executed now, on one line. */
export function renderStatement(model: ViewModel, width: number, style: Style): string {
  if (model.summary) return style.quiet('ended');
  if (model.line === 0) return style.quiet('before the first statement');
  const place = placeOf(model);
  const number = `${model.heldSince === undefined ? '▶' : '■'} ${String(model.line).padStart(2)}  `;
  const room = width - number.length - (place ? place.length + 2 : 0);
  const text = clip(statementText(model.line), room);
  const gap = place ? ' '.repeat(Math.max(2, room - Array.from(text).length + 2)) : '';
  return `${style.marker(number)}${style.strong(text)}${gap}${place}`;
}

/** The program with a marker at the current statement; at most `rows` lines, around the marker. */
export function renderProgram(
  model: ViewModel,
  width: number,
  rows: number,
  style: Style,
): string[] {
  const last = PROGRAM.length - rows;
  const first = Math.max(0, Math.min(last, model.line - 1 - Math.floor(rows / 2)));
  return PROGRAM.slice(first, first + rows).map((_, index) => {
    const line = first + index + 1;
    if (line === model.line) {
      const mark = model.heldSince === undefined ? '▶' : '■';
      const place = placeOf(model);
      const text = clip(programText(line), width - 6 - (place ? place.length + 3 : 0));
      return `${style.marker(`${mark} ${String(line).padStart(2)}  ${text}`)}${place ? `   ${place}` : ''}`;
    }
    return style.quiet(clip(`  ${String(line).padStart(2)}  ${programText(line)}`, width));
  });
}

/** How much of what is used the destination has: a bar of which nothing is hidden when it runs back. */
export function renderProgress(model: ViewModel, width: number, style: Style): string {
  const { blocks } = model;
  if (!blocks) return '';
  const pending = blocks.bytes('pending');
  const deferred = blocks.bytes('deferred');
  const used = blocks.geometry.size - blocks.bytes('free');
  const there = used - pending - deferred;
  const words =
    `${formatShare(there, used)} at the destination, ` +
    (deferred > 0 ? `${formatShare(deferred, used)} deferred` : `${formatBytes(pending)} pending`);
  const room = Math.max(10, Math.min(60, width - words.length - 4));
  const whole = Math.max(1, used);
  const late = Math.ceil((deferred / whole) * room);
  const missing = Math.min(room - late, Math.ceil((pending / whole) * room));
  const bar =
    style.cell.sent('█'.repeat(Math.max(0, room - late - missing))) +
    style.cell.deferred('d'.repeat(late)) +
    style.cell.pending('░'.repeat(missing));
  return `[${bar}] ${words}`;
}

interface RoundColumn extends Column {
  readonly text: (row: RoundRow) => string;
}

const ROUND_COLUMNS: readonly RoundColumn[] = [
  column('round', 8, (row) => `${row.round}${row.final ? ' last' : ''}`, 'left'),
  column('sent', 9, (row) => formatBytes(row.sentBytes)),
  column('re-sent', 9, (row) => formatBytes(row.resentBytes)),
  column('deferred', 9, (row) => formatBytes(row.deferredBytes)),
  column('pending', 9, (row) => formatBytes(row.pendingBytes)),
  column('dirty rate', 11, (row) => (row.forecast ? formatRate(row.dirtyRate) : '?')),
  column('bandwidth', 11, (row) => (row.forecast ? formatRate(row.bandwidth) : '?')),
  column('pause', 7, (row) => optionalDuration(row.forecast?.downtimeMs)),
  column('left', 7, (row) => optionalDuration(row.forecast?.remainingMs)),
];
/** What a narrow terminal does without, first things first. */
const DISPENSABLE: readonly string[] = ['bandwidth', 'dirty rate'];

function column(
  title: string,
  width: number,
  text: (row: RoundRow) => string,
  align: Column['align'] = 'right',
): RoundColumn {
  return { title, width, text, align };
}

/** The newest rounds, at most `rows` of them, the running one last. */
export function renderRounds(
  model: ViewModel,
  width: number,
  rows: number,
  style: Style,
): string[] {
  let columns = ROUND_COLUMNS;
  for (const title of DISPENSABLE) {
    if (sum(columns.map((each) => each.width)) - 1 > width)
      columns = columns.filter((each) => each.title !== title);
  }
  const shown = model.rounds().slice(-rows);
  const cells = shown.map((row) => columns.map(({ text }) => text(row)));
  const [head, ...lines] = renderTable(columns, cells, style);
  return [head!, ...lines.map((line, i) => (shown[i]?.running ? style.strong(line) : line))];
}

function optionalDuration(milliseconds: number | null | undefined): string {
  return milliseconds === null || milliseconds === undefined ? '?' : shortDuration(milliseconds);
}

/** The map of a migration; undefined before there is anything to send. */
export function migrationMap(model: ViewModel, style: Style): BlockMap | undefined {
  const { blocks } = model;
  if (!blocks || blocks.bytes('free') === blocks.geometry.size) return undefined;
  const layer = (
    state: 'pending' | 'deferred' | 'dirty' | 'resent' | 'sent',
    glyph: string,
    label: string,
  ) => ({
    glyph,
    label,
    paint: style.cell[state],
    bytes: blocks.bytes(state),
    count: (from: number, to: number) => blocks.count(state, from, to),
  });
  return {
    parts: blocks.parts,
    granularity: blocks.geometry.granularity,
    layers: [
      layer('deferred', 'd', 'deferred'),
      layer('pending', '░', 'pending'),
      layer('dirty', '*', 'cache dirty'),
      layer('resent', 'R', 're-sent'),
      layer('sent', '█', 'sent'),
    ],
    free: { glyph: '·', label: 'free', paint: style.cell.free, bytes: blocks.bytes('free') },
  };
}

/** What must not be overlooked: the guest stands. */
export function renderPause(model: ViewModel, now: number, style: Style): string[] {
  if (model.pausedSince !== undefined) {
    const held = model.heldSince === undefined ? '' : ', and waits for you';
    return [style.alarm(` the guest is down: ${formatDuration(now - model.pausedSince)}${held} `)];
  }
  return model.pausedByOther ? [style.warning('The guest is paused, not by this migration.')] : [];
}

/** The newest warnings in at most `rows` lines. */
export function renderNotes(model: ViewModel, width: number, rows: number, style: Style): string[] {
  const lines = model.notes.flatMap(({ message }) =>
    wrap(printable(message), width - 2).map((line, i) => `${i === 0 ? '!' : ' '} ${line}`),
  );
  return rows > 0 ? lines.slice(-rows).map((line) => style.warning(line)) : [];
}

/** A duration in at most 6 characters. */
export function shortDuration(milliseconds: number): string {
  if (milliseconds < 999.5) return `${Math.round(milliseconds)}ms`;
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)}s`;
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 3600)
    return `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, '0')}s`;
  const minutes = Math.round(seconds / 60);
  if (minutes >= 100 * 60) return '>99h';
  return `${Math.floor(minutes / 60)}h${String(minutes % 60).padStart(2, '0')}m`;
}

function programText(line: number): string {
  return PROGRAM[line - 1] ?? '';
}

/** A statement without the indentation and the spacing of the listing. */
export function statementText(line: number): string {
  return programText(line)
    .trim()
    .replace(/\s{2,}/g, ': ');
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
