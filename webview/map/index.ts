/** The door of the map: the disk as a heatmap, with legend, overview, inspector and file search. */
import { createPalette, type LayerName, type Palette } from '../../src/heatmap/index.js';
import type { CellsNote, HeaderNote, MomentNote } from '../../src/service/types.js';
import type { PartContext } from '../ask.js';
import { el } from '../dom.js';
import type { MapSettings, ViewCommand } from '../messages.js';
import { Blocks } from './blocks.js';
import { MapCells } from './cells.js';
import { moved } from './cursor.js';
import { Files } from './files.js';
import { Inspector } from './inspector.js';
import { Legend } from './legend.js';
import { Overview } from './overview.js';
import type { Seen } from './painter.js';
import { legendAsTable, mapAsSvg } from './save.js';
import { Stage } from './stage.js';
import { themeKind } from './theme.js';
import { MapToolbar } from './toolbar.js';
import type { MapState, MapView } from './types.js';
import type { Point } from './viewport.js';
import { layerWords } from './words.js';
import './map.css';

export type { MapState, MapView } from './types.js';

export function createMapView(context: PartContext): MapView {
  return new DiskMap(context);
}

class DiskMap implements MapView {
  readonly element = el('div', { class: 'map' });
  readonly #blocks: Blocks;
  readonly #toolbar: MapToolbar;
  readonly #stage: Stage;
  readonly #overview = new Overview((share) => this.#jump(share));
  readonly #legend: Legend;
  readonly #inspector: Inspector;
  readonly #files: Files;
  #cells: MapCells | undefined;
  #header: HeaderNote | undefined;
  #moment: MomentNote | undefined;
  #settings: MapSettings = {
    layout: 'hilbert',
    layer: 'migration',
    palette: 'auto',
  };
  #palette: Palette = createPalette('dark', 'auto');
  #cursor: number | undefined;
  #pointed: number | undefined;
  #restored: MapState = {};
  #frame = 0;
  #listener: (block: number | undefined) => void = () => undefined;

  constructor(private readonly context: PartContext) {
    this.#blocks = new Blocks(context, () => this.#header);
    this.#toolbar = new MapToolbar(context.t, {
      layer: (layer) => this.#change({ layer }),
      toggleLayout: () => this.#toggleLayout(),
      zoom: (factor) => this.#zoom(factor),
      zoomWhole: () => this.#look(undefined),
      goTo: (text) => this.#goTo(text),
    });
    this.#stage = new Stage(context, {
      look: (seen) => this.#look(seen),
      hover: (at) => this.#hover(at),
      click: (at) => this.#select(this.#stage.viewport.cellAt(at)),
      key: (key) => this.#key(key),
      stale: () => this.#draw(),
      resized: () => this.refresh(),
    });
    this.#legend = new Legend(context.t, () => this.#draw());
    this.#inspector = new Inspector(context, () => {
      this.#select(undefined);
      this.#stage.focus();
    });
    this.#files = new Files(context, (cells) => this.#lightFile(cells));
    const parts = [this.#legend, this.#inspector, this.#files].map(({ element }) => element);
    const main = [this.#toolbar, this.#stage, this.#overview].map(({ element }) => element);
    this.element.append(
      el('div', { class: 'map-main' }, ...main),
      el('div', { class: 'map-side' }, ...parts),
    );
  }

  take(note: HeaderNote | CellsNote | MomentNote): void {
    if (note.type === 'header') this.#begin(note);
    else if (note.type === 'cells') this.#cells?.take(note);
    else {
      this.#files.refreshSoon();
      this.#moment = note;
      this.#legend.take(note);
      return;
    }
    this.#draw();
  }

  setSettings(settings: MapSettings): void {
    this.#settings = settings;
    this.#toolbar.showLayer(this.#chosen);
    if (this.#cells && this.#cells.layout.kind !== settings.layout) {
      this.#cells.relay(settings.layout);
      this.#stage.viewport.show(this.#cells.layout);
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
      goToBlock: () => this.#toolbar.focusGoTo(),
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
    const view = this.#stage.viewport.kept;
    return {
      ...(view ? { view } : {}),
      ...(this.#cursor === undefined ? {} : { selected: this.#blocks.blockOf(this.#cursor) }),
      ...(lit > 0 ? { lit: { layer: this.#layer, states } } : {}),
      ...(file === undefined ? {} : { file }),
    };
  }

  restore(state: MapState): void {
    this.#restored = state;
    if (this.#cells) this.#applyRestored();
  }

  point(block: number | undefined): void {
    this.#pointed = block === undefined ? undefined : this.#blocks.cellOf(block);
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
    return this.#stage.viewport.pixelOf(this.#blocks.cellOf(block));
  }

  dispose(): void {
    this.#stage.dispose();
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

  #begin(header: HeaderNote): void {
    const anew = this.#header?.cells !== header.cells || this.#cells === undefined;
    this.#header = header;
    if (!anew) return;
    this.#cells = new MapCells(this.#settings.layout, header.cells);
    this.#stage.viewport.show(this.#cells.layout);
    this.#toolbar.showLayer(this.#chosen);
    this.refresh();
    this.#applyRestored();
  }

  #applyRestored(): void {
    const { view, selected, lit, file } = this.#restored;
    this.#restored = {};
    if (view) this.#stage.viewport.look(view);
    if (lit?.layer === this.#layer)
      this.#legend.light(lit.states.reduce((bits, state) => bits | (1 << state), 0));
    if (selected !== undefined) this.#select(this.#blocks.cellOf(selected));
    if (file !== undefined) void this.#files.choose(file);
  }

  #draw(): void {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#paint();
    });
  }

  #paint(): void {
    const cells = this.#cells;
    const { viewport } = this.#stage;
    if (!cells) return;
    const cursor = this.#pointed ?? this.#cursor;
    const painted = this.#stage.paint(cells, {
      layer: this.#chosen,
      palette: this.#palette,
      lit: this.#legend.lit,
      cursor: cursor === undefined ? undefined : viewport.placeOf(cursor),
    });
    if (!painted) return;
    this.#overview.draw(cells, this.#layer, this.#palette, viewport.covered);
    this.#toolbar.showScale(this.#blocks.describeScale(viewport.scale));
    this.context.post({ type: 'painted', seq: this.#moment?.seq ?? 0 });
  }

  #hover(at: Point | undefined): void {
    const cell = at && this.#stage.viewport.cellAt(at);
    this.#listener(cell === undefined ? undefined : this.#blocks.blockOf(cell));
    this.#stage.tell(at ?? { x: 0, y: 0 }, cell === undefined ? undefined : this.#describe(cell));
  }

  #describe(cell: number): string {
    return this.#blocks.describe(cell, this.#cells?.wordOf(cell) ?? 0);
  }

  #select(cell: number | undefined): void {
    this.#cursor = cell;
    if (cell === undefined) this.#inspector.hide();
    else void this.#inspector.show(this.#blocks.blockOf(cell));
    this.#draw();
    this.context.changed();
  }

  #key(key: string): boolean {
    const cells = this.#cells;
    if (!cells) return false;
    const to = moved(key, this.#cursor ?? 0, cells.layout, this.#stage.viewport.seen.height);
    if (to !== undefined) this.#moveTo(to);
    else if (key === '+' || key === '=') this.#zoom(2);
    else if (key === '-') this.#zoom(0.5);
    else if (key === '0') this.#look(undefined);
    else if (key === 'Enter' && this.#cursor !== undefined) this.#select(this.#cursor);
    else if (key === 'Escape') this.#select(undefined);
    else return false;
    return true;
  }

  #moveTo(cell: number): void {
    this.#cursor = cell;
    this.#stage.viewport.reveal(cell);
    this.context.announce(this.#describe(cell));
    this.#listener(this.#blocks.blockOf(cell));
    this.#draw();
  }

  #look(seen: Seen | undefined): void {
    this.#stage.viewport.look(seen);
    this.#looked();
  }

  #zoom(factor: number): void {
    const { viewport } = this.#stage;
    viewport.zoom(factor, this.#cursor);
    this.#looked();
    this.context.announce(this.#blocks.describeScale(viewport.scale));
  }

  #zoomToBlock(): void {
    this.#stage.viewport.zoomTo(this.#cursor ?? 0);
    this.#looked();
  }

  /** A click on the overview. */
  #jump(share: number): void {
    const cells = this.#cells?.layout.cells ?? 1;
    this.#stage.viewport.centre(Math.min(cells - 1, Math.floor(share * cells)));
    this.#looked();
  }

  #looked(): void {
    this.#draw();
    this.context.changed();
  }

  #goTo(text: string): void {
    try {
      const cell = this.#blocks.find(text);
      if (cell === undefined) return;
      this.#select(cell);
      this.#zoomToBlock();
    } catch (error) {
      this.context.announce(error instanceof Error ? error.message : String(error));
    }
  }

  #lightFile(runs: Uint32Array | undefined): void {
    this.#cells?.mark(runs);
    this.#draw();
  }

  #change(change: Partial<MapSettings>): void {
    const settings = { ...this.#settings, ...change };
    this.setSettings(settings);
    this.context.post({ type: 'settings', settings });
  }

  #nextLayer(): void {
    const layers = layerWords(this.context.t).map(([layer]) => layer);
    const next = layers[(layers.indexOf(this.#settings.layer) + 1) % layers.length];
    if (!next) return;
    this.#change({ layer: next });
    this.context.announce(layerWords(this.context.t).find(([layer]) => layer === next)?.[1] ?? '');
  }

  #toggleLayout(): void {
    this.#change({ layout: this.#settings.layout === 'hilbert' ? 'rows' : 'hilbert' });
  }

  async #savePng(): Promise<void> {
    this.#paint();
    const bytes = await this.#stage.picture();
    if (bytes) this.context.post({ type: 'save', name: 'disk-map.png', content: { bytes } });
  }

  #saveSvg(): void {
    if (!this.#cells) return;
    const { seen } = this.#stage.viewport;
    const text = mapAsSvg(this.#cells, seen, this.#layer, this.#palette, this.context.t);
    this.context.post({ type: 'save', name: 'disk-map.svg', content: { text } });
  }

  #copyTable(): void {
    if (!this.#moment) return;
    this.context.post({ type: 'copy', text: legendAsTable(this.#moment, this.context.t) });
  }
}
