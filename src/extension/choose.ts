/** Lets a person choose a disk, a run or a trace, where a command was not given one. */
import * as vscode from 'vscode';
import { formatBytes } from '../base/units.js';
import type { DiskInfo } from '../service/types.js';
import type { HostList, KnownHost } from './hosts/host-list.js';
import type { RunList } from './migrations/run-list.js';

/** Connects to the host where that was not done yet. */
export async function chooseDisk({
  hosts,
}: {
  readonly hosts: HostList;
}): Promise<{ readonly host: KnownHost; readonly disk: DiskInfo } | undefined> {
  const isEmpty = (): boolean => hosts.hosts.length === 0;
  if (isEmpty()) await hosts.reload();
  if (isEmpty()) await vscode.commands.executeCommand('migrascope.host.add');
  if (isEmpty()) return undefined;
  const host = await chooseOne(
    hosts.hosts.map((each) => ({ value: each, label: each.name, description: each.detail })),
    vscode.l10n.t('Of which host?'),
  );
  if (!host) return undefined;
  if (!host.look) await hosts.connect(host);
  if (!host.look) {
    const why = host.fault?.message ?? '';
    await vscode.window.showErrorMessage(`${why} ${host.fault?.hint ?? ''}`.trim());
    return undefined;
  }
  const disk = await chooseOne(
    host.look.disks.map((each) => ({
      value: each,
      label: each.name,
      description: formatBytes(each.size),
    })),
    vscode.l10n.t('Which disk?'),
  );
  return disk && { host, disk };
}

/** @param state only runs in it; all unless told. */
export async function chooseRun(list: RunList, state?: string): Promise<string | undefined> {
  await list.refresh();
  const runs = list.runs.filter((each) => state === undefined || each.state === state);
  if (runs.length === 0) {
    await vscode.window.showInformationMessage(vscode.l10n.t('There is no such migration.'));
    return undefined;
  }
  return chooseOne(
    runs.map((each) => ({
      value: each.run,
      label: each.run,
      description: `${each.host ?? ''} ${each.disk ?? ''} → ${each.destination ?? ''}`,
    })),
    vscode.l10n.t('Which migration?'),
  );
}

export async function chooseTrace(title: string): Promise<vscode.Uri | undefined> {
  const chosen = await vscode.window.showOpenDialog({
    title,
    canSelectMany: false,
    filters: { [vscode.l10n.t('Traces')]: ['mscope', 'gz', 'jsonl'] },
  });
  return chosen?.[0];
}

async function chooseOne<T>(
  items: readonly (vscode.QuickPickItem & { readonly value: T })[],
  placeHolder: string,
): Promise<T | undefined> {
  const [only] = items;
  if (only && items.length === 1) return only.value;
  return (await vscode.window.showQuickPick(items, { placeHolder }))?.value;
}
