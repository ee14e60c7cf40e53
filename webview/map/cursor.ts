/** Where keys move the cursor of a map. Pure. */
import { cellAt, placeOf, type Layout } from '../../src/heatmap/index.js';

/**
 * The cell that a key leads to.
 * @param rows that are seen; half of them are a page.
 * @returns undefined for a key that leads nowhere.
 */
export function moved(key: string, from: number, layout: Layout, rows: number): number | undefined {
  const page = Math.max(1, Math.floor(rows / 2));
  switch (key) {
    case 'Home':
      return 0;
    case 'End':
      return layout.cells - 1;
    case 'ArrowLeft':
      return beside(from, layout, -1, 0);
    case 'ArrowRight':
      return beside(from, layout, 1, 0);
    case 'ArrowUp':
      return beside(from, layout, 0, -1);
    case 'ArrowDown':
      return beside(from, layout, 0, 1);
    case 'PageUp':
      return beside(from, layout, 0, -page);
    case 'PageDown':
      return beside(from, layout, 0, page);
    default:
      return undefined;
  }
}

/** The cell so many columns and rows away, or the last one on the way there; itself at an edge. */
function beside(from: number, layout: Layout, columns: number, rows: number): number {
  const place = placeOf(layout, from);
  const x = (place % layout.width) + columns;
  const y = Math.floor(place / layout.width) + rows;
  const within = (value: number, size: number): number => Math.min(size - 1, Math.max(0, value));
  return cellAt(layout, within(x, layout.width), within(y, layout.height)) ?? from;
}
