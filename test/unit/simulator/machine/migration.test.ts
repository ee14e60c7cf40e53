/** The engine's whole way with a simulated QEMU, NBD included: over sockets, and in real time. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../../../src/base/clock.js';
import { silentLogger } from '../../../../src/base/logger.js';
import { connectQemu, resolveHost } from '../../../../src/hypervisor/index.js';
import { NbdServer, connectNbd } from '../../../../src/nbd/index.js';
import { SimulatedFiles, SimulatedMachine } from '../../../../src/simulator/machine/index.js';
import type { Listener, MachineHost } from '../../../../src/simulator/machine/index.js';
import { MemoryImage, bytesOf } from './lab.js';

const base = { clock: systemClock, logger: silentLogger };

function listen(path: string, serve: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(serve);
    server.on('error', reject);
    server.listen(path, () => resolve(server));
  });
}

const host: MachineHost = {
  async listen(address, purpose): Promise<Listener> {
    if (address.type !== 'unix') throw new Error('Only sockets of the file system here.');
    const server = await listen(address.data.path, (socket) => {
      if (purpose.type === 'nbd') void purpose.server.serve(socket, 'the engine');
    });
    return { close: () => Promise.resolve(void server.close()) };
  },
  createNbdServer: () => new NbdServer(base),
};

async function startMachine() {
  const createImage = ({ size }: { size: number }) => new MemoryImage(size);
  const files = new SimulatedFiles({ createImage, seed: 1 });
  const path = '/simulated/disk0.raw';
  files.create(path, 2 ** 20);
  const disks = [{ id: 'vd0', node: 'disk0', path }];
  const machine = await SimulatedMachine.start({ ...base, files, createImage, host, disks });
  machine.resume();
  return { machine, bytes: (name: string) => bytesOf(files.get(name)?.image) };
}

test('tracks, flips, makes images, copies, and swaps the guest’s disk', async () => {
  const { machine, bytes } = await startMachine();
  const directory = await mkdtemp(join(tmpdir(), 'migrascope-test-'));
  const monitor = machine.addMonitor();
  const server = await listen(join(directory, 'qmp'), (socket) => monitor.attach(socket));
  const hypervisor = await connectQemu(await resolveHost(`unix:${join(directory, 'qmp')}`), base);
  const [disk] = await hypervisor.disks();
  const source = await hypervisor.openSource(disk!, { run: 'r1', granularity: 4096 });
  await source.startTracking();
  machine.device.writePages(20, 3);
  const seen: number[][] = [];
  await source.flip((offset, length) => seen.push([offset, length]));
  expect(seen).toEqual([[20 * 4096, 3 * 4096]]);
  const image = { run: 'r1', overwrite: false } as const;
  const other = { ...image, path: '/simulated/new.qcow2', format: 'qcow2' } as const;
  await (await hypervisor.openPivot(source, other)).release('discard');
  const path = '/simulated/new.raw';
  const pivot = await hypervisor.openPivot(source, { ...image, path, format: 'raw' });
  expect(pivot.readsAsZeroes).toBe(true);
  const connection = await connectNbd(pivot.uri, base);
  await connection.write(0, [bytes('/simulated/disk0.raw')]);
  await connection.close();
  await hypervisor.pause();
  expect(await pivot.switchOver()).toBe('disk0.r1');
  expect((await hypervisor.disks())[0]).toMatchObject({ image: path, name: 'disk0.r1' });
  expect(bytes(path).equals(bytes('/simulated/disk0.raw'))).toBe(true);
  await hypervisor.resume();
  await pivot.release('keep');
  await source.release();
  expect(await hypervisor.leftovers([])).toEqual([]);
  await hypervisor.close();
  await machine.quit();
  server.close();
  await rm(directory, { recursive: true });
});
