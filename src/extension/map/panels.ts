/** Map panels and the editor of traces; which of them has the focus decides what keys do. */
import * as vscode from 'vscode';
import type { ViewCommand } from '../../../webview/messages.js';
import type { SteeringCommand, ViewSource } from '../../service/types.js';
import type { Core } from '../core.js';
import { MapRelay } from './relay.js';
import { isMapRequest, type MapRequest } from './source.js';

export const MAP_PANEL = 'migrascope.map';
export const TRACE_EDITOR = 'migrascope.trace';

interface Open {
  readonly panel: vscode.WebviewPanel;
  readonly relay: MapRelay;
}

export class MapPanels implements vscode.Disposable {
  readonly #open = new Set<Open>();
  readonly #registered: vscode.Disposable;

  constructor(private readonly core: Core) {
    this.#registered = vscode.Disposable.from(
      vscode.window.registerWebviewPanelSerializer(MAP_PANEL, {
        deserializeWebviewPanel: (panel, state) => this.#restore(panel, state),
      }),
      vscode.window.registerCustomEditorProvider(
        TRACE_EDITOR,
        {
          openCustomDocument: (uri) => ({ uri, dispose: () => undefined }),
          resolveCustomEditor: ({ uri }, panel) => {
            const source = { type: 'trace' as const, path: uri.fsPath };
            this.#fill(panel, { title: nameOf(uri), sources: [source] });
          },
        },
        { supportsMultipleEditorsPerDocument: true },
      ),
    );
  }

  /** Opens a map, or shows the one that shows the same. */
  show(request: MapRequest): void {
    const key = JSON.stringify(request.sources);
    const same = [...this.#open].find(({ panel }) => keys.get(panel) === key);
    if (same) {
      same.panel.reveal();
      return;
    }
    const panel = vscode.window.createWebviewPanel(
      MAP_PANEL,
      request.title,
      vscode.ViewColumn.Active,
    );
    this.#fill(panel, request);
  }

  /** Opens anew what shows a source, such as a run that was gone on with. */
  reopen(source: ViewSource): void {
    const key = JSON.stringify(source);
    for (const { panel, relay } of this.#open)
      if (keys.get(panel)?.includes(key) === true) relay.reopen();
  }

  /** Tells the map that has the focus; @returns whether there is one. */
  command(command: ViewCommand): boolean {
    const active = this.#active();
    active?.relay.command(command);
    return active !== undefined;
  }

  /** Steers the run of the map that has the focus; @returns whether there is one. */
  async tell(command: SteeringCommand): Promise<boolean> {
    const active = this.#active();
    if (active?.relay.live !== true) return false;
    await active.relay.tell(command);
    return true;
  }

  dispose(): void {
    this.#registered.dispose();
    for (const { relay } of this.#open) relay.dispose();
  }

  #active(): Open | undefined {
    return [...this.#open].find(({ panel }) => panel.active);
  }

  async #restore(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    const request = (state as { request?: unknown } | undefined)?.request;
    if (isMapRequest(request)) this.#fill(panel, request);
    else panel.dispose();
    return Promise.resolve();
  }

  #fill(panel: vscode.WebviewPanel, request: MapRequest): void {
    panel.title = request.title;
    panel.iconPath = vscode.Uri.joinPath(this.core.context.extensionUri, 'media/icon-map.svg');
    keys.set(panel, JSON.stringify(request.sources));
    const relay = new MapRelay(this.core, panel.webview, request, () => this.#context());
    const open = { panel, relay };
    this.#open.add(open);
    panel.onDidChangeViewState(() => this.#context());
    panel.onDidDispose(() => {
      this.#open.delete(open);
      relay.dispose();
      this.#context();
    });
    this.#context();
  }

  #context(): void {
    const live = this.#active()?.relay.live === true;
    void vscode.commands.executeCommand('setContext', 'migrascope.mapIsLive', live);
  }
}

/** What each panel shows. */
const keys = new WeakMap<vscode.WebviewPanel, string>();

function nameOf(uri: vscode.Uri): string {
  return uri.path.split('/').at(-1) ?? uri.path;
}
