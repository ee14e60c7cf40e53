/** Sessions with NBD servers: qemu-nbd, nbdkit, and the server within QEMU. */
import { truncate, writeFile } from 'node:fs/promises';
import {
  BASE_ALLOCATION,
  connectNbd,
  QEMU_DIRTY_BITMAP_PREFIX,
  type NbdConnectOptions,
} from '../../../src/nbd/index.js';
import { NbdQmp } from '../../qemu/support/nbd-qmp.js';
import { exists, NbdLab } from '../../qemu/support/nbd-servers.js';
import { startOperations, type NbdRecording, type Operation } from '../nbd-recording.js';
import type { Store } from './store.js';
import { Tap } from './tap.js';

const MIB = 2 ** 20;
const BITMAP = `${QEMU_DIRTY_BITMAP_PREFIX}dirty`;

interface Session {
  readonly name: string;
  readonly about: string;
  readonly socket: string;
  readonly exportName?: string;
  readonly options?: Pick<NbdConnectOptions, 'metaContexts' | 'structuredReplies'>;
  readonly operations: readonly Operation[];
}

const READS: readonly Operation[] = [
  { do: 'read', offset: 0, length: 1536 },
  { do: 'read', offset: 65_536, length: 512 },
  { do: 'read', offset: 131_072 - 512, length: 1024 },
  { do: 'read', offset: 512, length: 512, whole: true },
];
const WRITES: readonly Operation[] = [
  { do: 'write', offset: 4096, length: 512 },
  { do: 'zeroes', offset: 8192, length: 4096 },
  { do: 'trim', offset: 16_384, length: 4096 },
  { do: 'flush' },
];
const status = (context: string): Operation => ({
  do: 'status',
  context,
  offset: 0,
  length: 4 * MIB,
});

async function record(lab: NbdLab, store: Store, session: Session): Promise<void> {
  const { name, about, socket, exportName = '', options = {}, operations } = session;
  await using tap = await Tap.listen(lab.path(`${name}.tap`), socket);
  const address = { type: 'unix', path: tap.path, exportName } as const;
  const save = (handshakeTurns: number) => {
    const { binary: turns } = tap.turns;
    const asked = { exportName, ...options, operations };
    const recording: NbdRecording = { about, ...asked, handshakeTurns, turns };
    store.save(name, recording);
  };
  try {
    const connection = await connectNbd(address, options);
    const handshakeTurns = tap.turns.length;
    await Promise.allSettled(startOperations(connection, operations));
    save(handshakeTurns);
    await connection.close();
  } catch {
    save(tap.turns.length);
  }
}

async function makeImage(lab: NbdLab): Promise<string> {
  const image = lab.path('disk.raw');
  await writeFile(image, Buffer.alloc(65_536, 'a block of a disk, '));
  await truncate(image, 4 * MIB);
  return image;
}

async function recordQemu(lab: NbdLab, store: Store): Promise<void> {
  const image = await makeImage(lab);
  const monitor = lab.path('monitor');
  await lab.start(
    'qemu-system-x86_64',
    [
      ...['-S', '-machine', 'none', '-nodefaults', '-display', 'none'],
      ...['-chardev', `socket,id=monitor,path=${monitor},server=on,wait=off`],
      ...['-mon', 'chardev=monitor,mode=control'],
      '-blockdev',
      `driver=raw,node-name=disk,discard=unmap,file.driver=file,file.filename=${image}`,
    ],
    () => exists(monitor),
  );
  const qmp = await NbdQmp.connect(monitor);
  const socket = lab.path('nbd');
  await qmp.execute('nbd-server-start', { addr: { type: 'unix', data: { path: socket } } });
  await qmp.execute('block-dirty-bitmap-add', { node: 'disk', name: 'dirty', granularity: 65_536 });
  const shared = { type: 'nbd', 'node-name': 'disk', name: 'disk', id: 'disk' };
  await qmp.execute('block-export-add', { ...shared, writable: true, bitmaps: ['dirty'] });
  const metaContexts = [BASE_ALLOCATION, BITMAP];
  const peer = { socket, exportName: 'disk' };
  await record(lab, store, {
    ...peer,
    name: 'nbd-qemu',
    about: "Our NBD client and QEMU's own server, with the allocation and a dirty bitmap.",
    options: { metaContexts },
    operations: [...WRITES, ...READS, status(BASE_ALLOCATION), status(BITMAP)],
  });
  await record(lab, store, {
    ...peer,
    name: 'nbd-refused',
    about: "Our NBD client and QEMU's own server, asking for an export that is not there.",
    exportName: 'other',
    operations: [],
  });
  qmp.close();
}

/** Records sessions with every server. */
export async function recordNbd(store: Store): Promise<void> {
  const lab = await NbdLab.create();
  try {
    await recordQemu(lab, store);
    const { socket } = await lab.qemuNbd(await makeImage(lab), ['--format=raw', '--shared=4']);
    await record(lab, store, {
      name: 'nbd-qemu-nbd',
      about: 'Our NBD client and qemu-nbd, with structured replies.',
      socket,
      options: { metaContexts: [BASE_ALLOCATION] },
      operations: [...READS, status(BASE_ALLOCATION), ...WRITES],
    });
    const nbdkit = await lab.nbdkit(['--filter=error', 'memory', '4M', 'error-pwrite-rate=1']);
    await record(lab, store, {
      name: 'nbd-nbdkit-simple',
      about: 'Our NBD client and nbdkit, with simple replies and writes that fail.',
      socket: nbdkit.socket,
      options: { structuredReplies: false },
      operations: [...READS, ...WRITES],
    });
  } finally {
    await lab.end();
  }
}
