/** Files and NBD exports as destinations, served by real QEMU tools. */
import { spawn } from 'node:child_process';
import { mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.js';
import { silentLogger } from '../../src/base/logger.js';
import { openFileDestination, openNbdDestination } from '../../src/hypervisor/index.js';
import type { Destination, FileDestinationOptions } from '../../src/hypervisor/index.js';
import {
  MiB,
  makeQcow2,
  makeRaw,
  makeTestDirectory,
  rawDisk,
  run,
  startQemu,
} from './support/qemu-process.js';

const size = 8 * MiB;
let directory: string;
let path: string;
let open: Destination[];

beforeEach(async () => {
  directory = await makeTestDirectory();
  path = join(directory, 'new.img');
  open = [];
});

afterEach(async () => {
  for (const destination of open) await destination.release('keep');
  await rm(directory, { recursive: true, force: true });
});

const byDaemon = {};
const byServer = { tools: { storageDaemon: 'no-such-storage-daemon' } };
const way = [
  ['qemu-storage-daemon', byDaemon],
  ['qemu-nbd', byServer],
] as const;

async function openFile(
  more: Partial<FileDestinationOptions> = {},
  at = path,
): Promise<Destination> {
  const base = { run: 'r1', size, format: 'raw', overwrite: false } as const;
  const options = { ...base, clock: systemClock, logger: silentLogger, ...more };
  const destination = await openFileDestination(at, options);
  open.push(destination);
  return destination;
}

function refusal(message: RegExp): Record<string, unknown> {
  return { kind: 'destination', message: expect.stringMatching(message) as string };
}

async function there(): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function socketDirectories(): Promise<string[]> {
  const names = await readdir(tmpdir());
  return names.filter((name) => name.startsWith('migrascope-nbd-'));
}

describe.each(way)('a file by %s', (_name, more) => {
  test.each(['raw', 'qcow2'] as const)('new, %s: takes data, and keeps it', async (format) => {
    const before = await socketDirectories();
    const destination = await openFile({ ...more, format });
    expect(destination).toMatchObject({ name: `file:${path}`, readsAsZeroes: true });
    const image = await makeRaw(join(directory, 'data.raw'), size);
    await writeFile(image, Buffer.alloc(MiB, 7), { flag: 'r+' });
    await run('nbdcopy', ['--flush', image, destination.uri]);
    await destination.release('keep');
    await destination.release('keep');
    const compare = ['compare', '-f', 'raw', '-F', format, image, path];
    expect((await run('qemu-img', compare)).stdout).toContain('identical');
    expect(await socketDirectories()).toEqual(before);
  });

  test('new: is deleted when it is discarded', async () => {
    const destination = await openFile(more);
    expect(await there()).toBe(true);
    await destination.release('discard');
    expect(await there()).toBe(false);
  });

  test('that was there is not deleted', async () => {
    await makeRaw(path, size);
    const destination = await openFile(more);
    expect(destination.readsAsZeroes).toBe(true);
    await destination.release('discard');
    expect(await there()).toBe(true);
  });

  test('with data is refused, and left alone', async () => {
    await writeFile(path, Buffer.alloc(size, 5));
    await expect(openFile(more)).rejects.toMatchObject(
      refusal(/^The image \S+ is there and holds data\.$/),
    );
    expect((await readFile(path)).every((byte) => byte === 5)).toBe(true);
  });

  test('with data is taken to be overwritten', async () => {
    await writeFile(path, Buffer.alloc(size, 5));
    expect((await openFile({ ...more, overwrite: true })).readsAsZeroes).toBe(false);
  });

  test('too small is refused', async () => {
    await makeRaw(path, size - MiB);
    await expect(openFile(more)).rejects.toMatchObject(
      refusal(/^The image \S+ is too small: 7340032 bytes/),
    );
  });

  test('of another format is refused', async () => {
    await makeRaw(path, size);
    await expect(openFile({ ...more, format: 'qcow2' })).rejects.toMatchObject(
      refusal(/^The image \S+ is there, but has not the format/),
    );
  });

  test('in use is refused', async () => {
    const guest = await startQemu(await makeTestDirectory(), rawDisk(await makeRaw(path, size)));
    try {
      await expect(openFile(more)).rejects.toMatchObject(
        refusal(/^The image \S+ is in use by somebody else/),
      );
    } finally {
      await guest.stop();
    }
  });

  test('in a folder that is not there is refused', async () => {
    await expect(openFile(more, join(directory, 'none', 'new.img'))).rejects.toMatchObject(
      refusal(/^The image \S+ can't be made: its folder does not exist/),
    );
  });

  test('where nothing can be written is refused', async () => {
    await expect(openFile(more, '/sys/new.img')).rejects.toMatchObject(
      refusal(/^The image \/sys\/new.img (is read-only or not accessible|is on a read-only)/),
    );
  });

  test('that is a folder is refused', async () => {
    const folder = join(directory, 'folder');
    await mkdir(folder);
    await expect(openFile(more, folder)).rejects.toMatchObject(
      refusal(/^The image \S+ (is neither a regular file nor a block device|can't be used)/),
    );
  });

  test('can be cancelled, and leaves nothing', async () => {
    const before = await socketDirectories();
    await expect(openFile({ ...more, signal: AbortSignal.abort() })).rejects.toMatchObject({
      kind: 'cancelled',
    });
    expect(await there()).toBe(false);
    expect(await socketDirectories()).toEqual(before);
  });
});

test('without any tool it says what to install', async () => {
  const tools = { storageDaemon: 'no-such-daemon', nbdServer: 'no-such-server' };
  await expect(openFile({ tools })).rejects.toMatchObject({
    ...refusal(/^The image \S+ can't be served: neither/),
    hint: 'Install them: apt-get install qemu-utils.',
  });
});

test('a size that no disk has is refused', async () => {
  await expect(openFile({ size: 1000 })).rejects.toMatchObject({
    kind: 'usage',
    message: "A disk of 1000 bytes can't be: it has a multiple of 512.",
  });
});

describe('an NBD export', () => {
  async function serve(
    args: readonly string[],
    use: (socket: string) => Promise<void>,
  ): Promise<void> {
    const socket = join(directory, 'nbd.sock');
    const child = spawn('qemu-nbd', ['--persistent', '--shared=0', `--socket=${socket}`, ...args]);
    const ended = new Promise((resolve) => child.once('close', resolve));
    try {
      while (!(await stat(socket).catch(() => undefined))) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await use(socket);
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
  }

  const options = { size, clock: systemClock, logger: silentLogger };
  const uri = (socket: string, name = ''): string => `nbd+unix:///${name}?socket=${socket}`;

  test('that is empty is taken', async () => {
    await makeRaw(path, size);
    await serve(['--format=raw', path], async (socket) => {
      const destination = await openNbdDestination(uri(socket), options);
      expect(destination).toMatchObject({ uri: uri(socket), readsAsZeroes: true });
      await destination.release('discard');
    });
  });

  test('that holds data is taken, and not trusted to read as zeroes', async () => {
    await makeQcow2(path, size);
    await run('qemu-io', ['-f', 'qcow2', '-c', 'write -P 3 0 64k', path]);
    await serve(['--format=qcow2', path], async (socket) => {
      expect((await openNbdDestination(uri(socket), options)).readsAsZeroes).toBe(false);
    });
  });

  test('that is read-only is refused', async () => {
    await makeRaw(path, size);
    await serve(['--read-only', '--format=raw', path], async (socket) => {
      await expect(openNbdDestination(uri(socket), options)).rejects.toMatchObject(
        refusal(/^The export nbd\+unix:\S+ is read-only\.$/),
      );
    });
  });

  test('that is too small is refused', async () => {
    await makeRaw(path, size - MiB);
    await serve(['--format=raw', path], async (socket) => {
      await expect(openNbdDestination(uri(socket), options)).rejects.toMatchObject(
        refusal(/^The export \S+ is too small: 7340032 bytes, and the disk has 8388608\.$/),
      );
    });
  });

  test('of a name that the server has not is refused', async () => {
    await makeRaw(path, size);
    await serve(['--format=raw', '--export-name=yes', path], async (socket) => {
      await expect(openNbdDestination(uri(socket, 'no'), options)).rejects.toMatchObject(
        refusal(/^The server of \S+ refuses the export: /),
      );
    });
  });

  test('that nobody serves is refused', async () => {
    await expect(openNbdDestination(uri(join(directory, 'none')), options)).rejects.toMatchObject(
      refusal(/^The export \S+ can't be reached: /),
    );
  });
});
