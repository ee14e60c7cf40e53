/** The commands, by their ids; what each does is elsewhere. */
import * as vscode from 'vscode';
import type { ViewCommand } from '../../webview/messages.js';
import type { SteeringCommand } from '../service/types.js';
import type { Core } from './core.js';
import { addHost, editHost, removeHost, startSimulated } from './hosts/add-host.js';
import type { HostList, KnownHost } from './hosts/host-list.js';
import { DiskNode, HostNode } from './hosts/host-tree.js';
import { isLesson, startLesson } from './lessons.js';
import type { MapPanels } from './map/panels.js';
import { confirmCancel } from './map/relay.js';
import { RunNode } from './migrations/run-tree.js';
import type { RunList } from './migrations/run-list.js';
import { showProgress } from './migrations/progress.js';
import { askMigration } from './migrations/start-form.js';
import { chooseDisk, chooseRun, chooseTrace } from './choose.js';

export interface Parts {
  readonly core: Core;
  readonly hosts: HostList;
  readonly runs: RunList;
  readonly maps: MapPanels;
  /** The run that is selected in the view "Migrations". */
  readonly selectedRun: () => string | undefined;
}

/** What connects to a host, or changes something of one, its guest or a run. */
const NEEDS_TRUST =
  /^(host\.(add|edit|connect|retry)|lab\.|lesson\.start|map\.open|migrate|run\.(continue|pause|step|cancel|resume|recover|forget))/;

type Command = (...args: unknown[]) => Promise<unknown>;

export function registerCommands(parts: Parts): vscode.Disposable {
  const commands: Readonly<Record<string, Command>> = {
    ...hostCommands(parts),
    ...runCommands(parts),
    ...steeringCommands(parts),
    ...mapCommands(parts),
    ...lessonCommands(parts),
  };
  return vscode.Disposable.from(
    ...Object.entries(commands).map(([name, run]) =>
      vscode.commands.registerCommand(`migrascope.${name}`, (...args: unknown[]) =>
        parts.core.attempt(async () =>
          !NEEDS_TRUST.test(name) || (await parts.core.trusted()) ? run(...args) : undefined,
        ),
      ),
    ),
  );
}

function hostCommands({ core, hosts }: Parts): Record<string, Command> {
  const on =
    (action: (host: KnownHost) => Promise<unknown>): Command =>
    async (node) => {
      if (node instanceof HostNode) await action(node.host);
    };
  return {
    'host.add': () => addHost(core, hosts),
    'host.refresh': () => hosts.reload(),
    'host.connect': on((host) => hosts.connect(host)),
    'host.retry': on((host) => hosts.connect(host)),
    'host.disconnect': on((host) => {
      hosts.disconnect(host);
      return Promise.resolve();
    }),
    'host.edit': on((host) => editHost(hosts, host)),
    'host.remove': on(({ name }) => removeHost(hosts, name)),
    'host.copyAddress': on(({ target }) => Promise.resolve(vscode.env.clipboard.writeText(target))),
    'lab.start': () => startSimulated(core, hosts),
    'lab.stop': on(async ({ name }) => {
      await core.service.ask('lab.down', { name });
      await hosts.reload();
    }),
  };
}

function runCommands(parts: Parts): Record<string, Command> {
  const { core, runs, maps } = parts;
  const runOf = async (value: unknown, state?: string): Promise<string | undefined> =>
    value instanceof RunNode
      ? value.info.run
      : typeof value === 'string'
        ? value
        : chooseRun(runs, state);
  const openMap = (run: string): void =>
    maps.show({ title: vscode.l10n.t('Migration {0}', run), sources: [{ type: 'run', run }] });
  return {
    migrate: async (node) => {
      const disk =
        node instanceof DiskNode ? { host: node.host, disk: node.disk } : await chooseDisk(parts);
      if (!disk) return;
      const request = await askMigration(core, disk.host.target, disk.disk);
      if (!request) return;
      const { run } = await core.service.ask('run.start', request);
      openMap(run);
      await runs.refresh();
      showProgress(core, runs, run);
    },
    'run.show': () => Promise.resolve(vscode.commands.executeCommand('migrascope.runs.focus')),
    'run.refresh': () => runs.refresh(),
    'run.openMap': async (value) => {
      const run = await runOf(value);
      if (run !== undefined) openMap(run);
    },
    'run.openEvents': async (value) => {
      const run = await runOf(value);
      const info = runs.runs.find((each) => each.run === run);
      if (info) await vscode.commands.executeCommand('vscode.open', vscode.Uri.file(info.events));
    },
    'run.resume': async (value) => {
      const run = await runOf(value, 'dead');
      if (run === undefined) return;
      await core.service.ask('run.resume', { run, held: false });
      await runs.refresh();
      maps.reopen({ type: 'run', run });
      openMap(run);
      showProgress(core, runs, run);
    },
    'run.recover': async (value) => {
      const run = await runOf(value, 'dead');
      if (run !== undefined) await recover(core, runs, run);
    },
    'run.forget': async (value) => {
      const run = await runOf(value, 'ended');
      if (run === undefined) return;
      await core.service.ask('run.forget', { run });
      await runs.refresh();
    },
  };
}

