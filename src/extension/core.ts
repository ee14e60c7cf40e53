/** What all parts of the extension share: the service, the log, and how an error is shown. */
import * as vscode from 'vscode';
import {
  faultOf,
  ServiceClient,
  type ServiceListener,
  type ServiceTexts,
} from './service/client.js';

const TEXTS: ServiceTexts = {
  ended: (how) => ({
    message: vscode.l10n.t('The service of Migrascope ended ({0}).', how),
    hint: vscode.l10n.t(
      'Migrations go on in processes of their own. The output channel says more.',
    ),
  }),
};

export class Core implements vscode.Disposable {
  readonly log: vscode.LogOutputChannel;
  #shared: ServiceClient | undefined;

  constructor(readonly context: vscode.ExtensionContext) {
    this.log = vscode.window.createOutputChannel('Migrascope', { log: true });
  }

  /** The one that looks at hosts and runs; started when it is first asked. */
  get service(): ServiceClient {
    return (this.#shared ??= this.startService({}));
  }

  /** A service of its own, for a view. */
  startService(listener: Omit<ServiceListener, 'log' | 'hosts'>): ServiceClient {
    const all = { ...listener, log: this.#log, hosts: () => this.hosts };
    return new ServiceClient(this.context.asAbsolutePath('dist/service.js'), all, TEXTS);
  }

  /** The hosts of the settings, as they stand there; a copy, since VS Code's own can't be sent to a process. */
  get hosts(): Readonly<Record<string, unknown>> {
    return JSON.parse(JSON.stringify(this.setting('hosts', {}))) as Record<string, unknown>;
  }

  readonly #log: ServiceListener['log'] = (level, message) => this.log[level](message);

  /** Shows what went wrong and what to do; what was cancelled is not told. */
  async showError(error: unknown, ...actions: readonly string[]): Promise<string | undefined> {
    const { kind, message, hint } = faultOf(error);
    if (kind === 'cancelled') return undefined;
    this.log.error(hint === undefined ? message : `${message} ${hint}`);
    return vscode.window.showErrorMessage(
      hint === undefined ? message : `${message} ${hint}`,
      ...actions,
    );
  }

  /** Runs an action of a command; what it throws is shown. */
  async attempt<T>(action: () => Promise<T>): Promise<T | undefined> {
    try {
      return await action();
    } catch (error) {
      await this.showError(error);
      return undefined;
    }
  }

  /**
   * Asks for trust where the workspace has none.
   * @returns whether hosts may be connected and migrations be steered.
   */
  async trusted(): Promise<boolean> {
    if (vscode.workspace.isTrusted) return true;
    const manage = vscode.l10n.t('Manage Workspace Trust');
    const answer = await vscode.window.showWarningMessage(
      vscode.l10n.t('Hosts and migrations need a trusted workspace. Traces can be looked at.'),
      manage,
    );
    if (answer === manage) await vscode.commands.executeCommand('workbench.trust.manage');
    return false;
  }

  setting<T>(name: string, fallback: T): T {
    return vscode.workspace.getConfiguration('migrascope').get<T>(name) ?? fallback;
  }

  dispose(): void {
    this.#shared?.dispose();
    this.log.dispose();
  }
}

/** Aborts when the token is cancelled. */
export function signalOf(token: vscode.CancellationToken): AbortSignal {
  const cancel = new AbortController();
  if (token.isCancellationRequested) cancel.abort();
  token.onCancellationRequested(() => cancel.abort());
  return cancel.signal;
}
