import { describe, expect, test } from 'vitest';
import { startMachine, until } from './lab.js';
import type { TestMachine } from './lab.js';

const address = (path = '/tmp/nbd') => ({ type: 'unix', data: { path } });
const signal = new AbortController().signal;

async function serving(): Promise<TestMachine> {
  const lab = await startMachine();
  await lab.run('nbd-server-start', { addr: address() });
  return lab;
}

const exported = (id: string, more = {}) => ({
  type: 'nbd',
  id,
  name: id,
  'node-name': 'disk0',
  ...more,
});

describe('the NBD server of a machine', () => {
  test('is one, listens where it is told to, and is stopped with its exports', async () => {
    const lab = await serving();
    expect([...lab.host.listening]).toContainEqual(['{"path":"/tmp/nbd"}', 'nbd']);
    await expect(lab.run('nbd-server-start', { addr: address('/tmp/two') })).rejects.toMatchObject({
      description: 'NBD server already running',
    });
    await lab.run('block-export-add', exported('one'));
    await lab.run('nbd-server-stop');
    expect(lab.events.map(({ event }) => event)).toEqual(['BLOCK_EXPORT_DELETED']);
    expect(lab.host.listening.has('{"path":"/tmp/nbd"}')).toBe(false);
    expect(lab.host.nbd[0]!.closed).toBe(true);
    expect(await lab.run('query-block-exports')).toEqual([]);
    await expect(lab.run('nbd-server-stop')).rejects.toMatchObject({
      description: 'NBD server not running',
    });
  });

  test.each([
    [address('/tmp/probe'), 'Failed to bind socket to /tmp/probe: Address already in use'],
    [
      { type: 'inet', data: { host: 'h', port: '1' } },
      'Failed to find an available port: Address already in use',
    ],
  ])('%j is taken already', async (addr, description) => {
    const lab = await startMachine();
    lab.host.listening.set('{"host":"h","port":"1"}', 'nbd');
    await expect(lab.run('nbd-server-start', { addr })).rejects.toMatchObject({ description });
    expect(lab.host.nbd[0]!.closed).toBe(true);
    await lab.run('nbd-server-start', { addr: address() });
  });
});

