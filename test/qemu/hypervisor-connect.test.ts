/** Reaching a real QEMU's monitor, what happens to its guest, and the guest's ports. */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.js';
import { silentLogger } from '../../src/base/logger.js';
import {
  agentPortName,
  connectQemu,
  openQmp,
  probePortName,
  resolveHost,
} from '../../src/hypervisor/index.js';
import type { GuestEvent, QemuHypervisor } from '../../src/hypervisor/index.js';
import { assertNothingLeft } from './support/qemu-leftovers.js';
import type { TestQemu } from './support/qemu-process.js';
import {
  MiB,
  makeRaw,
  makeTestDirectory,
  rawDisk,
  run,
  startQemu,
} from './support/qemu-process.js';

let qemu: TestQemu;
let directory: string;
let port: number;

beforeAll(async () => {
  directory = await makeTestDirectory();
  port = await freePort();
  qemu = await startQemu(directory, [
    ...rawDisk(await makeRaw(join(directory, 'a.raw'), 16 * MiB)),
    ...[
      '-monitor',
      'unix:hmp,server=on,wait=off',
      '-qmp',
      `tcp:127.0.0.1:${port},server=on,wait=off`,
    ],
    ...['-device', 'virtio-serial-pci,id=serial0'],
    ...['-chardev', 'socket,id=agent,path=agent,server=on,wait=off'],
    ...['-device', `virtserialport,chardev=agent,name=${agentPortName}`],
  ]);
});

