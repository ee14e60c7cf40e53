/** The view "Migrations": each run with its figures and its program, the current statement marked. */
import * as vscode from 'vscode';
import { formatBytes, formatDuration, formatRate } from '../../base/units.js';
import type { MomentNote, RunInfo } from '../../service/types.js';
import type { Follower } from './follower.js';
import type { RunList } from './run-list.js';

const REDRAW_MS = 300;

export class RunNode extends vscode.TreeItem {
  constructor(
    readonly info: RunInfo,
    readonly follower: Follower | undefined,
  ) {
    super(`${info.disk ?? ''} ${info.run}`.trim(), vscode.TreeItemCollapsibleState.Collapsed);
    const moment = follower?.moment;
    this.id = `run:${info.run}`;
    this.description = describe(info, moment);
    this.contextValue = `run.${contextOf(info, moment)}`;
    this.iconPath = new vscode.ThemeIcon(...iconOf(info, moment));
    this.tooltip = [
      `${info.host ?? ''} ${info.disk ?? ''} → ${info.destination ?? ''}`,
      info.startedAt ?? '',
      info.reason,
    ].join('\n');
    this.accessibilityInformation = {
      label: `${vscode.l10n.t('Migration {0}', info.run)}, ${info.disk ?? ''}, ${this.description}`,
    };
    if (info.state === 'running') this.collapsibleState = vscode.TreeItemCollapsibleState.Expanded;
  }
}

class LineNode extends vscode.TreeItem {
  constructor(id: string, label: string, description: string, icon: string, color?: string) {
    super(label);
    this.id = id;
    this.description = description;
    this.iconPath = new vscode.ThemeIcon(icon, color ? new vscode.ThemeColor(color) : undefined);
    this.tooltip = `${label} ${description}`.trim();
    this.accessibilityInformation = { label: this.tooltip };
    this.contextValue = 'line';
  }
}

export type RunTreeNode = RunNode | LineNode;

export class RunTree implements vscode.TreeDataProvider<RunTreeNode> {
  readonly #changed = new vscode.EventEmitter<RunTreeNode | undefined>();
  readonly onDidChangeTreeData = this.#changed.event;
  #loaded = false;
  #waiting = false;

  constructor(private readonly list: RunList) {
    // Ten figures a second are for a map; a tree that is drawn so often can't be clicked.
    list.onChanged(() => {
      if (this.#waiting) return;
      this.#waiting = true;
      setTimeout(() => {
        this.#waiting = false;
        this.#changed.fire(undefined);
      }, REDRAW_MS);
    });
  }

  getTreeItem(node: RunTreeNode): vscode.TreeItem {
    return node;
  }

  async getChildren(node?: RunTreeNode): Promise<RunTreeNode[]> {
    if (node instanceof RunNode) return childrenOf(node);
    if (node) return [];
    if (!this.#loaded) {
      this.#loaded = true;
      await this.list.refreshQuietly();
    }
    return this.list.runs.map((info) => new RunNode(info, this.list.follower(info.run)));
  }
}

function childrenOf({ info, follower }: RunNode): RunTreeNode[] {
  const moment = follower?.moment;
  const line = (name: string, label: string, description: string, icon: string): LineNode =>
    new LineNode(`${info.run}:${name}`, label, description, icon);
  const lines = [
    line('to', vscode.l10n.t('To'), info.destination ?? '', 'arrow-right'),
    line('policy', vscode.l10n.t('Policy'), info.policy ?? '', 'law'),
  ];
  if (info.state !== 'running') {
    return [...lines, line('reason', info.reason, '', 'info')];
  }
  if (!moment) return lines;
  return [
    ...lines,
    ...figures(info.run, moment),
    ...program(info.run, moment, follower.header?.run?.program ?? []),
  ];
}

function figures(run: string, moment: MomentNote): LineNode[] {
  const line = (name: string, label: string, description: string, icon: string): LineNode =>
    new LineNode(`${run}:${name}`, label, description, icon);
  return [
    line('round', vscode.l10n.t('Round'), `${moment.round}`, 'sync'),
    line('pending', vscode.l10n.t('Pending'), formatBytes(moment.pendingBytes), 'clock'),
    line('deferred', vscode.l10n.t('Deferred'), formatBytes(moment.deferredBytes), 'debug-pause'),
    line(
      'sent',
      vscode.l10n.t('Sent'),
      vscode.l10n.t(
        '{0}, {1} of it again',
        formatBytes(moment.sentBytes),
        formatBytes(moment.resentBytes),
      ),
      'arrow-up',
    ),
    line(
      'rates',
      vscode.l10n.t('Dirty rate'),
      vscode.l10n.t(
        '{0}, bandwidth {1}',
        formatRate(moment.dirtyRate),
        formatRate(moment.bandwidth),
      ),
      'pulse',
    ),
  ];
}

function program(
  run: string,
  { line, heldSince }: MomentNote,
  statements: readonly string[],
): LineNode[] {
  return statements.map((text, index) => {
    const number = index + 1;
    const current = number === line;
    const icon = current
      ? heldSince === undefined
        ? 'debug-stackframe'
        : 'debug-stackframe-focused'
      : 'blank';
    const node = new LineNode(
      `${run}:statement:${number}`,
      `${String(number).padStart(2)}  ${text}`,
      current && heldSince !== undefined ? vscode.l10n.t('held before it') : '',
      icon,
      current ? 'debugIcon.breakpointCurrentStackframeForeground' : undefined,
    );
    if (current) node.label = { label: node.label as string, highlights: [[0, 2]] };
    return node;
  });
}

function describe(info: RunInfo, moment: MomentNote | undefined): string {
  switch (info.state) {
    case 'running':
      if (!moment) return vscode.l10n.t('running');
      if (moment.heldSince !== undefined)
        return vscode.l10n.t('held at statement {0}', moment.line);
      return vscode.l10n.t(
        'round {0}, {1} pending',
        moment.round,
        formatBytes(moment.pendingBytes),
      );
    case 'ended':
      return outcomeText(info, moment);
    case 'dead':
      return vscode.l10n.t('dead: its process is gone');
    case 'unknown':
      return vscode.l10n.t('unknown');
  }
}

function outcomeText({ outcome }: RunInfo, moment: MomentNote | undefined): string {
  const downtime = moment?.summary ? `, ${formatDuration(moment.summary.downtimeMs)}` : '';
  switch (outcome) {
    case 'completed':
      return `${vscode.l10n.t('completed')}${downtime}`;
    case 'cancelled':
      return vscode.l10n.t('cancelled');
    default:
      return vscode.l10n.t('failed');
  }
}

function contextOf({ state }: RunInfo, moment: MomentNote | undefined): string {
  if (state !== 'running') return state;
  return moment?.heldSince === undefined ? 'running' : 'held';
}

function iconOf(
  { state, outcome }: RunInfo,
  moment: MomentNote | undefined,
): [string, vscode.ThemeColor?] {
  const color = (name: string): vscode.ThemeColor => new vscode.ThemeColor(`charts.${name}`);
  if (state === 'running')
    return moment?.heldSince === undefined
      ? ['debug-start', color('green')]
      : ['debug-pause', color('yellow')];
  if (state === 'dead') return ['error', color('red')];
  if (outcome === 'completed') return ['pass', color('green')];
  return [outcome === 'cancelled' ? 'circle-slash' : 'error'];
}
