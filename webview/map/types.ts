/** What the page needs of the map: the disk as a heatmap with legend, overview, inspector and file search. */
import type { CellsNote, HeaderNote, MomentNote } from '../../src/service/types.js';
import type { MapSettings, ViewCommand } from '../messages.js';

/** What of a map is kept over a reload. Plain JSON. */
export interface MapState {
  /** The rectangle that is seen, in cells of the layout; absent for the whole disk. */
  readonly view?: {
    readonly x: number;
    readonly y: number;
    readonly width: number;
    readonly height: number;
  };
  /** First block of the cell that is selected. */
  readonly selected?: number;
  /** States that are lit alone, by layer and number of the state. */
  readonly lit?: { readonly layer: string; readonly states: readonly number[] };
  /** Id of the file that is lit up. */
  readonly file?: string;
}

export interface MapView {
  /** Fills the room that it is given. */
  readonly element: HTMLElement;
  /** Notes in the order in which they come; a new header begins anew. */
  take(note: HeaderNote | CellsNote | MomentNote): void;
  setSettings(settings: MapSettings): void;
  /** Zoom, layer, file and saving commands; others are ignored. */
  command(command: ViewCommand): void;
  state(): MapState;
  restore(state: MapState): void;
  /** Lights a block up that is pointed at in the other pane; undefined ends that. */
  point(block: number | undefined): void;
  /** Is called with the block that the pointer or the cursor is on. */
  onPoint(listener: (block: number | undefined) => void): void;
  /** The theme or the room changed. */
  refresh(): void;
  /** For tests: where a block's middle is, in CSS pixels of the canvas; undefined where it is not seen. */
  placeOf(block: number): { readonly x: number; readonly y: number } | undefined;
  dispose(): void;
}
