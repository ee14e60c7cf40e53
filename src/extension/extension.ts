/** The extension's entry: VS Code calls `activate` when something of it is first used. Nothing is connected here. */
import * as vscode from 'vscode';
import type { RunInfo } from '../service/types.js';
import { registerCommands } from './commands.js';
import { Core } from './core.js';
import { HostList } from './hosts/host-list.js';
import { HostTree } from './hosts/host-tree.js';
import { MapPanels } from './map/panels.js';
import { Notices } from './migrations/notices.js';
import { RunList } from './migrations/run-list.js';
import { RunNode, RunTree } from './migrations/run-tree.js';

const isOf =
  (target: string) =>
  ({ host }: RunInfo): boolean =>
    host === target;

export function activate(context: vscode.ExtensionContext): void {
  const core = new Core(context);
  const runs = new RunList(core);
  const hosts = new HostList(core, (target) => runs.running.find(isOf(target))?.run);
  const maps = new MapPanels(core);
  const hostView = vscode.window.createTreeView('migrascope.hosts', {
    treeDataProvider: new HostTree(hosts),
    showCollapseAll: true,
  });
  const runView = vscode.window.createTreeView('migrascope.runs', {
    treeDataProvider: new RunTree(runs),
  });
  hostView.onDidChangeVisibility(({ visible }) => hosts.watch(visible));
  runView.onDidChangeVisibility(({ visible }) => runs.watch(visible));
  runs.watch(runView.visible);
  hosts.watch(hostView.visible);
  runs.onChanged((run) => {
    if (run === undefined) void hosts.holdersChanged();
  });
  const selectedRun = (): string | undefined => {
    const [node] = runView.selection;
    return node instanceof RunNode && node.info.state === 'running' ? node.info.run : undefined;
  };
  context.subscriptions.push(
    ...[core, hosts, runs, maps, hostView, runView],
    new Notices(core, runs),
    registerCommands({ core, hosts, runs, maps, selectedRun }),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration('migrascope.hosts')) void hosts.reload();
    }),
  );
}
