/** Guest files as outlined, labelled regions, where cells are large enough to be told apart. */
import { placeOf, type Layout } from '../../src/heatmap/index.js';
import type { FileRegion } from '../../src/service/types.js';
import type { Seen } from './painter.js';

const SVG = 'http://www.w3.org/2000/svg';
/** More outlines than this say nothing. */
const MOST_CELLS = 20_000;

/** Outlines for what is seen, in pixels of a room. */
export function drawRegions(
  svg: SVGSVGElement,
  layout: Layout,
  regions: readonly FileRegion[],
  seen: Seen,
  room: { readonly width: number; readonly height: number },
): void {
  const scale = room.width / seen.width;
  const parts = regions.flatMap((region) => {
    const places = new Set<number>();
    for (let index = 0; index + 1 < region.cells.length; index += 2) {
      const end = region.cells[index]! + region.cells[index + 1]!;
      for (let cell = region.cells[index]!; cell < end && places.size < MOST_CELLS; cell++)
        places.add(placeOf(layout, cell));
    }
    const path = outline(places, layout.width, seen, scale, room);
    if (path === '') return [];
    const line = document.createElementNS(SVG, 'path');
    line.setAttribute('d', path);
    return [line, label(region.path, places, layout.width, seen, scale, room)];
  });
  svg.replaceChildren(...parts.filter((part) => part !== undefined));
}

/** The edges between the places of a file and the others. */
function outline(
  places: ReadonlySet<number>,
  width: number,
  seen: Seen,
  scale: number,
  room: { readonly width: number; readonly height: number },
): string {
  const lines: string[] = [];
  for (const place of places) {
    const column = place % width;
    const x = (column - seen.x) * scale;
    const y = (Math.floor(place / width) - seen.y) * scale;
    if (x + scale < 0 || y + scale < 0 || x > room.width || y > room.height) continue;
    const line = (dx: number, dy: number, along: string): void => {
      lines.push(`M${(x + dx).toFixed(1)} ${(y + dy).toFixed(1)}${along}${scale.toFixed(1)}`);
    };
    if (!places.has(place - width)) line(0, 0, 'h');
    if (!places.has(place + width)) line(0, scale, 'h');
    if (column === 0 || !places.has(place - 1)) line(0, 0, 'v');
    if (column === width - 1 || !places.has(place + 1)) line(scale, 0, 'v');
  }
  return lines.join('');
}

/** The file's name at the first of its places that is seen. */
function label(
  path: string,
  places: ReadonlySet<number>,
  width: number,
  seen: Seen,
  scale: number,
  room: { readonly width: number; readonly height: number },
): SVGTextElement | undefined {
  for (const place of places) {
    const x = ((place % width) - seen.x) * scale;
    const y = (Math.floor(place / width) - seen.y) * scale;
    if (x < 0 || y < 0 || x > room.width - 40 || y > room.height - 14) continue;
    const text = document.createElementNS(SVG, 'text');
    text.setAttribute('x', (x + 3).toFixed(1));
    text.setAttribute('y', (y + 13).toFixed(1));
    text.textContent = path.split('/').at(-1) ?? path;
    return text;
  }
  return undefined;
}
