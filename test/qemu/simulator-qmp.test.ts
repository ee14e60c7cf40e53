/**
 * A real QEMU and a simulated machine, side by side: the same exchanges over QMP, among them the
 * examples of bitmap transactions that QEMU documents (docs/interop/bitmaps.rst), get the same
 * answers. What may differ is named in `comparable`.
 */
import { once } from 'node:events';
import { createConnection } from 'node:net';
import type { Duplex } from 'node:stream';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.js';
import { silentLogger } from '../../src/base/logger.js';
import { SimulatedFiles, SimulatedMachine } from '../../src/simulator/machine/index.js';
import { FakeHost, MemoryImage, RawClient } from '../unit/simulator/machine/lab.js';
import { comparable } from './support/comparable.js';
import type { TestQemu } from './support/qemu-process.js';
import { makeRaw, makeTestDirectory, rawDisk, startQemu } from './support/qemu-process.js';

const DISK_BYTES = 1024 * 1024;

let directory: string;
let qemu: TestQemu;
let simulated: SimulatedMachine;
let real: RawClient;
let ours: RawClient;

beforeAll(async () => {
  directory = await makeTestDirectory();
  const path = await makeRaw(join(directory, 'disk0.raw'), DISK_BYTES);
  qemu = await startQemu(directory, [
    ...['-device', 'virtio-serial-pci,id=serial0'],
    ...rawDisk(path, { discard: 'unmap' }),
  ]);
  const socket = createConnection(qemu.monitor);
  await once(socket, 'connect');
  real = new RawClient((stream) => void stream.pipe(socket).pipe(stream));
  const createImage = ({ size }: { size: number }) => new MemoryImage(size);
  const files = new SimulatedFiles({ createImage, seed: 1, folders: [directory] });
  files.put(path, new MemoryImage(DISK_BYTES));
  simulated = await SimulatedMachine.start({
    clock: systemClock,
    logger: silentLogger,
    files,
    createImage,
    host: new FakeHost(),
    disks: [{ id: 'vd0', node: 'disk0', path, serial: 'SERIAL0' }],
  });
  ours = new RawClient((stream: Duplex) => simulated.attach(stream));
  await Promise.all([real.negotiate(), ours.negotiate()]);
});

afterAll(async () => {
  await simulated.kill();
  real.stream.destroy();
  await qemu.stop();
});

/** The next message that is no event. */
async function answer(client: RawClient): Promise<unknown> {
  for (;;) {
    const [message] = await patiently(client);
    if (message!['event'] === undefined) return comparable(message);
  }
}

async function patiently(client: RawClient): Promise<Record<string, unknown>[]> {
  const deadline = systemClock.now() + 10_000;
  while (client.messages.length === 0 && systemClock.now() < deadline) await systemClock.sleep(2);
  return client.take();
}

/** Sends the same to both, and expects the same. */
async function both(text: string): Promise<unknown> {
  real.send(text);
  ours.send(text);
  const [theirs, own] = await Promise.all([answer(real), answer(ours)]);
  expect(own, text).toEqual(theirs);
  return own;
}

const execute = (name: string, args: unknown = {}, id?: unknown): Promise<unknown> =>
  both(
    `${JSON.stringify({ execute: name, arguments: args, ...(id === undefined ? {} : { id }) })}\n`,
  );

/** Blocks of 4 KiB that the guest writes. */
async function write(first: number, count: number): Promise<void> {
  await qemu.io('vd0', `write ${first * 4096} ${count * 4096}`);
  simulated.device.writePages(first, count);
}

/** Waits until a job of both has concluded, compares what is told of it, and dismisses it. */
async function conclude(id: string): Promise<void> {
  for (const client of [real, ours]) {
    const deadline = systemClock.now() + 10_000;
    for (;;) {
      client.send('{"execute": "query-jobs"}\n');
      const { return: jobs } = (await answer(client)) as { return: { status: string }[] };
      if (jobs.every(({ status }) => status === 'concluded')) break;
      if (systemClock.now() > deadline) throw new Error(`The job ${id} does not conclude.`);
      await systemClock.sleep(5);
    }
  }
  await execute('query-jobs');
  await execute('job-dismiss', { id });
}

const action = (type: string, data: unknown) => ({ type: `block-dirty-bitmap-${type}`, data });
const node = 'disk0';