afterAll(async () => {
  await qemu.stop();
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

async function connect(text: string, ssh?: string): Promise<QemuHypervisor> {
  const host = await resolveHost(text);
  const options = { clock: systemClock, logger: silentLogger };
  return connectQemu(host, ssh === undefined ? options : { ...options, ssh });
}

describe('a monitor', () => {
  test('that another client holds', async () => {
    const first = await qemu.connect();
    try {
      await expect(qemu.connect()).rejects.toMatchObject({
        kind: 'monitor-busy',
        message: expect.stringMatching(
          /^unix:\S+ did not greet within 3 s: another client holds this monitor/,
        ) as string,
      });
      expect((await first.runState()).status).toBe('prelaunch');
    } finally {
      await first.close();
    }
    const second = await qemu.connect();
    await second.close();
  });

  test('that is the human one', async () => {
    await expect(connect(`unix:${join(directory, 'hmp')}`)).rejects.toMatchObject({
      kind: 'protocol',
      message: expect.stringMatching(
        /^unix:\S+ does not speak QMP: it began with "QEMU 7/,
      ) as string,
      hint: expect.stringMatching(/human monitor/) as string,
    });
  });

  test('that is an NBD server', async () => {
    const path = join(directory, 'nbd');
    await qemu.side.execute('nbd-server-start', { addr: { type: 'unix', data: { path } } });
    await expect(connect(`unix:${path}`)).rejects.toMatchObject({
      kind: 'protocol',
      message: expect.stringMatching(
        /^unix:\S+ does not speak QMP: it began with "NBDMAGIC/,
      ) as string,
    });
    await qemu.side.execute('nbd-server-stop', {});
  });

  test('that is not there, or nobody listens at', async () => {
    await expect(connect('unix:/nowhere/qmp')).rejects.toMatchObject({
      kind: 'connect',
      message: expect.stringMatching(/^Connecting to unix:\/nowhere\/qmp failed: /) as string,
      hint: expect.stringMatching(/There is no such socket/) as string,
    });
    const file = join(directory, 'a.raw');
    await expect(connect(`unix:${file}`)).rejects.toMatchObject({ kind: 'connect' });
    await expect(connect(`tcp:127.0.0.1:${await freePort()}`)).rejects.toMatchObject({
      kind: 'connect',
      hint: expect.stringMatching(/Nobody listens there/) as string,
    });
  });

  test('on TCP works, disk data included, and is warned of', async () => {
    const warnings: string[] = [];
    const host = await resolveHost(`tcp:127.0.0.1:${port}`);
    const hypervisor = await connectQemu(host, {
      clock: systemClock,
      logger: {
        log: (level, message) => {
          if (level === 'warn') warnings.push(message);
        },
      },
    });
    const [disk] = await hypervisor.disks();
    const source = await hypervisor.openSource(disk!, { run: 'r1', granularity: 65536 });
    await run('nbdinfo', ['--size', source.uri]);
    await hypervisor.close();
    await assertNothingLeft(qemu.side);
    expect(warnings).toEqual([expect.stringMatching(/^tcp:127.0.0.1:\d+: a QEMU monitor on TCP/)]);
  });
});

/** An ssh that reaches this machine: forwards unix sockets as -L says, and runs the command. */
const fakeSsh = `#!/usr/bin/env node
const { createServer, createConnection } = require('node:net');
const { spawn } = require('node:child_process');
const { appendFileSync } = require('node:fs');
const args = process.argv.slice(2);
appendFileSync(process.env.HOME + '/ssh.log', JSON.stringify(args) + '\\n');
if (args.at(-2) === 'refuses') { console.error('Permission denied (publickey).'); process.exit(255); }
const [local, remote] = args[args.indexOf('-L') + 1].split(':');
const server = createServer((near) => {
  const far = createConnection(remote);
  const end = () => { near.destroy(); far.destroy(); };
  far.on('error', (e) => { console.error('channel 2: open failed: connect failed: ' + e.code); end(); });
  near.on('error', end); near.on('close', end); far.on('close', end);
  near.pipe(far).pipe(near);
});
server.listen(local, () => {
  const child = spawn('sh', ['-c', args.at(-1)], { stdio: 'inherit' });
  child.on('close', () => process.exit(0));
});
`;

describe('through ssh', () => {
  let ssh: string;
  const home = process.env['HOME'];

  beforeAll(async () => {
    ssh = join(directory, 'fake-ssh');
    // Whatever a folder above says of its modules.
    await writeFile(join(directory, 'package.json'), '{}');
    await writeFile(ssh, fakeSsh);
    await chmod(ssh, 0o755);
    process.env['HOME'] = directory;
  });

  afterAll(() => {
    process.env['HOME'] = home;
  });

  test('monitor and disk data pass, and the other machine is left clean', async () => {
    const hypervisor = await connect(`ssh://me@lab:2222${qemu.monitor}`, ssh);
    const [disk] = await hypervisor.disks();
    const source = await hypervisor.openSource(disk!, { run: 'r1', granularity: 65536 });
    await source.startTracking();
    await qemu.io('vd0', 'write 1M 64k');
    const seen: number[] = [];
    await source.flip((offset) => seen.push(offset));
    expect(seen).toEqual([MiB]);
    await hypervisor.close();
    await assertNothingLeft(qemu.side);
    const log = (await readFile(join(directory, 'ssh.log'), 'utf8')).trim().split('\n');
    const [monitor, data] = log.map((line) => JSON.parse(line) as string[]);
    expect(monitor).toEqual(expect.arrayContaining(['BatchMode=yes', '-l', 'me', '-p', '2222']));
    expect(monitor?.slice(-3, -1)).toEqual(['--', 'lab']);
    const made = /mkdir (\/tmp\/migrascope-nbd-\w+)/.exec(data?.at(-1) ?? '')?.[1];
    expect(made).toBeDefined();
    await expect(readFile(made!)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test("a refusal carries ssh's own words", async () => {
    await expect(connect(`ssh://refuses${qemu.monitor}`, ssh)).rejects.toMatchObject({
      kind: 'connect',
      message: expect.stringMatching(
        /^Reaching refuses by ssh failed: \S+ ended with exit code 255: Permission denied/,
      ) as string,
    });
  });

  test('a socket that is not there carries them too', async () => {
    await expect(connect('ssh://lab/nowhere/qmp', ssh)).rejects.toMatchObject({
      kind: 'connect',
      message: expect.stringMatching(
        /\(ssh: channel 2: open failed: connect failed: ENOENT\)$/,
      ) as string,
    });
  });

  test('without ssh it says what to install', async () => {
    await expect(connect('ssh://lab/qmp', join(directory, 'no-ssh'))).rejects.toMatchObject({
      kind: 'connect',
      hint: 'Install the OpenSSH client.',
    });
  });
});

describe("the guest's run state", () => {
  test('what others do is told, what we do is not', async () => {
    const hypervisor = await qemu.connect();
    const events: GuestEvent[] = [];
    const off = hypervisor.onGuestEvent((event) => events.push(event));
    await hypervisor.resume();
    expect(await hypervisor.runState()).toEqual({ running: true, status: 'running' });
    await hypervisor.pause();
    expect(await hypervisor.runState()).toEqual({ running: false, status: 'paused' });
    await qemu.side.execute('cont', {});
    await qemu.side.execute('stop', {});
    await qemu.side.execute('human-monitor-command', { 'command-line': 'system_reset' });
    await hypervisor.runState();
    expect(events).toEqual([{ type: 'resumed' }, { type: 'stopped' }, { type: 'reset' }]);
    off();
    await qemu.side.execute('cont', {});
    await qemu.side.execute('stop', {});
    await hypervisor.runState();
    expect(events).toHaveLength(3);
    await hypervisor.close();
  });

  test('the end of QEMU is told, by whom, and as a loss', async () => {
    const other = await startQemu(await makeTestDirectory(), []);
    try {
      const hypervisor = await other.connect();
      const events: GuestEvent[] = [];
      const lost = new Promise<void>((resolve) => {
        hypervisor.onGuestEvent((event) => {
          events.push(event);
          if (event.type === 'lost') resolve();
        });
      });
      await other.side.execute('quit', {});
      await lost;
      expect(events).toMatchObject([{ type: 'shutdown', byGuest: false }, { type: 'lost' }]);
      await hypervisor.close();
    } finally {
      await other.stop();
    }
  });
});

describe("the guest's ports", () => {
  test('a guest without one has no address; the agent has its own', async () => {
    const hypervisor = await qemu.connect();
    expect(await hypervisor.probeAddress()).toBeUndefined();
    expect(await hypervisor.guestAgentAddress()).toMatchObject({ type: 'unix' });
    await hypervisor.close();
  });

  test('one is added to the running guest, listens, and is gone afterwards', async () => {
    const hypervisor = await qemu.connect();
    const added = await hypervisor.addProbePort('r1');
    expect(await hypervisor.probeAddress()).toEqual(added.address);
    expect(added.address.type).toBe('unix');
    await added.release();
    await added.release();
    expect(await hypervisor.probeAddress()).toBeUndefined();
    await assertNothingLeft(qemu.side);
    await hypervisor.addProbePort('r2');
    await hypervisor.close();
    await assertNothingLeft(qemu.side);
  });

  test('a guest without a bus for it says so', async () => {
    const other = await startQemu(await makeTestDirectory(), []);
    try {
      const hypervisor = await other.connect();
      await expect(hypervisor.addProbePort('r1')).rejects.toMatchObject({
        kind: 'hypervisor',
        message: expect.stringMatching(
          /^The guest of unix:\S+ has no virtio-serial bus\.$/,
        ) as string,
      });
      await hypervisor.close();
    } finally {
      await other.stop();
    }
  });

  test('a port whose host side is no socket says so', async () => {
    const other = await startQemu(await makeTestDirectory(), [
      ...['-device', 'virtio-serial-pci', '-chardev', 'null,id=nothing'],
      ...['-device', `virtserialport,chardev=nothing,name=${probePortName}`],
    ]);
    try {
      const hypervisor = await other.connect();
      await expect(hypervisor.probeAddress()).rejects.toMatchObject({
        kind: 'hypervisor',
        message: expect.stringMatching(/does not listen on a socket: null/) as string,
      });
      await hypervisor.close();
    } finally {
      await other.stop();
    }
  });

  test('the hosts file goes before the search', async () => {
    const folder = join(directory, 'config');
    await mkdir(folder);
    const file = join(folder, 'hosts.json');
    const entry = { address: `unix:${qemu.monitor}`, probe: 'tcp:127.0.0.1:99' };
    await writeFile(file, JSON.stringify({ hosts: { lab: entry } }));
    const host = await resolveHost('lab', { file });
    const hypervisor = await connectQemu(host, { clock: systemClock, logger: silentLogger });
    expect(hypervisor.name).toBe('lab');
    expect(await hypervisor.probeAddress()).toEqual({ type: 'tcp', host: '127.0.0.1', port: 99 });
    await hypervisor.close();
  });
});

test('the QMP client is usable by itself', async () => {
  const { createConnection } = await import('node:net');
  const options = { name: 'qmp', clock: systemClock, logger: silentLogger };
  const qmp = await openQmp(createConnection(qemu.monitor), options);
  expect(qmp.version.qemu.major).toBeGreaterThanOrEqual(7);
  await expect(qmp.execute('blockdev-del', { 'node-name': 'none' })).rejects.toMatchObject({
    kind: 'qmp-command',
    errorClass: 'GenericError',
  });
  qmp.close();
});
