/** Our client against QEMU's own NBD server, in `qemu-storage-daemon` and in an emulator. */
import { truncate, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  BASE_ALLOCATION,
  connectNbd,
  formatNbdUri,
  NBD_STATE_DIRTY,
  QEMU_DIRTY_BITMAP_PREFIX,
} from '../../src/nbd/index.js';
import { pattern, readBytes, rejection, statusOf } from './support/nbd-data.js';
import { NbdQmp } from './support/nbd-qmp.js';
import { exists, NbdLab } from './support/nbd-servers.js';

const MIB = 2 ** 20;
const SIZE = 64 * MIB;
const BITMAP = `${QEMU_DIRTY_BITMAP_PREFIX}dirty`;

let lab: NbdLab;
let monitor: NbdQmp;
beforeEach(async () => {
  lab = await NbdLab.create();
});
afterEach(async () => {
  monitor.close();
  await lab.end();
});

const KINDS = ['qemu-storage-daemon', 'qemu-system-x86_64'] as const;

/** Starts QEMU with a raw disk `disk` of 64 MiB, and its NBD server. */
async function startQemu(kind: (typeof KINDS)[number]): Promise<void> {
  const image = lab.path('disk.raw');
  await writeFile(image, '');
  await truncate(image, SIZE);
  const socket = lab.path('monitor');
  const blockdev = `driver=raw,node-name=disk,discard=unmap,file.driver=file,file.filename=${image}`;
  const chardev = `socket,id=monitor,path=${socket},server=on,wait=off`;
  const args = {
    'qemu-storage-daemon': [
      '--chardev',
      chardev,
      '--monitor',
      'chardev=monitor',
      '--blockdev',
      blockdev,
    ],
    'qemu-system-x86_64': [
      '-S',
      '-machine',
      'none',
      '-nodefaults',
      '-display',
      'none',
      '-chardev',
      chardev,
      '-mon',
      'chardev=monitor,mode=control',
      '-blockdev',
      blockdev,
    ],
  }[kind];
  await lab.start(kind, args, () => exists(socket));
  monitor = await NbdQmp.connect(socket);
  await monitor.execute('nbd-server-start', {
    addr: { type: 'unix', data: { path: lab.path('nbd') } },
  });
}

const uriOf = (exportName: string): string =>
  formatNbdUri({ type: 'unix', path: lab.path('nbd'), exportName });

async function addBitmap(name: string, granularity: number): Promise<void> {
  await monitor.execute('block-dirty-bitmap-add', { node: 'disk', name, granularity });
}

async function addExport(name: string, settings: object): Promise<void> {
  await monitor.execute('block-export-add', {
    type: 'nbd',
    id: name,
    'node-name': 'disk',
    name,
    ...settings,
  });
}

describe.each(KINDS)('%s, as the specification guarantees', (kind) => {
  it('reads what is written, and refuses to write what is exported read-only', async () => {
    await startQemu(kind);
    await addExport('out', { writable: true });
    await addExport('in', { writable: false });
    const [writer, reader] = await Promise.all([connectNbd(uriOf('out')), connectNbd(uriOf('in'))]);
    expect(writer.info.readOnly).toBe(false);
    expect(reader.info.readOnly).toBe(true);
    await writer.write(MIB, [pattern(MIB, MIB)]);
    await writer.flush();
    expect((await readBytes(reader, MIB, MIB)).equals(pattern(MIB, MIB))).toBe(true);
    expect(await rejection(reader.trim(0, 512))).toMatchObject({ kind: 'usage' });
    await Promise.all([writer.close(), reader.close()]);
  });

  it('refuses an export that is not there, and lists those that are', async () => {
    await startQemu(kind);
    await addExport('one', {});
    const error = await rejection(connectNbd(uriOf('two')));
    expect(error).toMatchObject({ kind: 'nbd-option', replyType: 2 ** 31 + 6 });
    expect(error.hint).toContain('Exports there: "one"');
  });
});

describe.each(KINDS)('%s, as it merely does', (kind) => {
  it('tells what is set in a dirty bitmap, in steps of its granularity', async () => {
    await startQemu(kind);
    await addBitmap('dirty', 65_536);
    await addExport('disk', { writable: true, bitmaps: ['dirty'] });
    const metaContexts = [BASE_ALLOCATION, BITMAP];
    const connection = await connectNbd(uriOf('disk'), { metaContexts });
    expect(connection.info.metaContexts).toEqual(metaContexts);
    expect(await statusOf(connection, BITMAP)).toEqual([[0, SIZE, 0]]);
    await connection.write(65_536 + 512, [pattern(0, 512)]);
    await connection.write(10 * 65_536 - 512, [pattern(0, 1024)]);
    const dirty = (await statusOf(connection, BITMAP)).filter(([, , flags]) => flags !== 0);
    expect(dirty).toEqual([
      [65_536, 65_536, NBD_STATE_DIRTY],
      [9 * 65_536, 2 * 65_536, NBD_STATE_DIRTY],
    ]);
    const allocated = (await statusOf(connection, BASE_ALLOCATION)).filter(
      ([, , flags]) => flags === 0,
    );
    expect(allocated.length).toBeGreaterThan(0);
    await connection.close();
  });

  it('tells a bitmap with very many runs', async () => {
    await startQemu(kind);
    await addBitmap('dirty', 512);
    await addExport('disk', { writable: true, bitmaps: ['dirty'] });
    const connection = await connectNbd(uriOf('disk'), { metaContexts: [BITMAP] });
    const count = 20_000;
    await Promise.all(
      Array.from({ length: count }, (_, index) =>
        connection.write(index * 1024, [pattern(0, 512)]),
      ),
    );
    const extents = await statusOf(connection, BITMAP);
    expect(extents).toHaveLength(2 * count);
    expect(
      extents.filter(
        ([offset, length, flags]) => flags === 1 && length === 512 && offset % 1024 === 0,
      ),
    ).toHaveLength(count);
    await connection.close();
  });

  it('grants only the bitmaps that are exported', async () => {
    await startQemu(kind);
    await addExport('disk', { writable: true });
    const connection = await connectNbd(uriOf('disk'), { metaContexts: [BITMAP] });
    expect(connection.info.metaContexts).toEqual([]);
    expect(await rejection(statusOf(connection, BITMAP))).toMatchObject({ kind: 'usage' });
    await connection.close();
  });

  it('ends connections whose export is removed', async () => {
    await startQemu(kind);
    await addExport('disk', { writable: true });
    const connection = await connectNbd(uriOf('disk'));
    await connection.write(0, [pattern(0, 512)]);
    await monitor.execute('block-export-del', { id: 'disk', mode: 'hard' });
    expect(await rejection(connection.flush())).toMatchObject({ kind: 'connection-lost' });
    await connection.close();
  });

  it('takes several connections that flush for each other', async () => {
    await startQemu(kind);
    await addExport('disk', { writable: true });
    const connections = await Promise.all([1, 2, 3, 4].map(() => connectNbd(uriOf('disk'))));
    expect(connections.map(({ info }) => info.canMultiConn)).toEqual([true, true, true, true]);
    await Promise.all(
      connections.map((connection, index) =>
        connection.write(index * MIB, [pattern(index * MIB, MIB)]),
      ),
    );
    await connections[0]!.flush();
    expect((await readBytes(connections[1]!, 0, 4 * MIB)).equals(pattern(0, 4 * MIB))).toBe(true);
    await Promise.all(connections.map((connection) => connection.close()));
  });
});
