/**
 * Paints a map on a 2D canvas, where WebGL2 is missing. A frame costs in proportion to the pixels:
 * where many cells share one, at most 4 × 4 of them are looked at.
 */
import {
  CLASSES,
  MARKED,
  PRESENT,
  classifierOf,
  colourTable,
  hatchedStates,
  mixed,
  shownMean,
  unit,
} from '../../src/heatmap/index.js';
import type { MapCells } from './cells.js';
import type { Look, MapPainter, Seen } from './painter.js';

/** Most cells that a pixel is the mean of, across and down. */
const MOST_SAMPLES = 4;
/** Pixels of a cell from which on there are lines and hatching. */
const LINED = 5;

export class CanvasPainter implements MapPainter {
  readonly #drawing: CanvasRenderingContext2D;
  #image = new ImageData(1, 1);
  #pixels = new Uint32Array(1);

  /** @throws Error where the canvas is not for drawing. */
  constructor(private readonly canvas: HTMLCanvasElement) {
    const drawing = canvas.getContext('2d', { alpha: false });
    if (!drawing) throw new Error('The canvas has no 2D context.');
    this.#drawing = drawing;
  }

  reset(): void {
    this.#image = new ImageData(1, 1);
  }

  paint(cells: MapCells, seen: Seen, look: Look): void {
    const { width, height } = this.canvas;
    if (this.#image.width !== width || this.#image.height !== height) {
      this.#image = new ImageData(width, height);
      this.#pixels = new Uint32Array(this.#image.data.buffer);
    }
    const scale = width / seen.width;
    if (scale >= 1) paintCells(this.#pixels, width, cells, seen, look);
    else paintMeans(this.#pixels, width, cells, seen, look);
    this.#drawing.putImageData(this.#image, 0, 0);
    if (look.cursor && scale >= 2) this.#paintCursor(look.cursor, seen, scale, look);
  }

  #paintCursor(
    cursor: { readonly x: number; readonly y: number },
    seen: Seen,
    scale: number,
    { palette }: Look,
  ): void {
    this.#drawing.strokeStyle = palette.ground[0] > 127 ? '#000' : '#fff';
    this.#drawing.lineWidth = 3;
    const [x, y] = [(cursor.x - seen.x) * scale, (cursor.y - seen.y) * scale];
    this.#drawing.strokeRect(x - 0.5, y - 0.5, scale + 1, scale + 1);
  }
}

/** Cells that are pixels or larger: each pixel is of one. */
function paintCells(
  pixels: Uint32Array,
  width: number,
  { layout, words, marking }: MapCells,
  seen: Seen,
  look: Look,
): void {
  const height = pixels.length / width;
  const scale = width / seen.width;
  const lined = scale >= LINED;
  const { ground, plain, hatch, line, hatchedLine } = pixelColours(look);
  const classOf = classifierOf(look.layer);
  const hatched = hatchedStates(look.layer);
  const across = along(width, seen.x, seen.width, layout.width);
  const down = along(height, seen.y, seen.height, layout.height);
  for (let y = 0, pixel = 0; y < height; y++) {
    const row = Math.floor(down[y]!) * layout.width;
    const dy = (down[y]! % 1) * scale;
    for (let x = 0; x < width; x++, pixel++) {
      const word = row < 0 || across[x]! < 0 ? 0 : words[row + Math.floor(across[x]!)]!;
      if ((word & PRESENT) === 0) {
        pixels[pixel] = ground;
        continue;
      }
      const state = classOf(word);
      const shown = marking && (word & MARKED) === 0 ? state + CLASSES : state;
      const dx = (across[x]! % 1) * scale;
      const isHatched = lined && (hatched & (1 << (state & 7))) !== 0 && (dx + dy) % 4 < 1.2;
      const isLine = lined && (dx < 1 || dy < 1);
      const colours = isLine ? (isHatched ? hatchedLine : line) : isHatched ? hatch : plain;
      pixels[pixel] = colours[shown]!;
    }
  }
}

/** Cells that are smaller than pixels: each pixel is the mean of some. */
function paintMeans(
  pixels: Uint32Array,
  width: number,
  { layout, words, marking }: MapCells,
  seen: Seen,
  look: Look,
): void {
  const height = pixels.length / width;
  const samples = Math.min(MOST_SAMPLES, Math.ceil(seen.width / width));
  const share = 1 / samples ** 2;
  const table = colourTable(look);
  const [groundRed = 0, groundGreen = 0, groundBlue = 0] = unit(look.palette.ground);
  const classOf = classifierOf(look.layer);
  const across = along(width * samples, seen.x, seen.width, layout.width);
  const down = along(height * samples, seen.y, seen.height, layout.height);
  for (let y = 0, pixel = 0; y < height; y++) {
    for (let x = 0; x < width; x++, pixel++) {
      let [red, green, blue, weight] = [0, 0, 0, 0];
      for (let sampleY = y * samples; sampleY < (y + 1) * samples; sampleY++) {
        const row = Math.floor(down[sampleY]!) * layout.width;
        for (let sampleX = x * samples; sampleX < (x + 1) * samples; sampleX++) {
          const word =
            row < 0 || across[sampleX]! < 0 ? 0 : words[row + Math.floor(across[sampleX]!)]!;
          if ((word & PRESENT) === 0) continue;
          const state = classOf(word) + (marking && (word & MARKED) === 0 ? CLASSES : 0);
          const own = table[state * 4 + 3]!;
          red += table[state * 4]! * own;
          green += table[state * 4 + 1]! * own;
          blue += table[state * 4 + 2]! * own;
          weight += own;
        }
      }
      weight *= share;
      pixels[pixel] = packed(
        shownMean(red * share, weight, groundRed),
        shownMean(green * share, weight, groundGreen),
        shownMean(blue * share, weight, groundBlue),
      );
    }
  }
}

/** Where the middles of `count` pixels are on one side of the map; -1 outside of it. */
function along(count: number, from: number, length: number, end: number): Float64Array {
  return Float64Array.from({ length: count }, (_, index) => {
    const at = from + ((index + 0.5) / count) * length;
    return at >= 0 && at < end ? at : -1;
  });
}

interface PixelColours {
  readonly ground: number;
  readonly plain: Uint32Array;
  readonly hatch: Uint32Array;
  readonly line: Uint32Array;
  readonly hatchedLine: Uint32Array;
}

/** The colours of all classes as they are in an image: alone, hatched, and where a line is. */
function pixelColours(look: Look): PixelColours {
  const table = colourTable(look);
  const ground = unit(look.palette.ground);
  const inImage = ([red = 0, green = 0, blue = 0]: readonly number[]) => packed(red, green, blue);
  const colours = (change: (colour: readonly number[]) => readonly number[]): Uint32Array =>
    Uint32Array.from({ length: 2 * CLASSES }, (_, each) =>
      inImage(change([...table.subarray(each * 4, each * 4 + 3)])),
    );
  const hatch = (colour: readonly number[]): readonly number[] => mixed(colour, ground, 0.6);
  const line = (colour: readonly number[]): readonly number[] => mixed(colour, ground, 0.75);
  return {
    ground: inImage(ground),
    plain: colours((colour) => colour),
    hatch: colours(hatch),
    line: colours(line),
    hatchedLine: colours((colour) => line(hatch(colour))),
  };
}

/** As a 32-bit pixel of an image; each part 0 to 1. */
function packed(red: number, green: number, blue: number): number {
  const byte = (part: number): number => (part * 255 + 0.5) | 0;
  return ((255 << 24) | (byte(blue) << 16) | (byte(green) << 8) | byte(red)) >>> 0;
}
