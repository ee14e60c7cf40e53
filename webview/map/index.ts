/** The door of the map: the disk as a heatmap, with legend, overview, inspector and file search. */
import { formatBytes, parseSize } from '../../src/base/units.js';
import {
  cacheStateOf,
  cellAt,
  createPalette,
  dirtiedCountOf,
  migrationStateOf,
  placeOf,
  sentCountOf,
  stateOf,
  type LayerName,
  type Palette,
  type ThemeKind,
} from '../../src/heatmap/index.js';
import type { CellsNote, FileRegion, HeaderNote, MomentNote } from '../../src/service/types.js';
import type { PartContext } from '../ask.js';
import { el, iconButton, setText } from '../dom.js';
import type { MapSettings, ViewCommand } from '../messages.js';
import { reveal, whole, zoom } from './camera.js';
import { MapCells } from './cells.js';
import { Files } from './files.js';
import { connectGestures } from './gestures.js';
import { Inspector } from './inspector.js';
import { Legend } from './legend.js';
import { createPainter, type MapPainter, type Seen } from './painter.js';
import { drawRegions } from './regions.js';
import { legendAsTable, mapAsSvg } from './save.js';
import type { MapState, MapView } from './types.js';
import { layerWords, stateWords } from './words.js';
import './map.css';

export type { MapState, MapView } from './types.js';

const SVG = 'http://www.w3.org/2000/svg';
/** Pixels of a cell from which on files are outlined. */
const REGION_PIXELS = 12;
const ASK_DELAY_MS = 150;

export function createMapView(context: PartContext): MapView {
  return new DiskMap(context);
}

interface Point {
  readonly x: number;
  readonly y: number;
}

