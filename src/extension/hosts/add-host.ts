/** The flow "Add Host": a simulated guest, a socket that was found, or an address; kept in the settings. */
import * as vscode from 'vscode';
import { signalOf, type Core } from '../core.js';
import type { HostList, KnownHost } from './host-list.js';

type Choice = vscode.QuickPickItem & {
  readonly how: 'simulated' | 'found' | 'unix' | 'tcp' | 'ssh' | 'file';
  readonly address?: string;
};

/** What the simulated guest of the first steps is. */
export const FIRST_GUEST = {
  name: 'simulated',
  workload: 'random-rewrite',
  size: 1024 ** 3,
  memory: 512 * 1024 ** 2,
  seed: 1,
  speed: 1,
} as const;

/** @returns the name of the host that was added; undefined where the person left. */
export async function addHost(core: Core, list: HostList): Promise<string | undefined> {
  const choice = await choose(core, list);
  if (!choice) return undefined;
  if (choice.how === 'simulated') return startSimulated(core, list);
  if (choice.how === 'file') {
    await openHostsHelp();
    return undefined;
  }
  const address = choice.address ?? (await askAddress(choice.how));
  if (address === undefined) return undefined;
  const name = await vscode.window.showInputBox({
    title: vscode.l10n.t('Add Host'),
    prompt: vscode.l10n.t('What should it be called?'),
    value: nameFor(address),
    ignoreFocusOut: true,
    validateInput: (text) => nameFault(text, list),
  });
  if (name === undefined) return undefined;
  await keepHost(list, name, address);
  return name;
}

/** Gives a host of the settings another address. */
export async function editHost(list: HostList, { name, detail }: KnownHost): Promise<void> {
  const kind = (['unix', 'tcp', 'ssh'] as const).find((each) => detail.startsWith(PREFIX[each]));
  const address = await (kind ? askAddress(kind, detail) : askAddress('unix'));
  if (address !== undefined) await keepHost(list, name, address);
}

async function keepHost(list: HostList, name: string, address: string): Promise<void> {
  const settings = vscode.workspace.getConfiguration('migrascope');
  const hosts = settings.get<Record<string, unknown>>('hosts') ?? {};
  const before = hosts[name];
  // What else the settings say of it stays.
  const entry = typeof before === 'object' && before !== null ? { ...before, address } : address;
  await settings.update('hosts', { ...hosts, [name]: entry }, vscode.ConfigurationTarget.Global);
  await list.reload();
  const host = list.hosts.find((each) => each.name === name);
  if (host) await list.connect(host);
}

/** Takes a host out of the settings. */
export async function removeHost(list: HostList, name: string): Promise<void> {
  const settings = vscode.workspace.getConfiguration('migrascope');
  const hosts = Object.entries(settings.get<Record<string, unknown>>('hosts') ?? {});
  const rest = Object.fromEntries(hosts.filter(([each]) => each !== name));
  await settings.update('hosts', rest, vscode.ConfigurationTarget.Global);
  await list.reload();
}

/** Starts a simulated guest, or takes the one that runs; connects to it. */
export async function startSimulated(
  core: Core,
  list: HostList,
  workload: string = FIRST_GUEST.workload,
  name: string = FIRST_GUEST.name,
): Promise<string | undefined> {
  const running = (await core.service.ask('lab.list', {})).some((guest) => guest.name === name);
  if (!running) {
    const options = {
      location: vscode.ProgressLocation.Notification,
      title: vscode.l10n.t('Starting the simulated guest …'),
      cancellable: true,
    };
    await vscode.window.withProgress(options, (_, token) =>
      core.service.ask('lab.up', { ...FIRST_GUEST, name, workload }, signalOf(token)),
    );
  }
  await list.reload();
  const host = list.hosts.find((each) => each.name === name);
  if (host) await list.connect(host);
  return name;
}

async function choose(core: Core, list: HostList): Promise<Choice | undefined> {
  const known = new Set(list.hosts.map(({ target }) => target));
  const found = (await core.service.ask('host.find', {})).filter(({ host }) => !known.has(host));
  const choices: Choice[] = [
    {
      how: 'simulated',
      label: vscode.l10n.t('$(beaker) Simulated guest'),
      description: vscode.l10n.t('needs nothing installed, starts in a second'),
    },
    ...found.map(({ host, detail }) => ({
      how: 'found' as const,
      label: `$(plug) ${host}`,
      description: vscode.l10n.t('found at {0}', detail),
      address: host,
    })),
    {
      how: 'unix',
      label: vscode.l10n.t('$(file-symlink-file) Unix socket'),
      description: vscode.l10n.t('the QMP monitor of a QEMU on this machine'),
    },
    {
      how: 'ssh',
      label: vscode.l10n.t('$(remote) Over ssh'),
      description: vscode.l10n.t("a QMP socket on another machine, through the system's ssh"),
    },
    {
      how: 'tcp',
      label: vscode.l10n.t('$(globe) TCP port'),
      description: vscode.l10n.t('whoever reaches it has power over the guest: only in a lab'),
    },
    {
      how: 'file',
      label: vscode.l10n.t('$(json) Hosts file'),
      description: vscode.l10n.t('for a second monitor or a probe at an address of its own'),
    },
  ];
  return vscode.window.showQuickPick(choices, {
    title: vscode.l10n.t('Add Host'),
    placeHolder: vscode.l10n.t('How is its hypervisor reached?'),
    ignoreFocusOut: true,
  });
}

const PREFIX = { unix: 'unix:', tcp: 'tcp:', ssh: 'ssh://', found: '' } as const;
const FORMS: Readonly<Record<keyof typeof PREFIX, RegExp>> = {
  unix: /^unix:\/.+/,
  tcp: /^tcp:[^:]+:\d{1,5}$|^tcp:\[[0-9a-f:]+\]:\d{1,5}$/i,
  ssh: /^ssh:\/\/[^/]+\/.+/,
  found: /./,
};

/** @param value the address so far; unless told, as it begins. */
function askAddress(
  kind: keyof typeof PREFIX,
  value: string = PREFIX[kind],
): Thenable<string | undefined> {
  const examples = {
    unix: 'unix:/run/vm.qmp',
    tcp: 'tcp:127.0.0.1:4444',
    ssh: 'ssh://user@host/run/vm.qmp',
    found: '',
  };
  return vscode.window.showInputBox({
    title: value === PREFIX[kind] ? vscode.l10n.t('Add Host') : vscode.l10n.t('Edit Host'),
    prompt: vscode.l10n.t('Address of the QMP monitor, such as {0}', examples[kind]),
    value,
    valueSelection: [value.length, value.length],
    ignoreFocusOut: true,
    validateInput: (text) =>
      FORMS[kind].test(text)
        ? undefined
        : vscode.l10n.t('This is no such address. It looks like {0}', examples[kind]),
  });
}

function nameFor(address: string): string {
  const last = address.split(/[/:]/).filter(Boolean).at(-1) ?? 'host';
  return last.replace(/\.(qmp|sock|socket)$/, '');
}

function nameFault(text: string, list: HostList): string | undefined {
  if (text.trim() === '') return vscode.l10n.t('A host needs a name.');
  if (/^(unix|tcp|ssh):/.test(text)) return vscode.l10n.t('This reads as an address.');
  if (list.hosts.some(({ name }) => name === text))
    return vscode.l10n.t('There is a host of that name.');
  return undefined;
}

async function openHostsHelp(): Promise<void> {
  await vscode.window.showInformationMessage(
    vscode.l10n.t(
      'The hosts file is shared with the command: migrascope/hosts.json in your configuration folder. Its hosts are listed here.',
    ),
  );
}
