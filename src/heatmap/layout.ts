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

/** Side of a tile, in places: the unit in which a map is painted anew. On a Hilbert curve one tile is {@link STRETCH} cells in a row. */
export const TILE = 16;
export const STRETCH = TILE * TILE;

const stretchPlaces = new Uint32Array(STRETCH);

/**
 * Visits the places of the cells from `first` up to `end`, by stretches that end where a multiple of
 * {@link STRETCH} does: many times as fast as {@link placeOf} for each.
 * @param visit takes the stretch's first cell, its length, and the places, which hold during the call.
 */
export function eachStretch(
  layout: Layout,
  first: number,
  end: number,
  visit: (cell: number, count: number, places: Uint32Array) => void,
): void {
  for (let cell = first; cell < end;) {
    const next = Math.min(end, cell - (cell % STRETCH) + STRETCH);
    fillPlaces(layout, cell, next - cell);
    visit(cell, next - cell, stretchPlaces);
    cell = next;
  }
}

function fillPlaces(layout: Layout, cell: number, count: number): void {
  const { kind, width } = layout;
  if (kind === 'rows' || width < TILE) {
    for (let index = 0; index < count; index++)
      stretchPlaces[index] = placeOf(layout, cell + index);
    return;
  }
  const { x, y, turn } = tileOf(width / TILE, Math.floor(cell / STRETCH));
  const inTile = TURNED[turn]!;
  const corner = (y * width + x) * TILE;
  for (let index = 0, from = cell % STRETCH; index < count; index++) {
    const at = inTile[from + index]!;
    stretchPlaces[index] = corner + Math.floor(at / TILE) * width + (at % TILE);
  }
}

/** Which tile a stretch fills, and how the curve is turned in it: 1 swaps x and y, 2 turns it round. */
function tileOf(side: number, stretch: number): { x: number; y: number; turn: number } {
  let [x, y, turn] = [0, 0, 0];
  let rest = stretch;
  for (let size = 1; size < side; size *= 2) {
    const right = (rest >> 1) & 1;
    const up = (rest ^ right) & 1;
    if (up === 0) {
      const [column, row] = right === 1 ? [size - 1 - x, size - 1 - y] : [x, y];
      [x, y] = [row, column];
      turn ^= 1 + 2 * right;
    }
    x += size * right;
    y += size * up;
    rest >>= 2;
  }
  return { x, y, turn };
}

/** Places in a tile of a stretch's cells, for each way in which the curve is turned. */
const TURNED = [0, 1, 2, 3].map((turn) =>
  Uint8Array.from({ length: STRETCH }, (_, cell) => {
    const plain = hilbertPlace(TILE, cell);
    const round = turn & 2 ? STRETCH - 1 - plain : plain;
    return turn & 1 ? (round % TILE) * TILE + Math.floor(round / TILE) : round;
  }),
);

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