describe('exports', () => {
  test('read, write, zero and trim the node behind them, and tell of its holes', async () => {
    const lab = await serving();
    await lab.run('blockdev-add', {
      driver: 'null-co',
      'node-name': 'new',
      size: 65_536,
      discard: 'unmap',
    });
    await lab.run('block-dirty-bitmap-add', { node: 'new', name: 'seen', granularity: 4096 });
    await lab.run(
      'block-export-add',
      exported('new', { 'node-name': 'new', writable: true, bitmaps: ['seen'] }),
    );
    const served = lab.host.nbd[0]!.served.get('new')!;
    expect(served).toMatchObject({
      readOnly: false,
      canMultiConn: true,
      metaContexts: ['base:allocation', 'qemu:dirty-bitmap:seen'],
    });
    const { storage } = served;
    await storage.write(4096, [Buffer.from('ab'), Buffer.from('c')], { fua: true }, signal);
    await storage.writeZeroes(8192, 4096, { fua: false, mayTrim: false, fast: false }, signal);
    await storage.trim(12_288, 4096, { fua: false }, signal);
    await storage.flush(signal);
    const [piece] = await storage.read(4096, 3, signal);
    expect(piece).toEqual({ hole: false, data: Buffer.from('abc') });
    const seen: Record<string, number[][]> = {};
    for (const context of served.metaContexts) {
      await storage.status(
        context,
        0,
        20_480,
        (...run) => Boolean((seen[context] ??= []).push(run)),
        signal,
      );
    }
    expect(seen).toEqual({
      'base:allocation': [
        [0, 4096, 3],
        [4096, 4096, 0],
        [8192, 4096, 0],
        [12_288, 4096, 3],
        [16_384, 4096, 3],
      ],
      'qemu:dirty-bitmap:seen': [
        [0, 4096, 0],
        [4096, 12_288, 1],
        [16_384, 4096, 0],
      ],
    });
  });

  test('make their bitmaps busy until they are gone', async () => {
    const lab = await serving();
    const bitmap = { node: 'disk0', name: 'a' };
    await lab.run('block-dirty-bitmap-add', { ...bitmap, disabled: true });
    await lab.run('block-export-add', exported('one', { bitmaps: ['a'] }));
    const busy = {
      description: "Bitmap 'a' is currently in use by another operation and cannot be used",
    };
    for (const verb of ['remove', 'clear', 'enable', 'disable']) {
      await expect(lab.run(`block-dirty-bitmap-${verb}`, bitmap)).rejects.toMatchObject(busy);
    }
    await expect(
      lab.run('block-export-add', exported('two', { bitmaps: ['a'] })),
    ).rejects.toMatchObject(busy);
    await lab.run('block-export-del', { id: 'one', mode: 'hard' });
    await until(() => lab.events.some(({ event }) => event === 'BLOCK_EXPORT_DELETED'));
    await lab.run('block-dirty-bitmap-remove', bitmap);
  });

  test('with clients go only by force', async () => {
    const lab = await serving();
    await lab.run('block-export-add', exported('one'));
    const nbd = lab.host.nbd[0]!;
    nbd.clients.set('one', ['somebody']);
    await expect(lab.run('block-export-del', { id: 'one' })).rejects.toMatchObject({
      description: "export 'one' still in use",
    });
    let finish = (): void => undefined;
    nbd.removeExport = () => new Promise((resolve) => (finish = resolve));
    await lab.run('block-export-del', { id: 'one', mode: 'hard' });
    expect(await lab.run('query-block-exports')).toEqual([
      { id: 'one', type: 'nbd', 'node-name': 'disk0', 'shutting-down': true },
    ]);
    await expect(lab.run('block-export-del', { id: 'one', mode: 'hard' })).rejects.toMatchObject({
      description: "Export 'one' is already shutting down",
    });
    finish();
    await until(() => lab.events.length > 0);
    expect(lab.events).toMatchObject([{ event: 'BLOCK_EXPORT_DELETED', data: { id: 'one' } }]);
  });

  test.each([
    [exported('1'), 'Invalid block export id'],
    [exported('taken'), "Block export id 'taken' is already in use"],
    [exported('other', { name: 'taken' }), "NBD server already has export named 'taken'"],
    [exported('x', { 'node-name': 'no' }), "Cannot find device='' nor node-name='no'"],
    [
      exported('x', { 'node-name': 'ro', writable: true }),
      'Cannot export read-only node as writable',
    ],
    [exported('x', { name: 'n'.repeat(4097) }), "export name 'n"],
    [exported('x', { description: 'd'.repeat(4097) }), "description 'd"],
    [exported('x', { bitmaps: ['no'] }), "Bitmap 'no' is not found"],
    [exported('x', { bitmaps: [{ node: 'disk0', name: 'no' }] }), "Dirty bitmap 'no' not found"],
    [exported('x', { bitmaps: ['on'] }), "Enabled bitmap 'on' incompatible with readonly export"],
    [exported('x', { type: 'fuse' }), "Parameter 'type' does not accept value 'fuse'"],
    [
      exported('x', { writable: true }),
      "Permission conflict on node 'disk0': permissions 'write' are both required by an unnamed block device (uses node 'disk0' as 'root' child) and unshared by block device '/machine/peripheral/vd0/virtio-backend' (uses node 'disk0' as 'root' child).",
    ],
  ])('%j is refused', async (args, beginning) => {
    const lab = await serving();
    await lab.run('block-dirty-bitmap-add', { node: 'disk0', name: 'on' });
    await lab.run('blockdev-add', { driver: 'null-co', 'node-name': 'ro', 'read-only': true });
    await lab.run('block-export-add', exported('taken'));
    await expect(lab.run('block-export-add', args)).rejects.toMatchObject({
      description: expect.stringContaining(beginning) as string,
    });
    expect(await lab.run('query-block-exports')).toHaveLength(1);
    expect((await lab.qmp.execute('query-block', {}))[0]!.inserted).toMatchObject({
      'dirty-bitmaps': [{ name: 'on', busy: false }],
    });
  });

  test('need a server, and a known id to go', async () => {
    const lab = await startMachine();
    await expect(lab.run('block-export-add', exported('x'))).rejects.toMatchObject({
      description: 'NBD server not running',
    });
    await expect(lab.run('block-export-del', { id: 'x' })).rejects.toMatchObject({
      description: "Export 'x' is not found",
    });
  });
});
