/** A map as a picture of rectangles (SVG), and its legend as a table. */
import {
  LAYERS,
  cellAt,
  cssOf,
  stateOf,
  type LayerName,
  type Palette,
} from '../../src/heatmap/index.js';
import { formatBytes } from '../../src/base/units.js';
import type { MomentNote } from '../../src/service/types.js';
import type { Translate } from '../strings.js';
import type { MapCells } from './cells.js';
import type { Seen } from './painter.js';
import { stateWords } from './words.js';

/** Most rectangles across a saved map; more are drawn as every n-th. */
const MOST_ACROSS = 256;
const PIXELS = 4;

/** What is seen, with runs of one state in a row as one rectangle, and the legend below. */
export function mapAsSvg(
  cells: MapCells,
  seen: Seen,
  layer: LayerName,
  palette: Palette,
  t: Translate,
): string {
  const step = Math.max(1, Math.ceil(seen.width / MOST_ACROSS));
  const columns = Math.ceil(seen.width / step);
  const rows = Math.ceil(seen.height / step);
  const parts: string[] = [];
  for (let row = 0; row < rows; row++) {
    let begin = 0;
    let state = -1;
    for (let column = 0; column <= columns; column++) {
      const now = column < columns ? stateAt(cells, seen, layer, column * step, row * step) : -1;
      if (now === state && column > 0) continue;
      if (state >= 0)
        parts.push(
          `<rect x="${begin * PIXELS}" y="${row * PIXELS}" width="${(column - begin) * PIXELS}" height="${PIXELS}" fill="${cssOf(palette[layer][state]!)}"/>`,
        );
      begin = column;
      state = now;
    }
  }
  const words = stateWords(t, layer);
  LAYERS[layer].forEach((_, state) => {
    const y = rows * PIXELS + 8 + state * 18;
    parts.push(
      `<rect x="4" y="${y}" width="12" height="12" fill="${cssOf(palette[layer][state]!)}"/><text x="22" y="${y + 10}" font-family="sans-serif" font-size="12" fill="#808080">${escape(words[state] ?? '')}</text>`,
    );
  });
  const width = columns * PIXELS;
  const height = rows * PIXELS + 16 + LAYERS[layer].length * 18;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" shape-rendering="crispEdges"><rect width="100%" height="100%" fill="${cssOf(palette.ground)}"/>${parts.join('')}</svg>\n`;
}

/** The legend of every layer, separated by tabs. */
export function legendAsTable({ legend }: MomentNote, t: Translate): string {
  const rows = (Object.keys(LAYERS) as LayerName[]).flatMap((layer) =>
    stateWords(t, layer).map((words, state) => {
      const bytes = legend[layer][state] ?? 0;
      return [layer, words, bytes, formatBytes(bytes)].join('\t');
    }),
  );
  return `${[t('layer'), t('state'), t('bytes'), t('size')].join('\t')}\n${rows.join('\n')}\n`;
}

function stateAt(cells: MapCells, seen: Seen, layer: LayerName, dx: number, dy: number): number {
  const cell = cellAt(cells.layout, Math.floor(seen.x + dx), Math.floor(seen.y + dy));
  return cell === undefined ? -1 : stateOf(layer, cells.wordOf(cell));
}

function escape(text: string): string {
  return text.replace(/[<>&]/g, (c) => `&#${c.charCodeAt(0)};`);
}