describe('the same exchanges', () => {
  test.each([
    '[1, 2}',
    '{"a" 1}',
    '{"execute": "query-status", "execute": "stop"}',
    '{"execute": nul}',
    '"\\q" ',
    '{"execute": "query-status"} ',
    '\n\n{"execute":\n"query-status",\n"id": [1.5, null, "é"]}\n',
    "{'execute': 'query-status', 'id': 18446744073709551615}",
    '7\n',
    '{}',
    '{"execute": 1}',
    '{"execute": "query-status", "arguments": []}',
    '{"execute": "query-status", "extra": 1}',
    '{"exec-oob": "query-status"}',
    '{"execute": "no-such-command"}',
    '{"execute": "qmp_capabilities"}',
    '{"execute": "block-dirty-bitmap-add", "arguments": {"node": 1}}',
    '{"execute": "block-dirty-bitmap-add", "arguments": {"node": "disk0"}}',
    '{"execute": "block-dirty-bitmap-add", "arguments": {"node": "disk0", "name": "x", "y": 1}}',
    '{"execute": "block-dirty-bitmap-add", "arguments": {"node": "disk0", "name": "x", "granularity": "1"}}',
    '{"execute": "block-dirty-bitmap-add", "arguments": {"node": "disk0", "name": "x", "granularity": -1}}',
    '{"execute": "block-dirty-bitmap-merge", "arguments": {"node": "disk0", "target": "x", "bitmaps": [1]}}',
    '{"execute": "transaction", "arguments": {"actions": [{"type": "abort"}]}}',
    '{"execute": "transaction", "arguments": {"actions": [{"type": "no-such-action"}]}}',
    '{"execute": "blockdev-add", "arguments": {"driver": "raw", "node-name": "x", "file": 1}}',
    '{"execute": "block-export-del", "arguments": {"id": "x", "mode": "soft"}}',
  ])('as JSON and as arguments: %s', async (text) => {
    await both(text);
  });

  test('on a bitmap from its making to its end', async () => {
    const bitmap = { node, name: 'bitmap0' };
    await execute('block-dirty-bitmap-add', bitmap, 1);
    await execute('block-dirty-bitmap-add', bitmap);
    await execute('block-dirty-bitmap-add', { node, name: 'bitmap1', granularity: 4096 });
    await write(0, 2);
    await write(20, 1);
    await execute('query-block');
    await execute('block-dirty-bitmap-disable', bitmap);
    await write(100, 1);
    await execute('query-block');
    await execute('block-dirty-bitmap-enable', bitmap);
    await execute('block-dirty-bitmap-clear', bitmap);
    await execute('query-block');
    await execute('block-dirty-bitmap-merge', { node, target: 'bitmap0', bitmaps: ['bitmap1'] });
    await execute('query-block');
    for (const name of ['bitmap0', 'bitmap1', 'bitmap1']) {
      await execute('block-dirty-bitmap-remove', { node, name });
    }
    for (const args of [
      { node: 'no', name: 'x' },
      { node, name: '' },
      { node, name: 'x'.repeat(1024) },
      { node, name: 'x', granularity: 1000 },
      { node, name: 'x', persistent: true },
    ]) {
      await execute('block-dirty-bitmap-add', args);
    }
    await execute('block-dirty-bitmap-clear', { node: 'no', name: 'x' });
  });

  test('in transactions, as QEMU documents them', async () => {
    const add = (name: string, more = {}) =>
      action('add', { node, name, granularity: 4096, ...more });
    await execute('transaction', { actions: [add('bitmap0'), add('bitmap1')] });
    await write(3, 1);
    await execute('transaction', {
      actions: [add('fresh'), action('clear', { node, name: 'bitmap0' })],
    });
    await execute('query-block');
    await execute('transaction', {
      actions: [
        add('copy', { disabled: true }),
        action('merge', { node, target: 'copy', bitmaps: ['bitmap1', { node, name: 'fresh' }] }),
      ],
    });
    await execute('query-block');
    for (const fault of [
      { type: 'abort', data: {} },
      add('fresh'),
      action('merge', { node, target: 'copy', bitmaps: ['bitmap1', 'no'] }),
    ]) {
      await execute('transaction', {
        actions: [
          add('new'),
          action('clear', { node, name: 'bitmap1' }),
          action('disable', { node, name: 'bitmap1' }),
          action('enable', { node, name: 'copy' }),
          action('remove', { node, name: 'fresh' }),
          fault,
        ],
      });
      await execute('query-block');
    }
    await execute('transaction', {
      actions: ['bitmap0', 'bitmap1', 'fresh', 'copy'].map((name) =>
        action('remove', { node, name }),
      ),
    });
    await execute('query-block');
  });

  test('on exports and their bitmaps', async () => {
    const nbd = (id: string, more = {}) => ({ type: 'nbd', id, 'node-name': node, ...more });
    await execute('nbd-server-stop');
    await execute('block-export-add', nbd('e'));
    const addr = { type: 'unix', data: { path: join(directory, 'nbd') } };
    await execute('nbd-server-start', { addr });
    await execute('nbd-server-start', { addr });
    await execute('block-dirty-bitmap-add', { node, name: 'b' });
    await execute('block-export-add', nbd('e', { bitmaps: ['b'] }));
    await execute('block-export-add', nbd('e', { bitmaps: ['no'] }));
    await execute('block-dirty-bitmap-disable', { node, name: 'b' });
    await execute('block-export-add', nbd('e', { bitmaps: ['b'] }));
    await execute('query-block');
    for (const verb of ['clear', 'enable', 'remove']) {
      await execute(`block-dirty-bitmap-${verb}`, { node, name: 'b' });
    }
    await execute('block-export-add', nbd('e', { name: 'other' }));
    await execute('block-export-add', nbd('other'));
    await execute('block-export-add', nbd('1', { name: 'other' }));
    await execute('block-export-add', nbd('w', { name: 'w', writable: true }));
    await execute('block-export-add', { ...nbd('x'), 'node-name': 'no' });
    await execute('query-block-exports');
    await execute('blockdev-del', { 'node-name': node });
    await execute('nbd-server-stop');
    await execute('query-block-exports');
    await execute('block-export-del', { id: 'e' });
    await execute('block-dirty-bitmap-remove', { node, name: 'b' });
  });

  test('on images, nodes and the swap of the guest’s disk', async () => {
    const filename = join(directory, 'new.raw');
    const file = { driver: 'file', filename };
    await execute('blockdev-add', { driver: 'raw', 'node-name': 'new', file });
    await execute('blockdev-create', { 'job-id': 'c', options: { ...file, size: DISK_BYTES } });
    await conclude('c');
    const lost = { driver: 'file', filename: join(directory, 'none/x'), size: 0 };
    await execute('blockdev-create', { 'job-id': 'c', options: lost });
    await conclude('c');
    await execute('blockdev-add', { driver: 'qcow2', 'node-name': 'new', file });
    await execute('blockdev-add', { driver: 'raw', file });
    await execute('blockdev-add', { driver: 'raw', 'node-name': '1', file });
    await execute('blockdev-add', { driver: 'raw', 'node-name': 'disk0', file });
    await execute('blockdev-add', { driver: 'raw', 'node-name': 'new', file });
    await execute('query-named-block-nodes', { flat: true });
    const mirror = {
      'job-id': 'm',
      device: node,
      target: 'new',
      sync: 'none',
      'auto-dismiss': false,
    };
    await execute('blockdev-mirror', { ...mirror, target: 'no' });
    await execute('blockdev-mirror', { ...mirror, target: node });
    const addr = { type: 'unix', data: { path: join(directory, 'nbd') } };
    await execute('nbd-server-start', { addr });
    await execute('block-export-add', { type: 'nbd', id: 'e', 'node-name': 'new', writable: true });
    await execute('blockdev-mirror', mirror);
    await execute('nbd-server-stop');
    await execute('blockdev-mirror', mirror);
    await execute('blockdev-del', { 'node-name': 'new' });
    await systemClock.sleep(200);
    await execute('job-dismiss', { id: 'm' });
    await execute('job-complete', { id: 'm' });
    await conclude('m');
    await execute('query-block');
    await execute('blockdev-del', { 'node-name': 'new' });
    await execute('blockdev-del', { 'node-name': node });
    await execute('job-complete', { id: 'm' });
    await execute('block-job-cancel', { device: 'm' });
  });

  test('on the run state and on objects', async () => {
    await execute('query-status');
    await execute('stop');
    await execute('query-status');
    await execute('qom-get', { path: '/machine/peripheral/vd0', property: 'serial' });
    await execute('qom-list', { path: '/machine/no' });
    await execute('device_del', { id: 'no' });
    await execute('device_del', { id: 'vd0' });
    await execute('device_add', { driver: 'no-such-device' });
    await execute('chardev-remove', { id: 'no' });
    await execute('device_add', { driver: 'virtserialport', id: 'p', chardev: 'no' });
  });
});
