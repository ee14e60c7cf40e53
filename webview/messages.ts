/**
 * The contract between the extension and the webview of a map. A webview shows one or two sources
 * (`pane` 0 and 1); it knows nothing of processes, files or hosts: it is told notes, and asks.
 */
import type { LayerName } from '../src/heatmap/index.js';
import type {
  Fault,
  ServiceMethod,
  ServiceRequests,
  SteeringCommand,
  ViewNote,
} from '../src/service/types.js';

/** Which of the sources that are side by side. */
export type Pane = 0 | 1;

/** How the map is drawn; kept in the settings `migrascope.map.*`. */
export interface MapSettings {
  readonly layout: 'hilbert' | 'rows';
  /** One layer, or all of them blended. */
  readonly layer: LayerName | 'blended';
  /** `auto` follows the theme; the others are for people who see colours otherwise. */
  readonly palette: 'auto' | 'colour-blind' | 'monochrome';
}

/** What a webview may ask the service for. */
export type ViewMethod = Extract<ServiceMethod, `view.${string}`>;

/** What keybindings, menus and the title's buttons ask of the webview. */
export type ViewCommand =
  | 'zoomIn'
  | 'zoomOut'
  | 'zoomWhole'
  | 'zoomBlock'
  | 'play'
  | 'stepForward'
  | 'stepBack'
  | 'live'
  | 'findFile'
  | 'goToBlock'
  | 'savePng'
  | 'saveSvg'
  | 'copyTable'
  | 'nextLayer'
  | 'toggleLayout';

export type ToWebview =
  /** First of all, and again after a reload of the webview. */
  | {
      readonly type: 'init';
      /** Texts in the person's language, by the English text; empty for English. */
      readonly strings: Readonly<Record<string, string>>;
      /** BCP 47, for numbers. */
      readonly language: string;
      readonly settings: MapSettings;
      readonly panes: readonly { readonly title: string }[];
    }
  /** The settings were changed, here or elsewhere. */
  | { readonly type: 'settings'; readonly settings: MapSettings }
  | { readonly type: 'note'; readonly pane: Pane; readonly note: ViewNote }
  | { readonly type: 'reply'; readonly id: number; readonly result: unknown }
  | { readonly type: 'fault'; readonly id: number; readonly fault: Fault }
  /** The source's service ended, or could not be opened: what is shown is all there is. */
  | { readonly type: 'gone'; readonly pane: Pane; readonly fault: Fault }
  | { readonly type: 'command'; readonly command: ViewCommand };

export type FromWebview =
  /** It can take messages; `init` comes next, then the notes from the beginning. */
  | { readonly type: 'ready' }
  | {
      [Method in ViewMethod]: {
        readonly type: 'ask';
        readonly id: number;
        readonly pane: Pane;
        readonly method: Method;
        readonly params: ServiceRequests[Method]['params'];
      };
    }[ViewMethod]
  /** What a person pressed to steer the run of a pane; asked back by the extension where it has to be. */
  | { readonly type: 'tell'; readonly pane: Pane; readonly command: SteeringCommand }
  | { readonly type: 'settings'; readonly settings: MapSettings }
  /** Asks for a file name and writes it. `text` of an SVG or CSV, `bytes` of a PNG. */
  | {
      readonly type: 'save';
      readonly name: string;
      readonly content: { readonly text: string } | { readonly bytes: Uint8Array };
    }
  | { readonly type: 'copy'; readonly text: string }
  /** Goes to the place in the program's text, the run's log, or a setting. */
  | { readonly type: 'open'; readonly what: 'program' | 'log' | 'compare' }
  /** Something that should not happen did; goes to the output channel. */
  | { readonly type: 'log'; readonly level: 'warn' | 'error'; readonly message: string }
  /** For tests and benchmarks: what was drawn, after each change. */
  | { readonly type: 'painted'; readonly seq: number };
