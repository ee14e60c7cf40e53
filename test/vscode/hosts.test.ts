/** A person adds hosts in a real VS Code: good ones, ones that are none, and wrong settings. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server as NetServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { labStatus } from './support/lab.js';
import { useVsCode } from './support/session.js';

const vscode = useVsCode({
  settings: {
    'workbench.colorTheme': 'Default High Contrast',
    'migrascope.refreshSeconds': 1,
  },
  machineSettings: { 'migrascope.hosts': { wrong: 5, gone: 'unix:/nowhere/vm.qmp' } },
});
let monitor: string;
const listeners: NetServer[] = [];

beforeAll(() => vscode.workbench.openContainer('Migrascope'));

afterAll(() => {
  for (const listener of listeners) listener.close();
});

const settings = (): { 'migrascope.hosts': Record<string, unknown> } =>
  JSON.parse(
    readFileSync(join(vscode.server.folder, 'data/Machine/settings.json'), 'utf8'),
  ) as never;

/** Chooses a way in the flow "Add Host", and gives an address and a name. */
async function addHost(way: RegExp, address: string, name: string): Promise<void> {
  await vscode.workbench.command('Migrascope: Add Host…');
  await vscode.workbench.pick(way);
  await vscode.workbench.page.getByText(/Address of the QMP monitor/).waitFor();
  await vscode.workbench.enter(address);
  await vscode.workbench.page.getByText(/What should it be called/).waitFor();
  await vscode.workbench.enter(name);
}

/** A server that does with each client as told. */
async function listen(
  name: string,
  greet: (write: (text: string) => void) => void,
): Promise<string> {
  const path = join(vscode.server.folder, name);
  const listener = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    greet((text) => socket.write(text));
  });
  listeners.push(listener);
  await new Promise<void>((resolve) => listener.listen(path, resolve));
  return `unix:${path}`;
}

test('a setting that is no address is told, and harms no other host', async () => {
  await vscode.workbench.treeItem(/migrascope\.hosts.*"wrong"/).waitFor();
  await vscode.workbench.treeItem(/^gone/).waitFor();
});

test('a host that is not there says so, with what to do', async () => {
  await vscode.workbench.treeItem(/^gone/).click();
  await vscode.workbench.treeItem(/ENOENT|There is no socket|can't be reached/).waitFor();
  await vscode.workbench.picture('host-gone');
});

test('the flow refuses what is no address, and a name that is taken', async () => {
  await vscode.workbench.command('Migrascope: Add Host…');
  await vscode.workbench.pick(/TCP port/);
  await vscode.workbench.quickInput().fill('tcp:here');
  await vscode.workbench.page.getByText(/This is no such address/).waitFor();
  await vscode.workbench.enter('tcp:127.0.0.1:1');
  await vscode.workbench.page.getByText(/What should it be called/).waitFor();
  await vscode.workbench.quickInput().fill('gone');
  await vscode.workbench.page.getByText(/There is a host of that name/).waitFor();
  await vscode.workbench.page.keyboard.press('Escape');
  expect(Object.keys(settings()['migrascope.hosts'])).toEqual(['wrong', 'gone']);
});

test('a socket that speaks no QMP is refused with what it said', async () => {
  const address = await listen('web.sock', (write) => write('HTTP/1.1 400 Bad Request\r\n\r\n'));
  await addHost(/Unix socket/, address, 'web');
  await vscode.workbench.treeItem(/QMP/).waitFor();
  await vscode.workbench.picture('host-no-qmp');
});

test('one that says nothing is given up after a while, and the view lives on', async () => {
  const address = await listen('mute.sock', () => undefined);
  await addHost(/Unix socket/, address, 'mute');
  await vscode.workbench.treeItem(/another client/).waitFor();
  await vscode.workbench.treeItem(/^gone/).waitFor();
});

test('one that greets and then takes too long is told so, and can be tried again', async () => {
  const greeting = '{"QMP":{"version":{"qemu":{"major":7,"minor":2,"micro":0}},"capabilities":[]}}';
  const address = await listen('slow.sock', (write) => write(`${greeting}\r\n`));
  await addHost(/Unix socket/, address, 'slow');
  const fault = vscode.workbench.treeItem(/^qmp_capabilities on .*slow\.sock .*within/);
  await fault.waitFor();
  await vscode.workbench.contextMenu(vscode.workbench.treeItem(/^slow/), 'Disconnect');
  await fault.waitFor({ state: 'hidden' });
});

test('the simulated guest is started, and found again by its socket', async () => {
  await vscode.workbench.command('Migrascope: Start the Simulated Guest');
  await vscode.workbench.treeItem(/^disk0/).waitFor();
  const [guest] = await labStatus(vscode.server);
  expect(guest?.name).toBe('simulated');
  monitor = guest!.qmp;
});

test('a host by the address of its unix socket has the guest, its probe and its disk', async () => {
  await vscode.workbench.contextMenu(vscode.workbench.treeItem(/^simulated/), 'Disconnect');
  await addHost(/Unix socket/, monitor, 'mine');
  await vscode.workbench.treeItem(/^The guest runs/).waitFor();
  await vscode.workbench.treeItem(/^Probe by kcore/).waitFor();
  await vscode.workbench.treeItem(/^disk0/).waitFor();
  expect(settings()['migrascope.hosts']['mine']).toBe(monitor);
  // A page has a clipboard only while it has the focus, which a menu that closes gives back late.
  await expect
    .poll(async () => {
      await vscode.workbench.contextMenu(vscode.workbench.treeItem(/^mine/), 'Copy Address');
      await vscode.workbench.page.waitForTimeout(500);
      return vscode.workbench.page.evaluate(() => navigator.clipboard.readText());
    })
    .toBe(monitor);
  await vscode.workbench.picture('hosts');
});

test('its address is edited, and it is taken out of the settings', async () => {
  await vscode.workbench.contextMenu(vscode.workbench.treeItem(/^mine/), 'Edit Address…');
  await vscode.workbench.enter('unix:/nowhere/else.qmp');
  await vscode.workbench.treeItem(/\/nowhere\/else\.qmp/).waitFor();
  await vscode.workbench.contextMenu(vscode.workbench.treeItem(/^mine|else\.qmp/), 'Remove Host');
  await expect.poll(() => 'mine' in settings()['migrascope.hosts']).toBe(false);
});

test('a host of the hosts file is listed, and a file that is wrong is told', async () => {
  const folder = join(vscode.server.environment['XDG_CONFIG_HOME']!, 'migrascope');
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, 'hosts.json'),
    JSON.stringify({ hosts: { filed: { address: monitor } } }),
  );
  await vscode.workbench.command('Migrascope: Refresh Hosts');
  await vscode.workbench.treeItem(/^filed/).click();
  await vscode.workbench.treeItem(/^disk0/).waitFor();
  writeFileSync(join(folder, 'hosts.json'), '{');
  await vscode.workbench.command('Migrascope: Refresh Hosts');
  await vscode.workbench.treeItem(/^The hosts file .*hosts\.json/).waitFor();
  writeFileSync(join(folder, 'hosts.json'), '{}');
});

test('the guest is ended', async () => {
  await vscode.workbench.command('Migrascope: Refresh Hosts');
  await vscode.workbench.contextMenu(vscode.workbench.treeItem(/^simulated/), 'End the Lab Guest');
  await expect.poll(() => labStatus(vscode.server)).toEqual([]);
});