/** Says what is left of a dead run and what would be done, and does it on consent. */
async function recover(core: Core, runs: RunList, run: string): Promise<void> {
  const { findings, steps, resumable } = await core.service.ask('run.findings', { run });
  const doIt = vscode.l10n.t('Do This');
  const resume = vscode.l10n.t('Go On with It');
  const detail = [...findings, '', ...steps.map((step) => `• ${step}`)].join('\n');
  const answer = await vscode.window.showWarningMessage(
    steps.length > 0
      ? vscode.l10n.t('Put right what run {0} left?', run)
      : vscode.l10n.t('Nothing can be done for run {0} now.', run),
    { modal: true, detail },
    ...(steps.length > 0 ? [doIt] : []),
    ...(resumable ? [resume] : []),
  );
  if (answer === resume) await vscode.commands.executeCommand('migrascope.run.resume', run);
  if (answer !== doIt) return;
  const done = await core.service.ask('run.recover', { run });
  for (const line of done) core.log.info(line);
  await vscode.window.showInformationMessage(done.join('; '));
  await runs.refresh();
}

const STEERING: Readonly<Record<string, SteeringCommand>> = {
  'run.continue': { command: 'run' },
  'run.pause': { command: 'pause' },
  'run.stepStatement': { command: 'step', unit: 'statement' },
  'run.stepBatch': { command: 'step', unit: 'batch' },
  'run.stepRound': { command: 'step', unit: 'round' },
  'run.cancel': { command: 'cancel' },
};

/** A run of the tree, else the map that has the focus, else the one that is selected or asked for. */
function steeringCommands({ core, runs, maps, selectedRun }: Parts): Record<string, Command> {
  const tell = async (node: unknown, command: SteeringCommand): Promise<void> => {
    if (!(node instanceof RunNode) && (await maps.tell(command))) return;
    const only = runs.running.length === 1 ? runs.running[0]?.run : undefined;
    const run =
      node instanceof RunNode
        ? node.info.run
        : (selectedRun() ?? only ?? (await chooseRun(runs, 'running')));
    if (run === undefined) return;
    if (command.command === 'cancel' && !(await confirmCancel())) return;
    const follower = runs.follower(run);
    if (follower) await follower.tell(command);
    else await core.service.ask('run.tell', { run, command });
  };
  return Object.fromEntries(
    Object.entries(STEERING).map(([name, command]): [string, Command] => [
      name,
      (node) => tell(node, command),
    ]),
  );
}

const VIEW_COMMANDS: readonly ViewCommand[] = [
  'zoomIn',
  'zoomOut',
  'zoomWhole',
  'zoomBlock',
  'play',
  'stepForward',
  'stepBack',
  'live',
  'findFile',
  'goToBlock',
  'savePng',
  'saveSvg',
  'copyTable',
  'nextLayer',
  'toggleLayout',
];

function mapCommands(parts: Parts): Record<string, Command> {
  const { core, maps } = parts;
  return {
    ...Object.fromEntries(
      VIEW_COMMANDS.map((command): [string, Command] => [
        `map.${command}`,
        () => Promise.resolve(maps.command(command)),
      ]),
    ),
    'map.open': async (node) => {
      const found =
        node instanceof DiskNode ? { host: node.host, disk: node.disk } : await chooseDisk(parts);
      if (!found) return;
      const { host, disk } = found;
      maps.show({
        title: `${host.name}: ${disk.name}`,
        sources: [
          {
            type: 'watch',
            host: host.target,
            disk: disk.name,
            granularity: core.setting('migration.granularityKiB', 64) * 1024,
            intervalMs: core.setting('map.watchSeconds', 2) * 1000,
          },
        ],
      });
    },
    'trace.open': async () => {
      const uri = await chooseTrace(vscode.l10n.t('Open a trace'));
      if (uri) await vscode.commands.executeCommand('vscode.openWith', uri, 'migrascope.trace');
    },
    compare: async (clicked, selected) => {
      const [first, second] = tracesOf(clicked, selected);
      const left = first ?? (await chooseTrace(vscode.l10n.t('Compare: the first trace')));
      if (!left) return;
      const right =
        second ??
        (await chooseTrace(
          vscode.l10n.t('Compare: the second trace (may be the same, for two moments)'),
        ));
      if (!right) return;
      maps.show({
        title: vscode.l10n.t('Compare'),
        sources: [left, right].map(({ fsPath }) => ({ type: 'trace', path: fsPath })),
      });
    },
  };
}

/** The explorer gives what was clicked, and all that are selected where it is one of several. */
function tracesOf(clicked: unknown, selected: unknown): readonly vscode.Uri[] {
  const all: readonly unknown[] = Array.isArray(selected) ? selected : [];
  const several = all.filter((each) => each instanceof vscode.Uri);
  if (several.length > 1) return several;
  return clicked instanceof vscode.Uri ? [clicked] : [];
}

function lessonCommands({ core, hosts }: Parts): Record<string, Command> {
  const walkthrough = (name: string): Command => {
    const id = `${core.context.extension.id}#migrascope.${name}`;
    return () =>
      Promise.resolve(
        vscode.commands.executeCommand('workbench.action.openWalkthrough', id, false),
      );
  };
  return {
    'walkthrough.open': walkthrough('start'),
    'lesson.choose': walkthrough('lessons'),
    'lesson.start': async (lesson) => {
      if (isLesson(lesson)) await startLesson(core, hosts, lesson);
    },
  };
}
