/** What a person is told of runs that are not in view: a status bar item, a question, the end. */
import * as vscode from 'vscode';
import { formatBytes, formatDuration } from '../../base/units.js';
import type { MomentNote } from '../../service/types.js';
import type { Core } from '../core.js';
import type { Follower } from './follower.js';
import type { RunList } from './run-list.js';

export class Notices implements vscode.Disposable {
  readonly #status: vscode.StatusBarItem;
  /** Runs of which the question, or the end, was told. */
  readonly #asked = new Set<string>();
  readonly #ended = new Set<string>();
  readonly #seen = new Set<string>();

  constructor(
    private readonly core: Core,
    private readonly list: RunList,
  ) {
    this.#status = vscode.window.createStatusBarItem(
      'migrascope.runs',
      vscode.StatusBarAlignment.Left,
    );
    this.#status.name = vscode.l10n.t('Migrations');
    this.#status.command = 'migrascope.run.show';
    list.onMoment((follower) => this.#take(follower));
    list.onChanged(() => this.#draw());
  }

  dispose(): void {
    this.#status.dispose();
  }

  #draw(): void {
    const { running } = this.list;
    if (running.length === 0) {
      this.#status.hide();
      return;
    }
    const [first] = running;
    const moment = first && this.list.follower(first.run)?.moment;
    const figures =
      running.length === 1 && moment
        ? vscode.l10n.t('round {0}, {1} pending', moment.round, formatBytes(moment.pendingBytes))
        : vscode.l10n.t('{0} migrations', running.length);
    const icon = moment?.heldSince === undefined ? '$(sync~spin)' : '$(debug-pause)';
    this.#status.text = `${icon} ${figures}`;
    this.#status.tooltip = vscode.l10n.t('Migrascope: show the migrations');
    this.#status.show();
  }

  #take(follower: Follower): void {
    const { run, moment } = follower;
    if (follower.trouble !== undefined && !this.#ended.has(run)) {
      this.#ended.add(run);
      void this.#tellTrouble(run, follower.trouble);
    }
    if (!moment?.live) return;
    if (follower.trouble === undefined && !moment.summary) this.#ended.delete(run);
    if (!moment.summary) this.#seen.add(run);
    if (moment.verdict?.asks === true && !this.#asked.has(run)) {
      this.#asked.add(run);
      void this.#ask(follower, moment);
    }
    if (moment.verdict?.asks !== true) this.#asked.delete(run);
    if (moment.summary && this.#seen.has(run) && !this.#ended.has(run)) {
      this.#ended.add(run);
      void this.#tellEnd(run, moment);
    }
  }

  async #ask(follower: Follower, moment: MomentNote): Promise<void> {
    const more = vscode.l10n.t('More Rounds');
    const pause = vscode.l10n.t('Pause Anyway');
    const cancel = vscode.l10n.t('Cancel Migration');
    const { pendingBytes = 0, downtimeMs = 0 } = moment.verdict ?? {};
    const answer = await vscode.window.showWarningMessage(
      vscode.l10n.t(
        'Run {0} does not converge: {1} are left. Paused now, the guest would be down for about {2}.',
        follower.run,
        formatBytes(pendingBytes),
        formatDuration(downtimeMs),
      ),
      more,
      pause,
      cancel,
    );
    const decisions = new Map([
      [more, 'more-rounds'],
      [pause, 'pause-anyway'],
      [cancel, 'cancel'],
    ] as const);
    const decision = answer === undefined ? undefined : decisions.get(answer);
    if (decision) await this.core.attempt(() => follower.tell({ command: 'decide', decision }));
  }

  async #tellEnd(run: string, { summary, error }: MomentNote): Promise<void> {
    const show = vscode.l10n.t('Show Map');
    const figures = summary
      ? vscode.l10n.t(
          'sent {0}, {1} of it again, downtime {2}',
          formatBytes(summary.sentBytes),
          formatBytes(summary.resentBytes),
          formatDuration(summary.downtimeMs),
        )
      : '';
    const answer =
      summary?.outcome === 'completed'
        ? await vscode.window.showInformationMessage(
            vscode.l10n.t('Migration {0} completed: {1}.', run, figures),
            show,
          )
        : await vscode.window.showWarningMessage(
            summary?.outcome === 'cancelled'
              ? vscode.l10n.t('Migration {0} was cancelled; the guest is on its source.', run)
              : vscode.l10n.t('Migration {0} failed: {1}', run, error?.message ?? ''),
            show,
          );
    if (answer === show) await vscode.commands.executeCommand('migrascope.run.openMap', run);
    await this.list.refreshQuietly();
  }

  async #tellTrouble(run: string, trouble: string): Promise<void> {
    const recover = vscode.l10n.t('Look and Recover');
    const answer = await vscode.window.showErrorMessage(
      vscode.l10n.t(
        'Run {0}: {1} Until a switchover the guest is on its source, and a guardian lets it go on.',
        run,
        trouble,
      ),
      recover,
    );
    await this.list.refreshQuietly();
    if (answer === recover) await vscode.commands.executeCommand('migrascope.run.recover', run);
  }
}
