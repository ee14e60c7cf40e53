/** Outlines of guest files over the map, once cells are large enough; asked for when the view rests. */
import type { FileRegion } from '../../src/service/types.js';
import type { PartContext } from '../ask.js';
import type { MapCells } from './cells.js';
import { drawRegions } from './regions.js';
import type { Viewport } from './viewport.js';

const SVG = 'http://www.w3.org/2000/svg';
/** CSS pixels of a cell from which on files are outlined. */
const LEAST_PIXELS = 12;
const ASK_DELAY_MS = 150;

export class Outlines {
  readonly element = document.createElementNS(SVG, 'svg');
  #regions: readonly FileRegion[] = [];
  #timer = 0;

  /** @param onNews is called when there are others than were drawn. */
  constructor(
    private readonly context: PartContext,
    private readonly viewport: Viewport,
    private readonly onNews: () => void,
  ) {
    this.element.setAttribute('class', 'overlay');
    this.element.setAttribute('aria-hidden', 'true');
  }

  draw({ layout }: MapCells): void {
    const { viewport } = this;
    clearTimeout(this.#timer);
    if (viewport.scale < LEAST_PIXELS) this.#regions = [];
    else this.#timer = window.setTimeout(() => void this.#ask(layout.cells), ASK_DELAY_MS);
    drawRegions(this.element, layout, this.#regions, viewport.seen, viewport.size);
  }

  async #ask(cells: number): Promise<void> {
    const { from, to } = this.viewport.covered;
    const first = Math.floor(from * cells);
    const count = Math.ceil(to * cells) - first;
    const { t, ask, announce } = this.context;
    try {
      const regions = await ask('view.regions', { first, count });
      const same = JSON.stringify(regions) === JSON.stringify(this.#regions);
      this.#regions = regions;
      if (!same) this.onNews();
    } catch {
      announce(t('The files can’t be told.'));
    }
  }
}
