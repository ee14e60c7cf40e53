/** Where cells lie on a map: along a Hilbert curve, or in rows. Pure arithmetic. */

/** A layout of `cells` cells on a grid of `width` × `height` places. */
export interface Layout {
  readonly kind: 'hilbert' | 'rows';
  readonly cells: number;
  readonly width: number;
  readonly height: number;
}

/** The most cells that have a place: 4096 × 4096. */
export const MOST_CELLS = 16_777_216;

/**
 * The smallest grid that has a place for each cell.
 * @param cells 1 to {@link MOST_CELLS}.
 */
export function createLayout(kind: Layout['kind'], cells: number): Layout {
  if (kind === 'rows') {
    // A little wider than high, as screens are.
    const width = Math.min(4096, Math.max(1, 2 ** Math.ceil(Math.log2(Math.sqrt(cells * 1.3)))));
    return { kind, cells, width, height: Math.ceil(cells / width) };
  }
  const side = 2 ** Math.ceil(Math.log2(Math.max(1, cells)) / 2);
  // Half of a square is enough for cells that fill no more: the curve fills it first.
  return { kind, cells, width: side, height: side };
}

/** Place of a cell as `y * width + x`. */
export function placeOf(layout: Layout, cell: number): number {
  return layout.kind === 'rows' ? cell : hilbertPlace(layout.width, cell);
}

/** Cell at a place; undefined where there is none. */
export function cellAt(layout: Layout, x: number, y: number): number | undefined {
  if (x < 0 || y < 0 || x >= layout.width || y >= layout.height) return undefined;
  const cell = layout.kind === 'rows' ? y * layout.width + x : hilbertIndex(layout.width, x, y);
  return cell < layout.cells ? cell : undefined;
}

/** Point of the Hilbert curve of a square of side `side` (a power of two), as `y * side + x`. */
export function hilbertPlace(side: number, index: number): number {
  let x = 0;
  let y = 0;
  let rest = index;
  for (let size = 1; size < side; size *= 2) {
    const right = (rest >> 1) & 1;
    const up = (rest ^ right) & 1;
    if (up === 0) {
      if (right === 1) {
        x = size - 1 - x;
        y = size - 1 - y;
      }
      const swap = x;
      x = y;
      y = swap;
    }
    x += size * right;
    y += size * up;
    rest >>= 2;
  }
  return y * side + x;
}

/** Index on the curve of a point; the inverse of {@link hilbertPlace}. */
export function hilbertIndex(side: number, x: number, y: number): number {
  let index = 0;
  let column = x;
  let row = y;
  for (let size = side / 2; size >= 1; size /= 2) {
    const right = (column & size) > 0 ? 1 : 0;
    const up = (row & size) > 0 ? 1 : 0;
    index += size * size * ((3 * right) ^ up);
    if (up === 0) {
      if (right === 1) {
        column = side - 1 - column;
        row = side - 1 - row;
      }
      const swap = column;
      column = row;
      row = swap;
    }
  }
  return index;
}
