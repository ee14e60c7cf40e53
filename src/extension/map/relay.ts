/** Relays between a map's webview and the services of its sources. */
import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { FromWebview, Pane, ToWebview, ViewCommand } from '../../../webview/messages.js';
import type { SteeringCommand, ViewNote, ViewSource } from '../../service/types.js';
import type { Core } from '../core.js';
import { faultOf, ServiceError, type ServiceClient } from '../service/client.js';
import { pageOf } from './html.js';
import { mapSettings, keepMapSettings } from './settings.js';
import type { MapRequest } from './source.js';
import { saveContent } from './save.js';

const FIRST_REOPEN_MS = 1000;
const MOST_REOPENS = 3;

export class MapRelay implements vscode.Disposable {
  readonly #services: ServiceClient[] = [];
  readonly #disposables: vscode.Disposable[] = [];
  #live = false;
  #reopens = 0;
  #reopening: NodeJS.Timeout | undefined;

  constructor(
    private readonly core: Core,
    private readonly webview: vscode.Webview,
    private readonly request: MapRequest,
    /** Is told whether a live run is shown, for keys and buttons. */
    private readonly onLive: (live: boolean) => void,
  ) {
    const root = core.context.extensionUri;
    webview.options = {
      enableScripts: true,
      localResourceRoots: [vscode.Uri.joinPath(root, 'dist/webview')],
    };
    this.#disposables.push(
      webview.onDidReceiveMessage((message: FromWebview) => void this.#take(message)),
      vscode.workspace.onDidChangeConfiguration((change) => {
        if (change.affectsConfiguration('migrascope.map'))
          this.#post({ type: 'settings', settings: mapSettings(core) });
      }),
    );
    webview.html = pageOf(webview, root, request);
  }

  get live(): boolean {
    return this.#live;
  }

  command(command: ViewCommand): void {
    this.#post({ type: 'command', command });
  }

  /** Tells the run of the first pane something; what is refused is shown. */
  async tell(command: SteeringCommand, pane: Pane = 0): Promise<void> {
    if (!(await this.core.trusted())) return;
    if (command.command === 'cancel' && !(await confirmCancel())) return;
    await this.core.attempt(async () => {
      await this.#services[pane]?.ask('view.tell', command);
    });
  }

  dispose(): void {
    this.#close();
    for (const disposable of this.#disposables) disposable.dispose();
  }

  async #take(message: FromWebview): Promise<void> {
    switch (message.type) {
      case 'ready':
        this.#reopens = 0;
        this.#open();
        return;
      case 'ask':
        return this.#ask(message);
      case 'tell':
        return this.tell(message.command, message.pane);
      case 'settings':
        return keepMapSettings(message.settings);
      case 'save':
        await this.core.attempt(() => saveContent(message.name, message.content));
        return;
      case 'copy':
        await vscode.env.clipboard.writeText(message.text);
        vscode.window.setStatusBarMessage(vscode.l10n.t('Copied.'), 3000);
        return;
      case 'open':
        if (message.what === 'log') this.core.log.show();
        else await vscode.commands.executeCommand('migrascope.compare');
        return;
      case 'log':
        this.core.log[message.level](message.message);
        return;
      case 'painted':
        return;
    }
  }

  /** The page is there, for the first time or after a reload: everything is told from the beginning. */
  #open(): void {
    this.#close();
    const { sources } = this.request;
    this.#post({
      type: 'init',
      strings: stringsOf(vscode.l10n.bundle),
      language: vscode.env.language,
      settings: mapSettings(this.core),
      panes: sources.map((source) => ({ title: this.#titleOf(source) })),
    });
    sources.forEach((source, index) => {
      const pane = index as Pane;
      const gone = (error: unknown): void =>
        this.#post({ type: 'gone', pane, fault: faultOf(error) });
      const service = this.core.startService({
        note: (note) => this.#note(pane, note),
        ended: (fault) => {
          this.#post({ type: 'gone', pane, fault });
          this.#openLater();
        },
      });
      this.#services.push(service);
      void this.#openSource(service, source).catch(gone);
    });
  }

  /** A run tells its own. */
  #titleOf(source: ViewSource): string {
    if (source.type === 'trace') return basename(source.path);
    return source.type === 'watch' ? this.request.title : '';
  }

  async #openSource(service: ServiceClient, source: ViewSource): Promise<void> {
    if (source.type === 'watch' && !vscode.workspace.isTrusted)
      throw new ServiceError({
        kind: 'usage',
        message: vscode.l10n.t(
          'Hosts and migrations need a trusted workspace. Traces can be looked at.',
        ),
      });
    await service.ask('view.open', source);
  }

  /** Opens the sources anew, as after a reload: what they show may have changed its owner. */
  reopen(): void {
    this.#reopens = 0;
    this.#open();
  }

  /** A few times, later each time: a source that ends its service would do so for ever. */
  #openLater(): void {
    if (this.#reopens >= MOST_REOPENS) return;
    clearTimeout(this.#reopening);
    this.#reopening = setTimeout(() => this.#open(), FIRST_REOPEN_MS * 2 ** this.#reopens++);
  }

  #note(pane: Pane, note: ViewNote): void {
    this.#post({ type: 'note', pane, note });
    if (note.type !== 'timeline') return;
    const live = note.alive && this.request.sources[pane]?.type === 'run';
    if (live !== this.#live) this.onLive((this.#live = live));
  }

  async #ask(message: Extract<FromWebview, { type: 'ask' }>): Promise<void> {
    const { id, pane, method, params } = message;
    try {
      const service = this.#services[pane];
      if (!service) return;
      this.#post({ type: 'reply', id, result: await service.ask(method, params) });
    } catch (error) {
      this.#post({ type: 'fault', id, fault: faultOf(error) });
    }
  }

  #post(message: ToWebview): void {
    void this.webview.postMessage(message);
  }

  #close(): void {
    clearTimeout(this.#reopening);
    for (const service of this.#services.splice(0)) service.dispose();
  }
}

/** Asks back before a migration is cancelled. */
export async function confirmCancel(): Promise<boolean> {
  const yes = vscode.l10n.t('Cancel Migration');
  const answer = await vscode.window.showWarningMessage(
    vscode.l10n.t('Cancel the migration? The guest stays on its source.'),
    { modal: true },
    yes,
  );
  return answer === yes;
}

function stringsOf(bundle: typeof vscode.l10n.bundle): Record<string, string> {
  const texts = Object.entries(bundle ?? {});
  return Object.fromEntries(
    texts.map(([key, value]) => [key, typeof value === 'string' ? value : String(value)]),
  );
}
