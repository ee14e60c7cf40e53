/** The whole disk as one line from its first to its last block, and which part of it the map shows. */
import { stateOf, type LayerName, type Palette } from '../../src/heatmap/index.js';
import { el } from '../dom.js';
import type { MapCells } from './cells.js';
import type { Covered } from './viewport.js';

const WIDTH = 1024;
/** Cells that are looked at for each pixel; the weightiest state is shown. */
const SAMPLES = 8;
/** In percent, so that it can be seen. */
const LEAST_RANGE = 0.3;

export class Overview {
  readonly element = el('div', { class: 'strip', 'aria-hidden': 'true' });
  readonly #canvas = el('canvas', { class: 'overview', width: WIDTH, height: 1 });
  readonly #range = el('div', { class: 'range' });

  /** @param onJump is told where it was clicked, as a share of the disk. */
  constructor(onJump: (share: number) => void) {
    this.element.append(this.#canvas, this.#range);
    this.element.addEventListener('click', (event) =>
      onJump(event.offsetX / this.element.clientWidth),
    );
  }

  draw(cells: MapCells, layer: LayerName, palette: Palette, covered: Covered): void {
    this.#range.style.left = `${covered.from * 100}%`;
    this.#range.style.width = `${Math.max(LEAST_RANGE, (covered.to - covered.from) * 100)}%`;
    const drawing = this.#canvas.getContext('2d');
    if (!drawing) return;
    const image = drawing.createImageData(WIDTH, 1);
    const colours = palette[layer];
    const step = cells.layout.cells / WIDTH;
    for (let x = 0; x < WIDTH; x++) {
      let state = 0;
      for (let sample = 0; sample < SAMPLES; sample++) {
        const cell = Math.floor((x + sample / SAMPLES) * step);
        state = Math.max(state, stateOf(layer, cells.wordOf(cell)));
      }
      image.data.set([...colours[state]!, 255], x * 4);
    }
    drawing.putImageData(image, 0, 0);
  }
}
