/** The view "Lab Hosts": hosts with their guests, disks and probes. */
import * as vscode from 'vscode';
import { formatBytes } from '../../base/units.js';
import type { DiskInfo, HostLook } from '../../service/types.js';
import type { HostList, KnownHost } from './host-list.js';

export class HostNode extends vscode.TreeItem {
  constructor(readonly host: KnownHost) {
    super(host.name, collapsible(host));
    // A tree keeps what was folded by its id; a host that is connected is another one, and is open.
    this.id = `host:${host.name}:${host.state === 'disconnected' ? 'off' : 'on'}`;
    this.description = host.detail === host.name ? '' : host.detail;
    this.contextValue = `host.${host.origin}.${host.state === 'disconnected' ? 'off' : 'on'}`;
    this.iconPath = new vscode.ThemeIcon(...iconOf(host));
    this.tooltip = `${host.name}: ${host.fault ? faultText(host) : host.detail}`;
    if (host.state === 'disconnected')
      this.command = {
        command: 'migrascope.host.connect',
        title: vscode.l10n.t('Connect'),
        arguments: [this],
      };
  }
}

export class DiskNode extends vscode.TreeItem {
  constructor(
    readonly host: KnownHost,
    readonly disk: DiskInfo,
  ) {
    super(disk.name);
    this.id = `disk:${host.name}:${disk.name}`;
    this.description = `${formatBytes(disk.size)}, ${disk.format}`;
    this.contextValue = disk.readOnly ? 'disk.readOnly' : 'disk';
    this.iconPath = new vscode.ThemeIcon('database');
    this.tooltip = disk.image;
    this.accessibilityInformation = { label: `${disk.name}, ${this.description}` };
    this.command = {
      command: 'migrascope.map.open',
      title: vscode.l10n.t('Open Disk Map'),
      arguments: [this],
    };
  }
}

/** A line that says something and does nothing. */
class TextNode extends vscode.TreeItem {
  constructor(id: string, label: string, icon: vscode.ThemeIcon, description = '') {
    super(label);
    this.id = id;
    this.iconPath = icon;
    this.description = description;
    this.tooltip = description === '' ? label : `${label}: ${description}`;
    this.contextValue = 'text';
  }
}

export type HostTreeNode = HostNode | DiskNode | TextNode;

export class HostTree implements vscode.TreeDataProvider<HostTreeNode> {
  readonly #changed = new vscode.EventEmitter<HostTreeNode | undefined>();
  readonly onDidChangeTreeData = this.#changed.event;
  #loaded = false;

  constructor(private readonly list: HostList) {
    list.onChanged(() => this.#changed.fire(undefined));
  }

  getTreeItem(node: HostTreeNode): vscode.TreeItem {
    return node;
  }

  async getChildren(node?: HostTreeNode): Promise<HostTreeNode[]> {
    if (node instanceof HostNode) return childrenOf(node.host);
    if (node) return [];
    if (!this.#loaded) {
      this.#loaded = true;
      await this.list.reload();
    }
    return this.list.hosts.map((host) => new HostNode(host));
  }
}

function childrenOf(host: KnownHost): HostTreeNode[] {
  if (host.state === 'failed' || host.state === 'busy')
    return [faultNode(host), ...lookNodes(host)];
  return lookNodes(host);
}

function lookNodes(host: KnownHost): HostTreeNode[] {
  const { look } = host;
  if (!look) return [];
  return [
    stateNode(host, look),
    probeNode(host, look),
    ...look.warnings.map(
      (warning) =>
        new TextNode(`warning:${host.name}:${warning}`, warning, new vscode.ThemeIcon('warning')),
    ),
    ...look.disks.map((disk) => new DiskNode(host, disk)),
  ];
}

function stateNode(host: KnownHost, { running, status }: HostLook): TextNode {
  const icon = new vscode.ThemeIcon(running ? 'vm-running' : 'debug-pause');
  const words = running ? vscode.l10n.t('The guest runs') : vscode.l10n.t('The guest stands');
  return new TextNode(`state:${host.name}`, words, icon, running ? '' : status);
}

function probeNode(host: KnownHost, { probe }: HostLook): TextNode {
  const id = `probe:${host.name}`;
  switch (probe.state) {
    case 'connected':
      return new TextNode(
        id,
        vscode.l10n.t('Probe by {0}', probe.method),
        new vscode.ThemeIcon('eye'),
        `Linux ${probe.kernel}`,
      );
    case 'port':
      return new TextNode(
        id,
        vscode.l10n.t('The probe does not answer'),
        new vscode.ThemeIcon('question'),
      );
    case 'absent':
      return new TextNode(
        id,
        vscode.l10n.t('No probe'),
        new vscode.ThemeIcon('eye-closed'),
        probe.reason,
      );
  }
}

function faultNode(host: KnownHost): TextNode {
  const icon = host.state === 'busy' ? 'lock' : 'error';
  const busy =
    host.heldBy === undefined
      ? vscode.l10n.t('Its monitor is held by another client, such as a migration')
      : vscode.l10n.t('The migration {0} has its monitor', host.heldBy);
  const node = new TextNode(
    `fault:${host.name}`,
    host.state === 'busy' ? busy : (host.fault?.message ?? ''),
    new vscode.ThemeIcon(icon),
    host.state === 'busy' ? '' : (host.fault?.hint ?? ''),
  );
  node.tooltip = host.fault ? faultText(host) : busy;
  node.command = {
    command: 'migrascope.host.retry',
    title: vscode.l10n.t('Try Again'),
    arguments: [new HostNode(host)],
  };
  return node;
}

function faultText({ fault }: KnownHost): string {
  return [fault?.message, fault?.hint].filter(Boolean).join('\n');
}

function collapsible({ state }: KnownHost): vscode.TreeItemCollapsibleState {
  return state === 'disconnected'
    ? vscode.TreeItemCollapsibleState.None
    : vscode.TreeItemCollapsibleState.Expanded;
}

function iconOf({ state, origin }: KnownHost): [string, vscode.ThemeColor?] {
  switch (state) {
    case 'disconnected':
      return [origin === 'lab' ? 'beaker' : 'vm-outline'];
    case 'connecting':
      return ['loading~spin'];
    case 'connected':
      return ['vm-active', new vscode.ThemeColor('charts.green')];
    case 'busy':
      return ['vm-active', new vscode.ThemeColor('charts.yellow')];
    case 'failed':
      return ['vm-outline', new vscode.ThemeColor('charts.red')];
  }
}
