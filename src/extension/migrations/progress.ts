/** The progress notification of a migration that this window started or went on with. */
import * as vscode from 'vscode';
import { formatBytes } from '../../base/units.js';
import type { MomentNote } from '../../service/types.js';
import type { Core } from '../core.js';
import { confirmCancel } from '../map/relay.js';
import type { Follower } from './follower.js';
import type { RunList } from './run-list.js';

/** How often a notification is redrawn at most, in milliseconds. */
const REDRAW_MS = 500;

/** Shows how a run goes until it ends or can't be followed; can be cancelled there, which asks back. */
export function showProgress(core: Core, list: RunList, run: string): void {
  const options = {
    location: vscode.ProgressLocation.Notification,
    title: vscode.l10n.t('Migration {0}', run),
    cancellable: true,
  };
  void vscode.window.withProgress(options, (progress, token) => {
    const listening: vscode.Disposable[] = [];
    let said = 0;
    return new Promise<void>((resolve) => {
      const take = (follower: Follower): void => {
        if (follower.run !== run) return;
        const { moment, trouble } = follower;
        if (moment?.summary || trouble !== undefined) resolve();
        if (!moment || Date.now() - said < REDRAW_MS) return;
        said = Date.now();
        progress.report({ message: textOf(moment) });
      };
      listening.push(
        list.onMoment(take),
        list.onChanged(() => {
          const info = list.runs.find((each) => each.run === run);
          if (info && info.state !== 'running') resolve();
        }),
        token.onCancellationRequested(() => {
          void core.attempt(() => cancel(core, list, run));
          resolve();
        }),
      );
      const follower = list.follower(run);
      if (follower) take(follower);
    }).finally(() => listening.forEach((each) => void each.dispose()));
  });
}

async function cancel(core: Core, list: RunList, run: string): Promise<void> {
  if (!(await confirmCancel())) return;
  const command = { command: 'cancel' } as const;
  const follower = list.follower(run);
  if (follower) await follower.tell(command);
  else await core.service.ask('run.tell', { run, command });
}

function textOf({ heldSince, line, round, pendingBytes }: MomentNote): string {
  return heldSince === undefined
    ? vscode.l10n.t('round {0}, {1} pending', round, formatBytes(pendingBytes))
    : vscode.l10n.t('held at statement {0}', line);
}
