/** What paints a map on a canvas: with WebGL2 where there is one, and otherwise without. */
import type { Colouring } from '../../src/heatmap/index.js';
import { CanvasPainter } from './canvas-painter.js';
import type { MapCells } from './cells.js';
import { WebGlPainter } from './webgl-painter.js';

/** What is seen of a map, in places. */
export interface Seen {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Look extends Colouring {
  /** Place of the cursor. */
  readonly cursor: { readonly x: number; readonly y: number } | undefined;
}

export interface MapPainter {
  /** Paints what is seen in the whole of the canvas. */
  paint(cells: MapCells, seen: Seen, look: Look): void;
  /** The canvas lost all that was on it: everything is made again. */
  reset(): void;
}

/** The best painter that there is for a canvas. */
export function createPainter(canvas: HTMLCanvasElement): MapPainter {
  const gl = canvas.getContext('webgl2', {
    antialias: false,
    alpha: false,
    preserveDrawingBuffer: true,
  });
  return gl ? new WebGlPainter(gl) : new CanvasPainter(canvas);
}
