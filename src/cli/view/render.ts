/** A frame of the live view: the model as lines that fit a terminal of the given size. */
import { formatBytes, formatDuration } from '../../base/units.js';
import { describeCell, renderCells, renderLegend } from './map.js';
import type { ViewModel } from './model.js';
import { renderInspection } from './render-inspect.js';
import {
  migrationMap,
  renderHeader,
  renderNotes,
  renderPause,
  renderProbe,
  renderProgram,
  renderProgress,
  renderRounds,
  renderStatement,
} from './render-parts.js';
import { clip, type Style } from './style.js';

export interface FrameOptions {
  /** Of the terminal, in characters; 60 at least are used. */
  readonly width: number;
  readonly height: number;
  /** Milliseconds of the run. */
  readonly now: number;
  readonly style: Style;
  /** Whether the whole program is listed, as far as it fits. */
  readonly listing: boolean;
  readonly inspecting: boolean;
  /** Shows what the keys do. */
  readonly keys: readonly string[];
  /** A question to the person, in the place of the keys. */
  readonly question: readonly string[];
}

const LEAST_WIDTH = 60;
const LEAST_HEIGHT = 16;
const LEAST_MAP_ROWS = 3;
const MOST_MAP_ROWS = 10;
/** Fewer lines of the program than this are not worth a listing. */
const LEAST_LISTING = 3;
const LONGEST_LISTING = 18;

/** At most `height - 1` lines, so that the terminal does not scroll. */
export function renderFrame(model: ViewModel, options: FrameOptions): string[] {
  const { now, style } = options;
  const width = Math.max(LEAST_WIDTH, options.width) - 1;
  const height = Math.max(LEAST_HEIGHT, options.height) - 1;
  const top = [
    ...renderHeader(model, width, now, style),
    renderProbe(model, width, style),
    ...renderPause(model, now, style),
    '',
  ];
  const bottom = ['', ...renderNotes(model, width, 2, style), ...footer(options, width)];
  const room = height - top.length - bottom.length;
  const middle = options.inspecting
    ? [renderStatement(model, width, style), '', ...renderInspection(model, width, style)]
    : renderMiddle(model, options, width, room);
  return [...top, ...middle.slice(0, room), ...bottom];
}

/** Statement or listing, progress, rounds and map, in at most `room` lines as far as that can be. */
function renderMiddle(
  model: ViewModel,
  options: FrameOptions,
  width: number,
  room: number,
): string[] {
  const { style } = options;
  const map = migrationMap(model, style);
  const legend = map ? renderLegend(map, width, style) : [];
  const layout = shareOut(room, {
    listing: options.listing,
    rounds: model.rounds().length > 0,
    legendLines: map ? legend.length : undefined,
  });
  const lines =
    layout.listing > 1
      ? [...renderProgram(model, width, layout.listing, style), '']
      : [renderStatement(model, width, style)];
  if (map) lines.push(renderProgress(model, width, style));
  if (layout.rounds > 0) {
    const table = renderRounds(model, width, layout.rounds, style);
    const missing = layout.rounds + 1 - table.length;
    lines.push('', ...table, ...Array.from({ length: missing }, () => ''));
  }
  if (map) {
    const { mapRows } = layout;
    const cell = style.quiet(clip(describeCell(map, width, mapRows), width));
    lines.push('', ...renderCells(map, width, mapRows), ...legend, cell);
  }
  return lines;
}

interface Wanted {
  readonly listing: boolean;
  readonly rounds: boolean;
  /** Absent where there is no map. */
  readonly legendLines: number | undefined;
}

interface Layout {
  /** Lines of the program; 1 is the statement alone. */
  readonly listing: number;
  /** Rows of the table, its head not counted. */
  readonly rounds: number;
  readonly mapRows: number;
}

/** Depends on the room and on which parts there are, not on what is in them: so the view stands still. */
function shareOut(room: number, wanted: Wanted): Layout {
  const { legendLines } = wanted;
  const rounds = wanted.rounds ? Math.min(8, Math.max(2, Math.floor(room / 6))) : 0;
  let left = room - 1;
  if (legendLines !== undefined) left -= 3 + legendLines + LEAST_MAP_ROWS;
  if (rounds > 0) left -= 2 + rounds;
  const spare = legendLines === undefined ? left : left - 2;
  const listed = Math.min(LONGEST_LISTING, Math.max(spare, Math.min(left, LEAST_LISTING)));
  const listing = wanted.listing && listed >= LEAST_LISTING ? listed : 1;
  if (listing > 1) left -= listing;
  const mapRows = Math.max(1, Math.min(MOST_MAP_ROWS, LEAST_MAP_ROWS + left));
  return { listing, rounds, mapRows };
}

function footer(options: FrameOptions, width: number): string[] {
  const { style, question, keys } = options;
  if (question.length > 0) {
    return question.map((line, i) =>
      i === 0 ? style.strong(clip(line, width)) : clip(line, width),
    );
  }
  return keys.map((line) => style.quiet(clip(line, width)));
}

/** What a person should know before choosing what to do about a migration that does not converge. */
export function questionLines(downtimeMs: number, pendingBytes: number, rounds: number): string[] {
  return [
    `It does not converge: after ${rounds} rounds ${formatBytes(pendingBytes)} are left. What now?`,
    '  m  more rounds',
    `  p  pause anyway: the guest would be down for about ${formatDuration(downtimeMs)}`,
    '  c  cancel; the guest stays on its source',
  ];
}
