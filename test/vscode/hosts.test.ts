/** A person adds hosts in a real VS Code: good ones, ones that are none, and wrong settings. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server as NetServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { labStatus } from './support/lab.js';
import { endProcesses } from './support/migrations.js';
import { packagedExtension } from './support/packaged.js';
import { startServer, type Server } from './support/server.js';
import { Workbench } from './support/workbench.js';

let server: Server;
let workbench: Workbench;
let monitor: string;
const listeners: NetServer[] = [];

beforeAll(async () => {
  server = await startServer({
    vsix: packagedExtension(),
    settings: {
      'workbench.colorTheme': 'Default High Contrast',
      'migrascope.refreshSeconds': 1,
    },
    machineSettings: { 'migrascope.hosts': { wrong: 5, gone: 'unix:/nowhere/vm.qmp' } },
  });
  workbench = await Workbench.open(server);
  await workbench.openContainer('Migrascope');
});

afterAll(async () => {
  for (const listener of listeners) listener.close();
  endProcesses(server);
  await workbench.close();
  await server.stop();
});

beforeEach(({ task, onTestFailed }) => {
  onTestFailed(async () => {
    await workbench.picture(`failed-${task.name.slice(0, 40)}`);
  });
});

const settings = (): { 'migrascope.hosts': Record<string, unknown> } =>
  JSON.parse(readFileSync(join(server.folder, 'data/Machine/settings.json'), 'utf8')) as never;

/** Chooses a way in the flow "Add Host", and gives an address and a name. */
async function addHost(way: RegExp, address: string, name: string): Promise<void> {
  await workbench.command('Migrascope: Add Host…');
  await workbench.pick(way);
  await workbench.page.getByText(/Address of the QMP monitor/).waitFor();
  await workbench.enter(address);
  await workbench.page.getByText(/What should it be called/).waitFor();
  await workbench.enter(name);
}

/** A server that does with each client as told. */
async function listen(
  name: string,
  greet: (write: (text: string) => void) => void,
): Promise<string> {
  const path = join(server.folder, name);
  const listener = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    greet((text) => socket.write(text));
  });
  listeners.push(listener);
  await new Promise<void>((resolve) => listener.listen(path, resolve));
  return `unix:${path}`;
}

test('a setting that is no address is told, and harms no other host', async () => {
  await workbench.treeItem(/migrascope\.hosts.*"wrong"/).waitFor();
  await workbench.treeItem(/^gone/).waitFor();
});

test('a host that is not there says so, with what to do', async () => {
  await workbench.treeItem(/^gone/).click();
  await workbench.treeItem(/ENOENT|There is no socket|can't be reached/).waitFor();
  await workbench.picture('host-gone');
});

test('the flow refuses what is no address, and a name that is taken', async () => {
  await workbench.command('Migrascope: Add Host…');
  await workbench.pick(/TCP port/);
  await workbench.quickInput().fill('tcp:here');
  await workbench.page.getByText(/This is no such address/).waitFor();
  await workbench.enter('tcp:127.0.0.1:1');
  await workbench.page.getByText(/What should it be called/).waitFor();
  await workbench.quickInput().fill('gone');
  await workbench.page.getByText(/There is a host of that name/).waitFor();
  await workbench.page.keyboard.press('Escape');
  expect(Object.keys(settings()['migrascope.hosts'])).toEqual(['wrong', 'gone']);
});

test('a socket that speaks no QMP is refused with what it said', async () => {
  const address = await listen('web.sock', (write) => write('HTTP/1.1 400 Bad Request\r\n\r\n'));
  await addHost(/Unix socket/, address, 'web');
  await workbench.treeItem(/QMP/).waitFor();
  await workbench.picture('host-no-qmp');
});

test('one that says nothing is given up after a while, and the view lives on', async () => {
  const address = await listen('mute.sock', () => undefined);
  await addHost(/Unix socket/, address, 'mute');
  await workbench.treeItem(/another client/).waitFor();
  await workbench.treeItem(/^gone/).waitFor();
});

test('the simulated guest is started, and found again by its socket', async () => {
  await workbench.command('Migrascope: Start the Simulated Guest');
  await workbench.treeItem(/^disk0/).waitFor();
  const [guest] = await labStatus(server);
  expect(guest?.name).toBe('simulated');
  monitor = guest!.qmp;
});

test('a host by the address of its unix socket has the guest, its probe and its disk', async () => {
  await workbench.contextMenu(workbench.treeItem(/^simulated/), 'Disconnect');
  await addHost(/Unix socket/, monitor, 'mine');
  await workbench.treeItem(/^The guest runs/).waitFor();
  await workbench.treeItem(/^Probe by kcore/).waitFor();
  await workbench.treeItem(/^disk0/).waitFor();
  expect(settings()['migrascope.hosts']['mine']).toBe(monitor);
  // A page has a clipboard only while it has the focus, which a menu that closes gives back late.
  await expect
    .poll(async () => {
      await workbench.contextMenu(workbench.treeItem(/^mine/), 'Copy Address');
      await workbench.page.waitForTimeout(500);
      return workbench.page.evaluate(() => navigator.clipboard.readText());
    })
    .toBe(monitor);
  await workbench.picture('hosts');
});

test('its address is edited, and it is taken out of the settings', async () => {
  await workbench.contextMenu(workbench.treeItem(/^mine/), 'Edit Address…');
  await workbench.enter('unix:/nowhere/else.qmp');
  await workbench.treeItem(/\/nowhere\/else\.qmp/).waitFor();
  await workbench.contextMenu(workbench.treeItem(/^mine|else\.qmp/), 'Remove Host');
  await expect.poll(() => 'mine' in settings()['migrascope.hosts']).toBe(false);
});

test('a host of the hosts file is listed, and a file that is wrong is told', async () => {
  const folder = join(server.environment['XDG_CONFIG_HOME']!, 'migrascope');
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, 'hosts.json'),
    JSON.stringify({ hosts: { filed: { address: monitor } } }),
  );
  await workbench.command('Migrascope: Refresh Hosts');
  await workbench.treeItem(/^filed/).click();
  await workbench.treeItem(/^disk0/).waitFor();
  writeFileSync(join(folder, 'hosts.json'), '{');
  await workbench.command('Migrascope: Refresh Hosts');
  await workbench.treeItem(/^The hosts file .*hosts\.json/).waitFor();
  writeFileSync(join(folder, 'hosts.json'), '{}');
});

test('the guest is ended', async () => {
  await workbench.command('Migrascope: Refresh Hosts');
  await workbench.contextMenu(workbench.treeItem(/^simulated/), 'End the Lab Guest');
  await expect.poll(() => labStatus(server)).toEqual([]);
});