class DiskMap implements MapView {
  readonly element = el('div', { class: 'map' });
  readonly #canvas = el('canvas', { class: 'map-canvas', tabindex: 0, role: 'application' });
  readonly #tooltip = el('div', { class: 'tooltip', hidden: true });
  readonly #overlay = document.createElementNS(SVG, 'svg');
  readonly #overview = el('canvas', { class: 'overview', width: 1024, height: 1 });
  readonly #range = el('div', { class: 'range' });
  readonly #scale = el('span', { class: 'quiet scale' });
  readonly #layerSelect = el('select', { class: 'select' });
  readonly #legend: Legend;
  readonly #inspector: Inspector;
  readonly #files: Files;
  readonly #painter: MapPainter = createPainter(this.#canvas);
  #cells: MapCells | undefined;
  #header: HeaderNote | undefined;
  #moment: MomentNote | undefined;
  #settings: MapSettings = {
    layout: 'hilbert',
    layer: 'migration',
    palette: 'auto',
  };
  #palette: Palette = createPalette('dark', 'auto');
  #seen: Seen | undefined;
  #cursor: number | undefined;
  #pointed: number | undefined;
  #regions: readonly FileRegion[] = [];
  #restored: MapState = {};
  #frame = 0;
  #regionTimer = 0;
  #listener: (block: number | undefined) => void = () => undefined;
  readonly #resized = new ResizeObserver(() => this.refresh());

  constructor(private readonly context: PartContext) {
    const { t } = context;
    this.#legend = new Legend(t, () => this.#draw());
    this.#inspector = new Inspector(context, () => this.#select(undefined));
    this.#files = new Files(context, (cells) => this.#lightFile(cells));
    this.#canvas.setAttribute(
      'aria-label',
      t('Disk map. Arrow keys move over blocks, Enter shows one, plus and minus zoom.'),
    );
    this.#overview.setAttribute('aria-hidden', 'true');
    this.#overlay.setAttribute('class', 'overlay');
    this.#overlay.setAttribute('aria-hidden', 'true');
    const strip = el('div', { class: 'strip' }, this.#overview, this.#range);
    strip.addEventListener('click', (event) => this.#jump(event.offsetX / strip.clientWidth));
    const stage = el('div', { class: 'stage' }, this.#canvas, this.#tooltip);
    stage.append(this.#overlay);
    const side = el(
      'div',
      { class: 'map-side' },
      this.#legend.element,
      this.#inspector.element,
      this.#files.element,
    );
    this.element.append(el('div', { class: 'map-main' }, this.#toolbar(), stage, strip), side);
    this.#start();
    this.#connect();
    this.#resized.observe(stage);
  }

  take(note: HeaderNote | CellsNote | MomentNote): void {
    if (note.type === 'header') this.#begin(note);
    else if (note.type === 'cells') this.#cells?.take(note);
    else {
      if (note.round !== this.#moment?.round || note.summary) this.#files.refreshSoon();
      this.#moment = note;
      this.#legend.take(note);
      return;
    }
    this.#draw();
  }

  setSettings(settings: MapSettings): void {
    this.#settings = settings;
    this.#layerSelect.value = this.#chosen;
    if (this.#cells && this.#cells.layout.kind !== settings.layout) {
      this.#cells.relay(settings.layout);
      this.#seen = undefined;
    }
    this.refresh();
  }

  command(command: ViewCommand): void {
    const commands: Partial<Record<ViewCommand, () => void>> = {
      zoomIn: () => this.#zoom(2),
      zoomOut: () => this.#zoom(0.5),
      zoomWhole: () => this.#look(undefined),
      zoomBlock: () => this.#zoomToBlock(),
      findFile: () => this.#files.focus(),
      goToBlock: () => this.#goTo.focus(),
      savePng: () => void this.#savePng(),
      saveSvg: () => this.#saveSvg(),
      copyTable: () => this.#copyTable(),
      nextLayer: () => this.#nextLayer(),
      toggleLayout: () => this.#toggleLayout(),
    };
    commands[command]?.();
  }

  state(): MapState {
    const { lit } = this.#legend;
    const states = Array.from({ length: 8 }, (_, state) => state).filter((s) => lit & (1 << s));
    const file = this.#files.chosen;
    return {
      ...(this.#seen ? { view: this.#seen } : {}),
      ...(this.#cursor === undefined ? {} : { selected: this.#blockOf(this.#cursor) }),
      ...(lit > 0 ? { lit: { layer: this.#layer, states } } : {}),
      ...(file === undefined ? {} : { file }),
    };
  }

  restore(state: MapState): void {
    this.#restored = state;
    if (this.#cells) this.#applyRestored();
  }

  point(block: number | undefined): void {
    this.#pointed = block === undefined ? undefined : this.#cellOf(block);
    this.#draw();
  }

  onPoint(listener: (block: number | undefined) => void): void {
    this.#listener = listener;
  }

  refresh(): void {
    this.#palette = createPalette(themeKind(), this.#settings.palette);
    this.#legend.show(this.#layer, this.#palette);
    if (this.#moment) this.#legend.take(this.#moment);
    this.#draw();
  }

  placeOf(block: number): Point | undefined {
    const cells = this.#cells;
    if (!cells || !this.#seen) return undefined;
    const place = placeOf(cells.layout, this.#cellOf(block));
    const scale = this.#canvas.clientWidth / this.#seen.width;
    const x = ((place % cells.layout.width) + 0.5 - this.#seen.x) * scale;
    const y = (Math.floor(place / cells.layout.width) + 0.5 - this.#seen.y) * scale;
    const inside =
      x >= 0 && y >= 0 && x < this.#canvas.clientWidth && y < this.#canvas.clientHeight;
    return inside ? { x, y } : undefined;
  }

  dispose(): void {
    this.#resized.disconnect();
    cancelAnimationFrame(this.#frame);
  }

  /** A disk that is watched without a migration has no states of one. */
  get #chosen(): MapSettings['layer'] {
    const { layer } = this.#settings;
    return layer === 'migration' && this.#header?.kind === 'watch' ? 'cache' : layer;
  }

  get #layer(): LayerName {
    return this.#chosen === 'blended' ? 'migration' : this.#chosen;
  }

  readonly #goTo = el('input', { type: 'text', class: 'text-input go-to' });

  #toolbar(): HTMLElement {
    const { t } = this.context;
    for (const [layer, words] of layerWords(t))
      this.#layerSelect.append(el('option', { value: layer }, words));
    this.#layerSelect.setAttribute('aria-label', t('Layer'));
    this.#layerSelect.addEventListener('change', () => {
      this.#change({ layer: this.#layerSelect.value as MapSettings['layer'] });
    });
    this.#goTo.placeholder = t('Block or offset …');
    this.#goTo.setAttribute(
      'aria-label',
      t('Go to a block by its number, or to an offset such as 1GiB'),
    );
    this.#goTo.addEventListener('change', () => this.#goToText(this.#goTo.value));
    return el(
      'div',
      { class: 'toolbar', role: 'toolbar', 'aria-label': t('Map') },
      this.#layerSelect,
      iconButton('layout', t('Hilbert curve or rows'), () => this.#toggleLayout()),
      iconButton('zoom-in', t('Zoom in'), () => this.#zoom(2)),
      iconButton('zoom-out', t('Zoom out'), () => this.#zoom(0.5)),
      iconButton('screen-full', t('Show the whole disk'), () => this.#look(undefined)),
      this.#goTo,
      this.#scale,
    );
  }

  #start(): void {
    this.#canvas.addEventListener('webglcontextlost', (event) => event.preventDefault());
    this.#canvas.addEventListener('webglcontextrestored', () => {
      this.#painter.reset();
      this.#draw();
    });
  }

  #connect(): void {
    connectGestures({
      canvas: this.#canvas,
      seen: () => this.#seen ?? this.#whole(),
      look: (seen) => this.#look(seen),
      map: () => this.#cells?.layout ?? { width: 1, height: 1 },
      widest: () => this.#whole().width * 1.5,
      hover: (at) => this.#hover(at),
      click: (at) => this.#select(this.#at(at)),
      key: (key) => this.#key(key),
    });
  }

  #begin(header: HeaderNote): void {
    const anew = this.#header?.cells !== header.cells || this.#cells === undefined;
    this.#header = header;
    if (!anew) return;
    this.#cells = new MapCells(this.#settings.layout, header.cells);
    this.#seen = undefined;
    this.#layerSelect.value = this.#chosen;
    this.refresh();
    this.#applyRestored();
  }

  #applyRestored(): void {
    const { view, selected, lit, file } = this.#restored;
    this.#restored = {};
    if (view) this.#seen = view;
    if (lit?.layer === this.#layer)
      this.#legend.light(lit.states.reduce((bits, state) => bits | (1 << state), 0));
    if (selected !== undefined) this.#select(this.#cellOf(selected));
    if (file !== undefined) void this.#files.choose(file);
  }

  #whole(): Seen {
    const room = { width: this.#canvas.clientWidth || 1, height: this.#canvas.clientHeight || 1 };
    return whole(this.#cells?.layout ?? { width: 1, height: 1 }, room);
  }

  #look(seen: Seen | undefined): void {
    this.#seen = seen;
    this.#draw();
    this.context.changed();
  }

  #draw(): void {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#paint();
    });
  }

  #paint(): void {
    const cells = this.#cells;
    const { clientWidth, clientHeight } = this.#canvas;
    if (!cells || clientWidth === 0 || clientHeight === 0) return;
    const width = Math.round(clientWidth * devicePixelRatio);
    const height = Math.round(clientHeight * devicePixelRatio);
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    const seen = this.#fitted(clientWidth, clientHeight);
    const cursor = this.#pointed ?? this.#cursor;
    this.#painter.paint(cells, seen, {
      layer: this.#chosen,
      palette: this.#palette,
      lit: this.#legend.lit,
      cursor: cursor === undefined ? undefined : this.#placePoint(cursor),
    });
    this.#paintOverview(cells, seen);
    const pixels = clientWidth / seen.width;
    setText(this.#scale, this.#scaleText(pixels));
    if (pixels >= REGION_PIXELS) this.#askRegions(cells);
    else this.#regions = [];
    drawRegions(this.#overlay, cells.layout, this.#regions, seen, {
      width: clientWidth,
      height: clientHeight,
    });
    this.context.post({ type: 'painted', seq: this.#moment?.seq ?? 0 });
  }

  /** What is seen, in the shape of the room. */
  #fitted(width: number, height: number): Seen {
    const seen = this.#seen ?? this.#whole();
    const wanted = seen.width * (height / width);
    const fitted = { ...seen, y: seen.y + (seen.height - wanted) / 2, height: wanted };
    this.#seen = fitted;
    return fitted;
  }

  #scaleText(pixels: number): string {
    const { t } = this.context;
    const bytes = (this.#header?.granularity ?? 0) * (this.#header?.blocksPerCell ?? 1);
    return pixels >= 1
      ? t('a cell is {0}', formatBytes(bytes))
      : t('a pixel is about {0}', formatBytes(Math.round(bytes / pixels ** 2)));
  }

  #paintOverview(cells: MapCells, seen: Seen): void {
    const drawing = this.#overview.getContext('2d');
    if (!drawing) return;
    const { width } = this.#overview;
    const image = drawing.createImageData(width, 1);
    const colours = this.#palette[this.#layer];
    const step = cells.layout.cells / width;
    const layer = this.#layer;
    for (let x = 0; x < width; x++) {
      let state = 0;
      for (let sample = 0; sample < 8; sample++)
        state = Math.max(state, stateOf(layer, cells.wordOf(Math.floor((x + sample / 8) * step))));
      image.data.set([...colours[state]!, 255], x * 4);
    }
    drawing.putImageData(image, 0, 0);
    const covered = this.#covered(cells, seen);
    this.#range.style.left = `${covered.from * 100}%`;
    this.#range.style.width = `${Math.max(0.3, (covered.to - covered.from) * 100)}%`;
  }

  /** The first and the last cell that are seen, as shares of the disk. */
  #covered(cells: MapCells, seen: Seen): { readonly from: number; readonly to: number } {
    let from = Infinity;
    let to = -Infinity;
    for (let row = 0; row <= 12; row++) {
      for (let column = 0; column <= 12; column++) {
        const x = Math.floor(seen.x + (seen.width * column) / 12);
        const y = Math.floor(seen.y + (seen.height * row) / 12);
        const cell = cellAt(cells.layout, x, y);
        if (cell === undefined) continue;
        from = Math.min(from, cell);
        to = Math.max(to, cell + 1);
      }
    }
    if (to < from) return { from: 0, to: 1 };
    const whole = seen.width >= cells.layout.width && seen.height >= cells.layout.height;
    return whole
      ? { from: 0, to: 1 }
      : { from: from / cells.layout.cells, to: to / cells.layout.cells };
  }

  #askRegions(cells: MapCells): void {
    clearTimeout(this.#regionTimer);
    this.#regionTimer = window.setTimeout(() => {
      if (!this.#seen) return;
      const { from, to } = this.#covered(cells, this.#seen);
      const first = Math.floor(from * cells.layout.cells);
      const count = Math.ceil(to * cells.layout.cells) - first;
      const { t, ask, announce } = this.context;
      ask('view.regions', { first, count }).then(
        (regions) => {
          const same = JSON.stringify(regions) === JSON.stringify(this.#regions);
          this.#regions = regions;
          if (!same) this.#draw();
        },
        () => announce(t('The files can’t be told.')),
      );
    }, ASK_DELAY_MS);
  }

  #at(at: Point): number | undefined {
    if (!this.#cells || !this.#seen) return undefined;
    const x = Math.floor(this.#seen.x + at.x * this.#seen.width);
    const y = Math.floor(this.#seen.y + at.y * this.#seen.height);
    return cellAt(this.#cells.layout, x, y);
  }

  #hover(at: Point | undefined): void {
    const cell = at && this.#at(at);
    this.#listener(cell === undefined ? undefined : this.#blockOf(cell));
    this.#tooltip.hidden = cell === undefined;
    if (cell === undefined || !at) return;
    setText(this.#tooltip, this.#describe(cell));
    const right = at.x > 0.6;
    this.#tooltip.style.left = right ? '' : `${at.x * this.#canvas.clientWidth + 14}px`;
    this.#tooltip.style.right = right ? `${(1 - at.x) * this.#canvas.clientWidth + 14}px` : '';
    this.#tooltip.style.top = `${Math.min(at.y, 0.85) * this.#canvas.clientHeight + 14}px`;
  }

  #describe(cell: number): string {
    const { t } = this.context;
    const word = this.#cells?.wordOf(cell) ?? 0;
    const block = this.#blockOf(cell);
    const cache = stateWords(t, 'cache')[cacheStateOf(word)];
    return [
      t(
        'Block {0} at {1}',
        block.toLocaleString(this.context.language),
        formatBytes(block * (this.#header?.granularity ?? 0)),
      ),
      `${stateWords(t, 'migration')[migrationStateOf(word)]} · ${t('page cache: {0}', cache ?? '')}`,
      t('sent {0} times, dirtied {1} times', sentCountOf(word), dirtiedCountOf(word)),
    ].join('\n');
  }

  #select(cell: number | undefined): void {
    this.#cursor = cell;
    if (cell === undefined) this.#inspector.hide();
    else void this.#inspector.show(this.#blockOf(cell));
    this.#draw();
    this.context.changed();
  }

  #key(key: string): boolean {
    const cells = this.#cells;
    if (!cells) return false;
    const moves: Readonly<Record<string, readonly [number, number]>> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
      PageUp: [0, -Math.max(1, Math.floor((this.#seen?.height ?? 1) / 2))],
      PageDown: [0, Math.max(1, Math.floor((this.#seen?.height ?? 1) / 2))],
    };
    const move = moves[key];
    if (move) this.#moveCursor(cells, move);
    else if (key === '+' || key === '=') this.#zoom(2);
    else if (key === '-') this.#zoom(0.5);
    else if (key === '0') this.#look(undefined);
    else if (key === 'Home') this.#moveTo(0);
    else if (key === 'End') this.#moveTo(cells.layout.cells - 1);
    else if (key === 'Enter' && this.#cursor !== undefined) this.#select(this.#cursor);
    else if (key === 'Escape') this.#select(undefined);
    else return false;
    return true;
  }

  #moveCursor(cells: MapCells, [dx, dy]: readonly [number, number]): void {
    const { x, y } = this.#placePoint(this.#cursor ?? 0);
    const { width, height } = cells.layout;
    const to = cellAt(
      cells.layout,
      Math.min(width - 1, Math.max(0, x + dx)),
      Math.min(height - 1, Math.max(0, y + dy)),
    );
    if (to !== undefined) this.#moveTo(to);
  }

  #moveTo(cell: number): void {
    this.#cursor = cell;
    if (this.#seen) this.#seen = reveal(this.#seen, this.#placePoint(cell));
    this.context.announce(this.#describe(cell));
    this.#listener(this.#blockOf(cell));
    this.#draw();
  }

  #zoom(factor: number): void {
    const seen = this.#seen ?? this.#whole();
    const place = this.#cursor === undefined ? undefined : this.#placePoint(this.#cursor);
    const at = place
      ? { x: (place.x + 0.5 - seen.x) / seen.width, y: (place.y + 0.5 - seen.y) / seen.height }
      : { x: 0.5, y: 0.5 };
    this.#look(zoom(seen, factor, at, { widest: this.#whole().width * 1.5 }));
  }

  #zoomToBlock(): void {
    const { x, y } = this.#placePoint(this.#cursor ?? 0);
    const width = 24;
    const height = width * (this.#canvas.clientHeight / Math.max(1, this.#canvas.clientWidth));
    this.#look({ x: x + 0.5 - width / 2, y: y + 0.5 - height / 2, width, height });
  }

  #goToText(text: string): void {
    const { t, announce } = this.context;
    const header = this.#header;
    if (!header || text.trim() === '') return;
    try {
      const plain = /^\d+$/.test(text.trim());
      const block = plain
        ? Number(text)
        : Math.floor(parseSize(text, t('Offset')) / header.granularity);
      const cell = Math.min(header.cells - 1, Math.floor(block / header.blocksPerCell));
      this.#select(cell);
      this.#zoomToBlock();
    } catch (error) {
      announce(error instanceof Error ? error.message : String(error));
    }
  }

  /** A click on the overview. */
  #jump(share: number): void {
    const cells = this.#cells;
    if (!cells || !this.#seen) return;
    const cell = Math.min(cells.layout.cells - 1, Math.floor(share * cells.layout.cells));
    const { x, y } = this.#placePoint(cell);
    this.#look({ ...this.#seen, x: x - this.#seen.width / 2, y: y - this.#seen.height / 2 });
  }

  #lightFile(runs: Uint32Array | undefined): void {
    this.#cells?.mark(runs);
    this.#draw();
  }

  #placePoint(cell: number): Point {
    const layout = this.#cells?.layout;
    if (!layout) return { x: 0, y: 0 };
    const place = placeOf(layout, cell);
    return { x: place % layout.width, y: Math.floor(place / layout.width) };
  }

  #blockOf(cell: number): number {
    return cell * (this.#header?.blocksPerCell ?? 1);
  }

  #cellOf(block: number): number {
    return Math.floor(block / (this.#header?.blocksPerCell ?? 1));
  }

  #change(change: Partial<MapSettings>): void {
    const settings = { ...this.#settings, ...change };
    this.setSettings(settings);
    this.context.post({ type: 'settings', settings });
  }

  #nextLayer(): void {
    const layers = layerWords(this.context.t).map(([layer]) => layer);
    const next = layers[(layers.indexOf(this.#settings.layer) + 1) % layers.length];
    if (next) this.#change({ layer: next });
  }

  #toggleLayout(): void {
    this.#change({ layout: this.#settings.layout === 'hilbert' ? 'rows' : 'hilbert' });
  }

  async #savePng(): Promise<void> {
    this.#paint();
    const blob = await new Promise<Blob | null>((resolve) => this.#canvas.toBlob(resolve));
    if (!blob) return;
    const bytes = new Uint8Array(await blob.arrayBuffer());
    this.context.post({ type: 'save', name: 'disk-map.png', content: { bytes } });
  }

  #saveSvg(): void {
    if (!this.#cells || !this.#seen) return;
    const text = mapAsSvg(this.#cells, this.#seen, this.#layer, this.#palette, this.context.t);
    this.context.post({ type: 'save', name: 'disk-map.svg', content: { text } });
  }

  #copyTable(): void {
    if (!this.#moment) return;
    this.context.post({ type: 'copy', text: legendAsTable(this.#moment, this.context.t) });
  }
}

function themeKind(): ThemeKind {
  const { classList } = document.body;
  if (classList.contains('vscode-high-contrast-light')) return 'contrast-light';
  if (classList.contains('vscode-high-contrast')) return 'contrast-dark';
  return classList.contains('vscode-light') ? 'light' : 'dark';
}
