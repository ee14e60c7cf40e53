/** A block map: the disk as rows of cells, each painted for what matters most in it. */
import { formatBytes } from '../../base/units.js';
import type { Parts } from './cells.js';
import type { Paint, Style } from './style.js';

/** A state that a cell can show; also a line of the legend. */
export interface MapLayer {
  readonly glyph: string;
  readonly label: string;
  readonly paint: Paint;
  /** Bytes of the disk in this state. */
  readonly bytes: number;
  /** Blocks in this state among the parts from `from` up to, not including, `to`. */
  count(from: number, to: number): number;
}

export interface BlockMap {
  readonly parts: Parts;
  /** Bytes of a block. */
  readonly granularity: number;
  /** What matters most first. A cell where none of them is found is free. */
  readonly layers: readonly MapLayer[];
  readonly free: Omit<MapLayer, 'count'>;
}

/** A state shows in a cell when it has this share of the cell's used blocks. */
const LEAST_SHARE = 1 / 16;

/** How many parts a cell covers on a map of `width` × `rows` cells. */
export function partsPerCell(parts: Parts, width: number, rows: number): number {
  return Math.max(1, Math.ceil(parts.count / (width * rows)));
}

/** The cells as painted lines, at most `rows` of at most `width` characters. */
export function renderCells(map: BlockMap, width: number, rows: number): string[] {
  const step = partsPerCell(map.parts, width, rows);
  const cells: (MapLayer | undefined)[] = [];
  for (let part = 0; part < map.parts.count; part += step) {
    cells.push(layerOf(map.layers, part, part + step));
  }
  const lines: string[] = [];
  for (let start = 0; start < cells.length; start += width) {
    lines.push(paintCells(cells.slice(start, start + width), map.free));
  }
  return lines;
}

/** What a cell stands for, in words. */
export function describeCell(map: BlockMap, width: number, rows: number): string {
  const blocks = partsPerCell(map.parts, width, rows) * map.parts.perPart;
  const size = formatBytes(blocks * map.granularity);
  return blocks === 1
    ? `each cell is a block of ${size}`
    : `each cell is ${blocks} blocks, ${size}`;
}

/** Room for the longest size and for the space between two entries of the legend. */
const SIZE_WIDTH = 9;
const ENTRY_GAP = 3;

/**
 * What each glyph means and how much of the disk it is, in lines of at most `width` characters.
 * The columns depend on the words alone, so that the legend stands still while the sizes change.
 */
export function renderLegend(map: BlockMap, width: number, style: Style): string[] {
  const entries = [...map.layers, map.free];
  const column = Math.max(...entries.map(({ label }) => label.length)) + 3 + SIZE_WIDTH;
  const fitting = Math.max(1, Math.floor((width + ENTRY_GAP) / (column + ENTRY_GAP)));
  const lineCount = Math.ceil(entries.length / fitting);
  const perLine = Math.ceil(entries.length / lineCount);
  const lines: string[] = [];
  for (let start = 0; start < entries.length; start += perLine) {
    const texts = entries.slice(start, start + perLine).map(({ glyph, label, paint, bytes }) => {
      const words = `${label} ${formatBytes(bytes)}`;
      const padding = ' '.repeat(Math.max(0, column - 2 - words.length));
      return `${paint(glyph)} ${bytes > 0 ? words : style.quiet(words)}${padding}`;
    });
    lines.push(texts.join(' '.repeat(ENTRY_GAP)).trimEnd());
  }
  return lines;
}

function layerOf(layers: readonly MapLayer[], from: number, to: number): MapLayer | undefined {
  const counts = layers.map((layer) => layer.count(from, to));
  const used = counts.reduce((sum, count) => sum + count, 0);
  if (used === 0) return undefined;
  return layers[counts.findIndex((count) => count > 0 && count >= used * LEAST_SHARE)];
}

function paintCells(
  cells: readonly (MapLayer | undefined)[],
  free: { readonly glyph: string; readonly paint: Paint },
): string {
  let line = '';
  for (let start = 0; start < cells.length;) {
    let end = start + 1;
    while (end < cells.length && cells[end] === cells[start]) end++;
    const { glyph, paint } = cells[start] ?? free;
    line += paint(glyph.repeat(end - start));
    start = end;
  }
  return line;
}
