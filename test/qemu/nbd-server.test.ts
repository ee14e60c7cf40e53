/** Our NBD server and clients that nobody here wrote: libnbd's tools, QEMU's, and fio. */
import { open, readFile, truncate, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { setTimeout as delay } from 'node:timers/promises';
import { connectNbd } from '../../src/nbd/index.js';
import { PAGE } from '../unit/nbd-server/support/memory-storage.js';
import { pattern, readBytes } from './support/nbd-data.js';
import { NbdQmp } from './support/nbd-qmp.js';
import { exists, NbdLab, run } from './support/nbd-servers.js';
import { BITMAP, serveNbd, type ServedNbd } from './support/served-nbd.js';

const MIB = 2 ** 20;
const SIZE = 64 * MIB;

let lab: NbdLab;
beforeEach(async () => {
  lab = await NbdLab.create();
});
afterEach(() => lab.end());

/** A file of the disk's size with data in the middle. */
async function image(name: string): Promise<string> {
  const file = lab.path(name);
  await writeFile(file, '');
  await truncate(file, SIZE);
  const handle = await open(file, 'r+');
  await handle.write(pattern(0, 3 * MIB), 0, 3 * MIB, 5 * MIB);
  await handle.write(pattern(7, PAGE), 0, PAGE, SIZE - PAGE);
  await handle.close();
  return file;
}

/** Puts the same on a served disk. */
function fill({ storage }: ServedNbd): void {
  storage.put(5 * MIB, pattern(0, 3 * MIB));
  storage.put(SIZE - PAGE, pattern(7, PAGE));
}

interface Extent {
  readonly offset: number;
  readonly length: number;
  readonly type: number;
}

const mapOf = async (...args: string[]): Promise<number[][]> => {
  const extents = JSON.parse(await run('nbdinfo', '--json', ...args)) as Extent[];
  return extents.map(({ offset, length, type }) => [offset, length, type]);
};

const json = async (command: string, ...args: string[]): Promise<unknown> =>
  // fio says a line of its own first.
  JSON.parse((await run(command, ...args)).replace(/^fio:.*\n/gm, ''));

describe("libnbd's tools, as the specification guarantees", () => {
  it.each(['uri', 'tcpUri'] as const)('nbdinfo sees the export (%s)', async (how) => {
    const served = await serveNbd(lab, SIZE);
    const told = await json('nbdinfo', '--json', served[how]);
    expect(told).toMatchObject({
      protocol: 'newstyle-fixed',
      TLS: false,
      structured: true,
      exports: [
        {
          'export-name': 'disk',
          'export-size': SIZE,
          description: 'A disk of a test',
          contexts: ['base:allocation', BITMAP],
          is_read_only: false,
          can_flush: true,
          can_fua: true,
          can_multi_conn: true,
          can_trim: true,
        },
      ],
    });
  });

  it('nbdinfo sees what a read-only export can not do', async () => {
    const { uri } = await serveNbd(lab, SIZE, true);
    const told = (await json('nbdinfo', '--json', uri)) as { exports: object[] };
    expect(told.exports[0]).toMatchObject({ is_read_only: true, can_trim: false });
  });

  it('nbdinfo lists the exports', async () => {
    const served = await serveNbd(lab, SIZE);
    const { storage } = served;
    const terms = { storage, readOnly: true, metaContexts: [], canMultiConn: false };
    served.server.addExport({ name: 'second', ...terms });
    const told = (await json('nbdinfo', '--list', '--json', served.uri)) as {
      exports: { 'export-name': string }[];
    };
    expect(told.exports.map((one) => one['export-name'])).toEqual(['disk', 'second']);
  });

  it('nbdinfo --map tells allocation and a dirty bitmap', async () => {
    const served = await serveNbd(lab, SIZE);
    fill(served);
    expect(await mapOf('--map', served.uri)).toEqual([
      [0, 5 * MIB, 3],
      [5 * MIB, 3 * MIB, 0],
      [8 * MIB, 56 * MIB - PAGE, 3],
      [SIZE - PAGE, PAGE, 0],
    ]);
    expect(await mapOf(`--map=${BITMAP}`, served.tcpUri)).toEqual([
      [0, 5 * MIB, 0],
      [5 * MIB, 3 * MIB, 1],
      [8 * MIB, 56 * MIB - PAGE, 0],
      [SIZE - PAGE, PAGE, 1],
    ]);
  });

  it('nbdcopy copies from it and to it', async () => {
    const served = await serveNbd(lab, SIZE);
    fill(served);
    const out = lab.path('out.raw');
    await run('nbdcopy', served.uri, out);
    expect((await readFile(out)).equals(served.storage.bytes)).toBe(true);
    served.storage.put(20 * MIB, pattern(3, MIB));
    await run('nbdcopy', '--flush', out, served.tcpUri);
    expect((await readFile(out)).equals(served.storage.bytes)).toBe(true);
  });
});

describe("libnbd's tools, as they merely do", () => {
  it('nbdcopy connects several times at once, and flushes at the end', async () => {
    const served = await serveNbd(lab, SIZE);
    let most = 0;
    served.storage.onCall = () => {
      most = Math.max(most, served.server.clientsOf('disk').length);
    };
    await run('nbdcopy', '--connections=4', '--flush', await image('in.raw'), served.uri);
    // As many as it has threads, which are as many as the machine has cores.
    expect(most).toBeGreaterThan(1);
    expect(served.storage.calls).toContain('flush');
  });
});

describe("QEMU's tools, as the specification guarantees", () => {
  it('qemu-img converts from it and to it, and compares', async () => {
    const served = await serveNbd(lab, SIZE);
    fill(served);
    const out = lab.path('out.raw');
    await run('qemu-img', 'convert', '-f', 'raw', '-O', 'raw', served.uri, out);
    expect((await readFile(out)).equals(served.storage.bytes)).toBe(true);
    await run('qemu-img', 'compare', '-f', 'raw', '-F', 'raw', served.tcpUri, out);
    served.storage.put(30 * MIB, pattern(1, MIB));
    const differs = run('qemu-img', 'compare', '-f', 'raw', '-F', 'raw', served.uri, out);
    await expect(differs).rejects.toMatchObject({ code: 1 });
    await run('qemu-img', 'convert', '-n', '-f', 'raw', '-O', 'raw', out, served.uri);
    expect((await readFile(out)).equals(served.storage.bytes)).toBe(true);
  });

  it('qemu-img maps what is allocated', async () => {
    const served = await serveNbd(lab, SIZE);
    fill(served);
    const map = (await json(
      'qemu-img',
      'map',
      '--output=json',
      '-f',
      'raw',
      served.uri,
    )) as QemuExtent[];
    expect(map.filter(({ data }) => data).map(({ start, length }) => [start, length])).toEqual([
      [5 * MIB, 3 * MIB],
      [SIZE - PAGE, PAGE],
    ]);
    expect(map.filter(({ data }) => !data).every(({ zero }) => zero)).toBe(true);
  });

  it('qemu-io writes and reads patterns, zeroes, discards and flushes', async () => {
    const served = await serveNbd(lab, SIZE);
    const io = (...commands: string[]) =>
      run(
        'qemu-io',
        '-f',
        'raw',
        '-d',
        'unmap',
        ...commands.flatMap((one) => ['-c', one]),
        served.uri,
      );
    await io(
      'write -P 0x5a 64k 1M',
      'write -f -P 0xa5 513 1023',
      'read -P 0x5a 64k 1M',
      'read -P 0xa5 513 1023',
      'write -z 128k 64k',
      'read -P 0 128k 64k',
      'write -z -u 256k 64k',
      'discard 512k 128k',
      'flush',
    );
    const { bytes, calls } = served.storage;
    expect(bytes.subarray(64 * 1024, 128 * 1024).every((byte) => byte === 0x5a)).toBe(true);
    expect(bytes.subarray(128 * 1024, 192 * 1024).every((byte) => byte === 0)).toBe(true);
    expect(bytes.subarray(513, 1536).every((byte) => byte === 0xa5)).toBe(true);
    expect(calls).toContain('flush');
    expect(calls).toContain(`trim ${512 * 1024}+${128 * 1024}`);
    expect(calls).toContain(`zeroes ${128 * 1024}+65536 fua`);
    expect(calls).toContain(`zeroes ${256 * 1024}+65536 fua mayTrim`);
  });

  it('qemu-io is told why a command fails', async () => {
    const served = await serveNbd(lab, SIZE);
    served.storage.onCall = (call) => {
      if (call.startsWith('read 1048576')) throw new Error('A bad block.');
    };
    const reading = run('qemu-io', '-f', 'raw', '-c', 'read 1M 4k', served.uri);
    await expect(reading).rejects.toThrow();
    await run('qemu-io', '-f', 'raw', '-c', 'read 2M 4k', served.uri);
  });
});

interface QemuExtent {
  readonly start: number;
  readonly length: number;
  readonly zero: boolean;
  readonly data: boolean;
}

describe("QEMU's tools, as they merely do", () => {
  it('qemu-img shows the set parts of a dirty bitmap as holes', async () => {
    const served = await serveNbd(lab, SIZE);
    fill(served);
    const options = `driver=nbd,server.type=unix,server.path=${served.path},export=disk`;
    const bitmap = `${options},x-dirty-bitmap=${BITMAP}`;
    const map = (await json(
      'qemu-img',
      'map',
      '--output=json',
      '--image-opts',
      bitmap,
    )) as QemuExtent[];
    expect(map.filter(({ data }) => !data).map(({ start, length }) => [start, length])).toEqual([
      [5 * MIB, 3 * MIB],
      [SIZE - PAGE, PAGE],
    ]);
  });
});

describe('fio, as the specification guarantees', () => {
  it.each([
    ['uri', 4096],
    ['tcpUri', 65_536],
  ] as const)('writes at random and verifies (%s, blocks of %i)', async (how, block) => {
    const served = await serveNbd(lab, SIZE);
    const told = await json(
      'fio',
      '--name=verify',
      '--ioengine=nbd',
      `--uri=${served[how]}`,
      '--rw=randwrite',
      `--bs=${block}`,
      '--size=32M',
      '--iodepth=32',
      '--verify=crc32c',
      '--verify_fatal=1',
      '--verify_state_save=0',
      '--output-format=json',
    );
    const [job] = (told as { jobs: FioJob[] }).jobs;
    expect(job).toMatchObject({ error: 0 });
    expect(job!.write.io_bytes).toBe(32 * MIB);
    expect(job!.read.io_bytes).toBe(32 * MIB);
    expect(served.storage.bytes.subarray(0, 32 * MIB).includes(Buffer.alloc(512))).toBe(false);
  });
});

interface FioJob {
  readonly error: number;
  readonly read: { readonly io_bytes: number };
  readonly write: { readonly io_bytes: number };
}

const QEMUS = {
  'qemu-storage-daemon': ['--chardev', '--monitor', 'chardev=monitor'],
  'qemu-system-x86_64': ['-chardev', '-mon', 'chardev=monitor,mode=control'],
} as const;
const EMULATOR = ['-S', '-machine', 'none', '-nodefaults', '-display', 'none'];

/** Starts a QEMU that has opened the export `disk` as the block node `remote`. */
async function startQemu(kind: keyof typeof QEMUS, served: ServedNbd): Promise<NbdQmp> {
  const socket = lab.path('monitor');
  const [chardev, monitor, how] = QEMUS[kind];
  const base = kind === 'qemu-system-x86_64' ? EMULATOR : [];
  const where = `socket,id=monitor,path=${socket},server=on,wait=off`;
  await lab.start(kind, [...base, chardev, where, monitor, how], () => exists(socket));
  const qmp = await NbdQmp.connect(socket);
  await qmp.execute('blockdev-add', {
    driver: 'nbd',
    'node-name': 'remote',
    export: 'disk',
    server: { type: 'unix', path: served.path },
  });
  return qmp;
}

describe.each(['qemu-storage-daemon', 'qemu-system-x86_64'] as const)(
  '%s, as the specification guarantees',
  (kind) => {
    it('opens the export, copies to it and from it, and leaves it', async () => {
      const served = await serveNbd(lab, SIZE);
      const source = await image('source.raw');
      const qmp = await startQemu(kind, served);
      await qmp.execute('blockdev-add', {
        driver: 'raw',
        'node-name': 'local',
        file: { driver: 'file', filename: source },
      });
      await copy(qmp, 'local', 'remote');
      expect((await readFile(source)).equals(served.storage.bytes)).toBe(true);
      served.storage.put(40 * MIB, pattern(5, MIB));
      await copy(qmp, 'remote', 'local');
      await qmp.execute('blockdev-del', { 'node-name': 'local' });
      expect((await readFile(source)).equals(served.storage.bytes)).toBe(true);
      expect(served.server.clientsOf('disk')).toHaveLength(1);
      await qmp.execute('blockdev-del', { 'node-name': 'remote' });
      while (served.server.clientsOf('disk').length > 0) await delay(10);
      await served.server.removeExport('disk', { hard: false });
      qmp.close();
    });

    it('offers the export again, to our own client', async () => {
      const served = await serveNbd(lab, SIZE);
      fill(served);
      const qmp = await startQemu(kind, served);
      const path = lab.path('again');
      await qmp.execute('nbd-server-start', { addr: { type: 'unix', data: { path } } });
      const again = { type: 'nbd', id: 'again', 'node-name': 'remote', name: 'again' };
      await qmp.execute('block-export-add', { ...again, writable: true });
      const client = await connectNbd({ type: 'unix', path, exportName: 'again' });
      expect((await readBytes(client, 5 * MIB, MIB)).equals(pattern(0, MIB))).toBe(true);
      await client.write(50 * MIB, [pattern(9, MIB)], { fua: true });
      await client.writeZeroes(6 * MIB, MIB, { mayTrim: true });
      await client.flush();
      expect(served.storage.bytes.subarray(50 * MIB, 51 * MIB).equals(pattern(9, MIB))).toBe(true);
      expect(served.storage.bytes.subarray(6 * MIB, 7 * MIB).equals(Buffer.alloc(MIB))).toBe(true);
      await client.close();
      qmp.close();
    });
  },
);

async function copy(qmp: NbdQmp, from: string, to: string): Promise<void> {
  const job = { 'job-id': 'copy', device: from, target: to, sync: 'full' };
  await qmp.execute('blockdev-backup', { ...job, 'auto-dismiss': false });
  for (;;) {
    const [state] = (await qmp.execute('query-jobs')) as { status: string; error?: string }[];
    if (state?.status === 'concluded') {
      expect(state.error).toBeUndefined();
      await qmp.execute('job-dismiss', { id: 'copy' });
      return;
    }
    await delay(20);
  }
}
