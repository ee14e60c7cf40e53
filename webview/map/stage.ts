/** The canvas of a map with what lies over it: outlines of files, and a word on the block that is pointed at. */
import type { PartContext } from '../ask.js';
import { el, setText } from '../dom.js';
import type { MapCells } from './cells.js';
import { connectGestures, type GestureTarget } from './gestures.js';
import { Outlines } from './outlines.js';
import { createPainter, type Look, type MapPainter, type Seen } from './painter.js';
import { Viewport, type Point } from './viewport.js';

/** What the stage tells of; points are shares of the canvas, 0 to 1. */
export interface StageListener {
  readonly look: (seen: Seen) => void;
  readonly hover: (at: Point | undefined) => void;
  readonly click: (at: Point) => void;
  /** Returns whether the key meant something. */
  readonly key: GestureTarget['key'];
  /** What was painted is out of date: the context is new, the room changed, files came. */
  readonly stale: () => void;
  /** The room has another size, or another place on the screen. */
  readonly resized: () => void;
}

/** Of the tooltip, from the pointer. */
const TIP_PIXELS = 14;

export class Stage {
  readonly element = el('div', { class: 'stage' });
  readonly viewport: Viewport;
  readonly #canvas = el('canvas', { class: 'map-canvas', tabindex: 0, role: 'application' });
  readonly #tooltip = el('div', { class: 'tooltip', hidden: true });
  readonly #outlines: Outlines;
  readonly #painter: MapPainter = createPainter(this.#canvas);
  readonly #resized: ResizeObserver;

  constructor(context: PartContext, listener: StageListener) {
    const { t } = context;
    this.#canvas.setAttribute(
      'aria-label',
      t('Disk map. Arrow keys move over blocks, Enter shows one, plus and minus zoom.'),
    );
    this.viewport = new Viewport(this.#canvas);
    this.#outlines = new Outlines(context, this.viewport, listener.stale);
    this.element.append(this.#canvas, this.#tooltip, this.#outlines.element);
    this.#canvas.addEventListener('webglcontextlost', (event) => event.preventDefault());
    this.#canvas.addEventListener('webglcontextrestored', () => {
      this.#painter.reset();
      listener.stale();
    });
    connectGestures({
      canvas: this.#canvas,
      seen: () => this.viewport.seen,
      look: listener.look,
      map: () => this.viewport.map,
      widest: () => this.viewport.widest,
      hover: listener.hover,
      click: listener.click,
      key: listener.key,
    });
    this.#resized = new ResizeObserver(listener.resized);
    this.#resized.observe(this.element);
  }

  /** Paints what is seen; false where there is no room to paint in. */
  paint(cells: MapCells, look: Look): boolean {
    const { clientWidth, clientHeight } = this.#canvas;
    if (clientWidth === 0 || clientHeight === 0) return false;
    const width = Math.round(clientWidth * devicePixelRatio);
    const height = Math.round(clientHeight * devicePixelRatio);
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    this.#painter.paint(cells, this.viewport.seen, look);
    this.#outlines.draw(cells);
    return true;
  }

  /** Says something beside a point; undefined takes it away. */
  tell(at: Point, text: string | undefined): void {
    this.#tooltip.hidden = text === undefined;
    if (text === undefined) return;
    setText(this.#tooltip, text);
    const { width, height } = this.viewport.size;
    const { style } = this.#tooltip;
    const right = at.x > 0.6;
    style.left = right ? '' : `${at.x * width + TIP_PIXELS}px`;
    style.right = right ? `${(1 - at.x) * width + TIP_PIXELS}px` : '';
    style.top = `${Math.min(at.y, 0.85) * height + TIP_PIXELS}px`;
  }

  /** What is painted, as a PNG. */
  async picture(): Promise<Uint8Array | undefined> {
    const blob = await new Promise<Blob | null>((resolve) => this.#canvas.toBlob(resolve));
    return blob ? new Uint8Array(await blob.arrayBuffer()) : undefined;
  }

  focus(): void {
    this.#canvas.focus();
  }

  dispose(): void {
    this.#resized.disconnect();
  }
}
