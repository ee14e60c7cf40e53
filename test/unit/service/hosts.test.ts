/** The service's requests about hosts, guests of the lab and runs, on this machine's own sockets and folders. */
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { silentLogger } from '../../../src/base/logger.js';
import { SimulatedClock } from '../../../src/simulator/clock.js';
import { createRunFolder, FileJournal, runsRoot } from '../../../src/engine/runs/index.js';
import { hostHandlers } from '../../../src/service/hosts.js';
import { labHandlers } from '../../../src/service/lab.js';
import { runHandlers } from '../../../src/service/runs.js';
import { facts, journalOptions, testFolder } from '../runs/support.js';

const parts = { clock: new SimulatedClock(), logger: silentLogger };
const { signal } = new AbortController();
let folder = '';

beforeEach(async () => {
  folder = await testFolder();
  for (const name of ['CONFIG_HOME', 'STATE_HOME', 'CACHE_HOME', 'RUNTIME_DIR'])
    vi.stubEnv(`XDG_${name}`, join(folder, name));
  vi.stubEnv('MIGRASCOPE_STATE', '');
  await mkdir(join(folder, 'RUNTIME_DIR'), { mode: 0o700 });
  return () => void vi.unstubAllEnvs();
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

  it('but not where the hosts file is faulty, which is named', async () => {
    await hostsFile('{');
    await expect(find()).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringMatching(/^The hosts file .*hosts\.json is not JSON/) as string,
    });
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

describe('the lab', () => {
  const lab = labHandlers();
  const request = { workload: 'random-rewrite', size: 2 ** 24, memory: 2 ** 22, seed: 1, speed: 1 };

  it('has no guests where none was started', async () => {
    expect(await lab['lab.list']({}, signal)).toEqual([]);
  });

  it.each(['Upper', '', 'a'.repeat(33), '../up'])('refuses a guest called "%s"', async (name) => {
    const refusal = { kind: 'usage', message: `A lab guest can't be called ${name}.` };
    await expect(lab['lab.up']({ ...request, name }, signal)).rejects.toMatchObject(refusal);
    await expect(lab['lab.down']({ name }, signal)).rejects.toMatchObject(refusal);
  });

  it('ends a guest that is none in peace', async () => {
    await lab['lab.down']({ name: 'nobody' }, signal);
    expect(await lab['lab.list']({}, signal)).toEqual([]);
  });
});

describe('runs', () => {
  const runs = runHandlers(parts);

  /** A run of a process that is no more, ended or not. */
  async function made(run: string, ended: boolean): Promise<void> {
    const place = await createRunFolder(runsRoot(), run);
    const journal = await FileJournal.create(place.journal, { ...facts, run }, journalOptions());
    if (ended)
      await journal.note({
        type: 'end',
        outcome: 'completed',
        switchedOver: false,
        guest: 'running',
        leftBehind: [],
      });
    await journal.close();
  }

  it('are none where nothing was ever begun', async () => {
    expect(await runs['run.list']({ most: 20 }, signal)).toEqual([]);
  });

  it('are listed with what they were asked for and what became of them, at most so many', async () => {
    await made('first', true);
    await made('second', true);
    const list = await runs['run.list']({ most: 20 }, signal);
    expect(list.map(({ run }) => run).sort()).toEqual(['first', 'second']);
    expect(list[0]).toMatchObject({
      state: 'ended',
      outcome: 'completed',
      host: 'unix:/vm.qmp',
      disk: 'disk0',
      policy: facts.options.policy,
    });
    expect(await runs['run.list']({ most: 1 }, signal)).toHaveLength(1);
  });

  it('show no password of a destination', async () => {
    await made('secret', true);
    const [info] = await runs['run.list']({ most: 1 }, signal);
    expect(info?.destination).toMatch(/^nbd:/);
    expect(JSON.stringify(info)).not.toContain('hunter2');
  });

  it('that ended are forgotten', async () => {
    await made('old', true);
    await runs['run.forget']({ run: 'old' }, signal);
    expect(await runs['run.list']({ most: 20 }, signal)).toEqual([]);
  });

  it('that ended can not be told anything, nor gone on with', async () => {
    await made('old', true);
    const command = { command: 'pause' } as const;
    await expect(runs['run.tell']({ run: 'old', command }, signal)).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringMatching(/^The run old can't be attached to: it is ended/) as string,
    });
    await expect(runs['run.resume']({ run: 'old', held: false }, signal)).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringMatching(/^The run old can't be resumed: it is ended/) as string,
    });
  });

  it.each(['run.forget', 'run.findings', 'run.recover'] as const)(
    'that are not there are refused by %s',
    async (method) => {
      await expect(runs[method]({ run: 'none' }, signal)).rejects.toMatchObject({ kind: 'usage' });
    },
  );
});
