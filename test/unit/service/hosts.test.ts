/** The service's requests about hosts, on this machine's own sockets and folders. */
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { silentLogger } from '../../../src/base/logger.js';
import { SimulatedClock } from '../../../src/simulator/clock.js';
import { hostCalled } from '../../../src/reach/index.js';
import { hostHandlers } from '../../../src/service/hosts.js';
import { ownFolders } from './folders.js';
import { simulatedHost, SIZE } from './simulated.js';

const parts = { clock: new SimulatedClock(), logger: silentLogger };
const { signal } = new AbortController();
let folder = '';

beforeEach(async () => {
  folder = await ownFolders();
});

/** A server of a socket in the runtime folder; its address. */
async function listen(name: string, onClient: (socket: Socket) => void): Promise<string> {
  const path = join(folder, 'RUNTIME_DIR', name);
  const clients = new Set<Socket>();
  const server = createServer((socket) => {
    clients.add(socket);
    socket.on('error', () => undefined);
    onClient(socket);
  }).listen(path);
  await once(server, 'listening');
  onTestFinished(() => {
    for (const client of clients) client.destroy();
    server.close();
  });
  return `unix:${path}`;
}

async function hostsFile(text: string): Promise<void> {
  await mkdir(join(folder, 'CONFIG_HOME/migrascope'), { recursive: true });
  await writeFile(join(folder, 'CONFIG_HOME/migrascope/hosts.json'), text);
}

describe('hosts are found', () => {
  const find = () => hostHandlers(parts)['host.find']({}, signal);

  it('where a hosts file that is wrong says so, and hides nothing else', async () => {
    await hostsFile('{');
    const address = await listen('other.qmp', () => undefined);
    const found = await find();
    expect(found.find(({ kind }) => kind === 'hosts-file')).toMatchObject({
      ...{ host: 'hosts.json', fault: { kind: 'usage' } },
    });
    expect(found.find(({ kind }) => kind === 'hosts-file')?.fault?.message).toMatch(
      /^The hosts file .*hosts\.json/,
    );
    expect(found.some(({ host }) => host === address)).toBe(true);
  });

  it('in the hosts file, and as sockets with the name of a monitor, without a connection', async () => {
    await hostsFile('{ "hosts": { "rack": { "address": "tcp:127.0.0.1:4444" } } }');
    let clients = 0;
    const address = await listen('vm.qmp', () => clients++);
    await listen('other.sock', () => clients++);
    const own = (await find()).filter(
      ({ kind, host }) => kind !== 'socket' || host.includes(folder),
    );
    expect(own).toEqual([
      { host: 'rack', kind: 'hosts-file', detail: 'tcp:127.0.0.1:4444' },
      { host: address, kind: 'socket', detail: address.slice('unix:'.length) },
    ]);
    expect(clients).toBe(0);
  });
});

