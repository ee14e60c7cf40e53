/** What a journal's changes say was made, and what of it is on this machine still: files, processes, folders. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFile,
  mkdir,
  mkdtemp,
  open,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ConnectError } from '../../../src/base/errors.js';
import {
  addedNodes,
  describeMadeFile,
  madeImage,
  serverAddresses,
  socketFolders,
  startedChildren,
} from '../../../src/hypervisor/aftermath/changes.js';
import { inodesOf } from '../../../src/hypervisor/aftermath/machine.js';
import {
  isHypervisorGone,
  thisMachine,
  type HostChange,
  type MadeImage,
} from '../../../src/hypervisor/index.js';
import { SimulatedClock } from '../../../src/simulator/clock.js';
import { systemClock } from '../../../src/base/clock.js';

const change = (action: string, options: unknown, host = 'vm'): HostChange => ({
  host,
  run: 'r1',
  action,
  arguments: options,
});
const place = '/tmp/migrascope-nbd-aB3/socket';
const unix = (path: string) => ({ type: 'unix', data: { path } });

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'migrascope-test-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

const machine = thisMachine(new SimulatedClock());

describe('what changes say', () => {
  test('nodes by their names, also outside of the prefix', () => {
    const changes = [
      change('blockdev-add', { 'node-name': 'disk0.r1', driver: 'raw' }),
      change('blockdev-add', { driver: 'raw' }),
      change('blockdev-del', { 'node-name': 'x' }),
    ];
    expect(addedNodes(changes)).toEqual(['disk0.r1']);
  });

  test('where the NBD server listens', () => {
    const inet = { type: 'inet', data: { host: 'h', port: '1', extra: true } };
    const changes = [{ addr: unix(place) }, { addr: inet }, { addr: { type: 'fd' } }, null].map(
      (options) => change('nbd-server-start', options),
    );
    expect(serverAddresses(changes)).toEqual([
      unix(place),
      { type: 'inet', data: { host: 'h', port: '1' } },
    ]);
  });

  test('folders of sockets, and no other folder', () => {
    const backend = { type: 'socket', data: { addr: unix('/run/migrascope-nbd-9/socket') } };
    const changes = [
      change('nbd-server-start', { addr: unix(place) }),
      change('nbd-server-start', { addr: unix('/run/libvirt/socket') }),
      change('nbd-server-start', { addr: unix('/tmp/migrascope-nbd-a/../../srv/socket') }),
      change('chardev-add', { id: 'x', backend }),
      change('start-child', ['qemu-nbd', '--socket=/tmp/migrascope-nbd-7/socket', '--', '/x']),
    ];
    expect(socketFolders(changes)).toEqual([
      ...['/tmp/migrascope-nbd-aB3', '/run/migrascope-nbd-9', '/tmp/migrascope-nbd-7'],
    ]);
  });

  test('processes, each with the sockets that are its own', () => {
    const changes = [
      change('start-child', ['qemu-storage-daemon', '--chardev', 'stdio,id=m'], 'localhost'),
      change('nbd-server-start', { addr: unix(place) }, 'qemu-storage-daemon'),
      change('nbd-server-start', { addr: unix('/tmp/migrascope-nbd-vm/socket') }),
      change('start-child', ['ssh', '-N'], 'localhost'),
      change('start-child', 'no list', 'localhost'),
    ];
    expect(startedChildren(changes)).toEqual([
      { command: 'qemu-storage-daemon', sockets: [place] },
    ]);
  });

  test('the image: asked for, then made', () => {
    const asked = {
      ...change('blockdev-create', {
        'job-id': 'j',
        options: { driver: 'file', filename: '/x', size: 5 },
      }),
      at: '2026-01-01T00:00:00.000Z',
    };
    const formatted = change('blockdev-create', { options: { driver: 'qcow2', size: 9 } });
    const identity = { path: '/x', device: 1, inode: 2, madeMs: 3.5 };
    expect(madeImage([])).toBe(undefined);
    const found = { path: '/x', host: 'vm', askedAt: asked.at, askedSize: 5 };
    expect(madeImage([asked, formatted])).toEqual(found);
    expect(madeImage([asked, change('made-file', identity), formatted])).toEqual({
      ...found,
      identity,
    });
    expect(madeImage([asked, change('made-file', { path: '/x' })])).toEqual(found);
    expect(madeImage([change('create-file', { path: '/y' })])).toEqual({ path: '/y', host: 'vm' });
  });
});

describe('an image on this machine', () => {
  async function made(): Promise<{
    image: Required<Pick<MadeImage, 'path' | 'host' | 'identity'>>;
    path: string;
  }> {
    const path = join(await folder(), 'image');
    await writeFile(path, 'data');
    const identity = describeMadeFile(path, await stat(path));
    return { image: { path, host: 'vm', identity }, path };
  }

  test('that the run made and nobody uses is deleted; a second time there is nothing', async () => {
    const { image } = await made();
    expect(await machine.lookAtImage(image)).toMatchObject({ state: 'made' });
    await machine.deleteImage(image);
    expect(await machine.lookAtImage(image)).toEqual({ state: 'gone' });
    await machine.deleteImage(image);
  });

  test('that was replaced by another file is kept', async () => {
    const { image, path } = await made();
    await copyFile(path, `${path}.2`);
    await rename(`${path}.2`, path);
    const reason = 'another file is there now than the one that the run made';
    expect(await machine.lookAtImage(image)).toEqual({ state: 'uncertain', reason });
    await expect(machine.deleteImage(image)).rejects.toMatchObject({
      kind: 'hypervisor',
      message: `The file ${path} is kept: ${reason}.`,
    });
  });

  test('whose inode was given to a later file is kept', async () => {
    const { image } = await made();
    const later = { ...image, identity: { ...image.identity, madeMs: 1 } };
    expect(await machine.lookAtImage(later)).toMatchObject({ state: 'uncertain' });
  });

  test('that is a link or a folder by now is kept', async () => {
    const { image, path } = await made();
    await rename(path, `${path}.moved`);
    await symlink(`${path}.moved`, path);
    expect(await machine.lookAtImage(image)).toEqual({
      state: 'uncertain',
      reason: 'what is there is no file',
    });
  });

  test('that somebody has open is kept, and who it is is told', async () => {
    const { image, path } = await made();
    const file = await open(path);
    try {
      await expect(machine.deleteImage(image)).rejects.toThrow(
        new RegExp(`^The file ${path} is kept: .* \\(process ${process.pid}\\) has it open\\.$`),
      );
    } finally {
      await file.close();
    }
    await machine.deleteImage(image);
  });

  test('that the journal does not identify is taken for the run’s only when it is as it was asked for', async () => {
    const path = join(await folder(), 'image');
    await writeFile(path, '');
    const { birthtimeMs } = await stat(path);
    const asked = { path, host: 'vm', askedAt: new Date(birthtimeMs).toISOString(), askedSize: 0 };
    expect(await machine.lookAtImage(asked)).toMatchObject({ state: 'made' });
    const long = new Date(birthtimeMs - 3_600_000).toISOString();
    for (const other of [
      { ...asked, askedAt: long },
      { ...asked, askedSize: 1 },
      { path, host: 'vm' },
    ])
      expect(await machine.lookAtImage(other)).toMatchObject({ state: 'uncertain' });
    await writeFile(path, Buffer.alloc(128 * 1024, 1));
    const full = { ...asked, askedSize: 128 * 1024 };
    expect(await machine.lookAtImage(full)).toMatchObject({ state: 'uncertain' });
  });
});

describe('what a run started on this machine', () => {
  /** A process called `node` that listens at a path and does not mind the end of its input. */
  async function listener(path: string): Promise<ChildProcess> {
    const program = `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`;
    const child = spawn(process.execPath, ['-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    return child;
  }

  test('is found by the place that only the run knew, and ended; its folder goes', async () => {
    const socket = join(await folder(), 'migrascope-nbd-1/socket');
    await mkdir(join(socket, '..'));
    const child = await listener(socket);
    const line = [process.execPath, `--socket=${socket}`];
    const changes = [change('start-child', line, 'localhost')];
    const here = thisMachine(systemClock);
    const found = await here.leftovers('r1', changes);
    expect(found.map(({ kind }) => kind)).toEqual(['process', 'folder']);
    const exited = once(child, 'exit');
    const outcomes = await here.removeLeftovers('r1', changes);
    expect(outcomes).toEqual(found.map((leftover) => ({ leftover })));
    expect(await exited).toEqual([null, 'SIGTERM']);
    expect(await here.leftovers('r1', changes)).toEqual([]);
    expect(await here.removeLeftovers('r1', changes)).toEqual([]);
  });

  test('another program at that place is not ended, and its folder stays', async () => {
    const socket = join(await folder(), 'migrascope-nbd-1/socket');
    await mkdir(join(socket, '..'));
    const server = createServer().listen(socket);
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const changes = [change('start-child', ['qemu-nbd', `--socket=${socket}`], 'localhost')];
    const outcomes = await machine.removeLeftovers('r1', changes);
    expect(outcomes).toEqual([
      {
        leftover: { kind: 'folder', name: join(socket, '..'), run: 'r1' },
        failure: `Somebody listens at ${socket}.`,
      },
    ]);
  });

  test('a folder with anything else in it stays', async () => {
    const path = join(await folder(), 'migrascope-nbd-1');
    await mkdir(path);
    await writeFile(join(path, 'notes'), '');
    const changes = [change('nbd-server-start', { addr: unix(join(path, 'socket')) })];
    const [outcome] = await machine.removeLeftovers('r1', changes);
    expect(outcome!.failure).toMatch(/^ENOTEMPTY/);
  });

  test('sockets are found in the kernel’s table by their whole path', () => {
    const table = [
      'Num       RefCount Protocol Flags    Type St Inode Path',
      '0000000000000000: 00000002 00000000 00010000 0001 01 22001 /tmp/a b/socket',
      '0000000000000000: 00000002 00000000 00010000 0001 01   345 /tmp/c/socket',
      '0000000000000000: 00000003 00000000 00000000 0001 03 22003',
      '',
    ].join('\n');
    expect(inodesOf(table, ['/tmp/a b/socket', '/tmp/c'])).toEqual(['22001']);
    expect(inodesOf(table, ['/tmp/c/socket'])).toEqual(['345']);
  });
});

describe('a hypervisor that can’t be connected to', () => {
  const refused = (code: string) =>
    new ConnectError('It failed.', { cause: Object.assign(new Error(code), { code }) });
  test.each([
    ['unix', 'ECONNREFUSED', true],
    ['unix', 'ENOENT', true],
    ['unix', 'EACCES', false],
    ['tcp', 'ECONNREFUSED', false],
    ['ssh', 'ENOENT', false],
  ])('by %s with %s: gone is %s', (type, code, gone) => {
    expect(isHypervisorGone({ address: { type } }, refused(code))).toBe(gone);
  });

  test('for another reason is not gone', () => {
    expect(isHypervisorGone({ address: { type: 'unix' } }, new Error('ENOENT'))).toBe(false);
  });
});