describe('hosts of the settings', () => {
  const know = (hosts: Readonly<Record<string, unknown>>) =>
    hostHandlers(parts)['host.settings']({ hosts }, signal);
  const found = () => hostHandlers(parts)['host.find']({}, signal);

  it('are an address, or an object; what it says more is known by the address from then on', async () => {
    const { address } = await simulatedHost(folder, { probe: false });
    const guardian = `unix:${folder}/monitor`;
    const known = await know({ plain: address, full: { address, guardian } });
    expect(known).toEqual([
      { name: 'plain', address },
      { name: 'full', address },
    ]);
    expect(await hostCalled(address)).toMatchObject({
      ...{ name: address, guardian: { type: 'unix', path: `${folder}/monitor` } },
    });
    const look = { host: address, timeoutMs: 20_000 };
    expect(await hostHandlers(parts)['host.look'](look, signal)).toMatchObject({
      disks: [{ name: 'disk0' }],
    });
    expect((await found()).filter(({ kind }) => kind === 'hosts-file')).toEqual([]);
    await know({});
    expect(await hostCalled(address)).not.toHaveProperty('guardian');
  });

  const address = 'unix:/vm.qmp';
  it.each<[unknown, string]>([
    ['', '"bad.address" has to be a string that is not empty.'],
    ['vm', '"bad.address": '],
    [7, '"bad" has to be an object.'],
    [null, '"bad" has to be an object.'],
    [{}, '"bad.address" has to be a string that is not empty.'],
    [{ address, gardian: 'x' }, '"bad" has the unknown key "gardian"; known are address, guardian'],
    [{ address, guardian: address }, '"bad.guardian" has to be another monitor than "address".'],
    [{ address, guardian: 'x' }, '"bad.guardian": '],
    [{ address, probe: 'ssh://a/b' }, '"bad.probe" has to be unix:PATH or tcp:HOST:PORT.'],
    [{ address, nbdDirectory: 'run' }, '"bad.nbdDirectory" has to be an absolute path.'],
  ])('that are wrong as %j name host and field, and leave the others alone', async (bad, why) => {
    const [faulty, other] = await know({ bad, other: address });
    expect(other).toEqual({ name: 'other', address });
    expect(faulty).toMatchObject({ name: 'bad', address: '', fault: { kind: 'usage' } });
    expect(faulty!.fault!.message.startsWith(`The setting migrascope.hosts: ${why}`)).toBe(true);
    expect((await hostCalled(address)).address).toMatchObject({ path: '/vm.qmp' });
  });

  it('can not be called as an address is', async () => {
    const [faulty] = await know({ 'unix:/a': address });
    expect(faulty?.fault?.message).toMatch(/has the name "unix:\/a": it reads as an address/);
  });
});

describe('a look at a host', () => {
  const look = (host: string) =>
    hostHandlers(parts)['host.look']({ host, timeoutMs: 20_000 }, signal);

  it('tells of the guest, its disks and its probe, and lets go of the monitor', async () => {
    const { address } = await simulatedHost(folder);
    for (let time = 0; time < 2; time++)
      expect(await look(address)).toMatchObject({
        ...{ running: true, warnings: [] },
        disks: [{ name: 'disk0', size: SIZE, format: 'raw', readOnly: false }],
        probe: { state: 'connected' },
      });
  });

  it('of a guest without a probe says why', async () => {
    const { address } = await simulatedHost(folder, { probe: false });
    const reason = 'The guest has no port for a probe.';
    expect((await look(address)).probe).toEqual({ state: 'absent', reason });
  });
});

describe('a look at a host fails that', () => {
  const look = (host: string, timeoutMs = 20_000, cancel = signal) =>
    hostHandlers(parts)['host.look']({ host, timeoutMs }, cancel);
  const failure = (kind: string, start: RegExp) => ({
    kind,
    message: expect.stringMatching(start) as string,
  });

  it('is called nothing known', async () => {
    await expect(look('nobody')).rejects.toMatchObject(
      failure('usage', /^No host is called "nobody" in /),
    );
  });

  it('is not there', async () => {
    await expect(look(`unix:${folder}/none`)).rejects.toMatchObject({ kind: 'connect' });
  });

  it('does not speak QMP', async () => {
    const address = await listen('web.qmp', (socket) => socket.write('HTTP/1.1 400 Bad\r\n\r\n'));
    await expect(look(address)).rejects.toMatchObject({ kind: 'protocol' });
  });

  it('takes too long', async () => {
    const address = await listen('slow.qmp', () => undefined);
    await expect(look(address, 200)).rejects.toMatchObject({
      ...failure('timeout', /^unix:.* did not answer within 0\.2 s\./),
      hint: expect.stringContaining('monitor is free') as string,
    });
  });

  it('is not waited for any more', async () => {
    const cancel = new AbortController();
    const address = await listen('slow.qmp', () => {
      cancel.abort();
    });
    await expect(look(address, 20_000, cancel.signal)).rejects.toMatchObject({ kind: 'cancelled' });
  });
});
