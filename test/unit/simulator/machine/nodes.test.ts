import { describe, expect, test } from 'vitest';
import { startMachine, until } from './lab.js';
import type { TestMachine } from './lab.js';

const file = (filename: string) => ({ driver: 'file', filename });

async function createFile({ run, events }: TestMachine, id: string, options: unknown) {
  await run('blockdev-create', { 'job-id': id, options });
  const concluded = () =>
    events.some(
      ({ event, data }) =>
        event === 'JOB_STATUS_CHANGE' && data?.['id'] === id && data['status'] === 'concluded',
    );
  await until(concluded);
  const jobs = (await run('query-jobs')) as { id: string; error?: string }[];
  await run('job-dismiss', { id });
  return jobs.find((job) => job.id === id)?.error;
}

async function namesOf({ qmp }: TestMachine): Promise<unknown[]> {
  const nodes = await qmp.execute('query-named-block-nodes', { flat: true });
  return nodes.map((node) => node['node-name']);
}

describe('block nodes', () => {
  test('are made over files that were made, in both formats', async () => {
    const lab = await startMachine();
    const path = '/simulated/new.img';
    expect(
      await createFile(lab, 'c1', { driver: 'file', filename: path, size: 0 }),
    ).toBeUndefined();
    const qcow2 = { driver: 'qcow2', file: file(path), size: 65_536 };
    expect(await createFile(lab, 'c2', qcow2)).toBeUndefined();
    expect(lab.files.paths).toContain(path);
    await lab.run('blockdev-add', { driver: 'qcow2', 'node-name': 'new', file: file(path) });
    const nodes = await lab.qmp.execute('query-named-block-nodes', { flat: true });
    expect(nodes[0]).toMatchObject({
      'node-name': 'new',
      drv: 'qcow2',
      ro: false,
      file: path,
      image: { filename: path, format: 'qcow2', 'virtual-size': 65_536 },
      cache: { writeback: true, direct: false, 'no-flush': false },
    });
    expect(nodes[1]).toMatchObject({ drv: 'file', image: { 'virtual-size': 196_608 } });
    await lab.run('blockdev-del', { 'node-name': 'new' });
    expect(await namesOf(lab)).toHaveLength(2);
    expect(lab.files.unlink(path)).toBe(true);
  });

  test('of format raw show less of their file when told, and pass its cache mode', async () => {
    const lab = await startMachine();
    await createFile(lab, 'c', { driver: 'file', filename: '/simulated/x', size: 8192 });
    const node = { driver: 'raw', 'node-name': 'x', file: file('/simulated/x') };
    await lab.run('blockdev-add', { ...node, size: 4096, cache: { direct: true } });
    const nodes = await lab.qmp.execute('query-named-block-nodes', { flat: true });
    expect(nodes[0]).toMatchObject({
      image: { 'virtual-size': 4096 },
      cache: { direct: true },
      detect_zeroes: 'off',
    });
  });

  test.each([
    [{ driver: 'null-co' }, "'node-name' must be specified for the root node"],
    [{ driver: 'raw', 'node-name': 'x' }, "Parameter 'file' is missing"],
    [
      { driver: 'raw', 'node-name': 'x', file: 1 },
      "Invalid parameter type for 'file', expected: BlockdevRef",
    ],
    [
      { driver: 'raw', 'node-name': 'x', file: { driver: 'file' } },
      "Parameter 'file.filename' is missing",
    ],
    [{ driver: 'raw', 'node-name': 'x', file: 'no' }, "Cannot find device='' nor node-name='no'"],
    [{ driver: 'null-co', 'node-name': '1' }, "Invalid node-name: '1'"],
    [{ driver: 'null-co', 'node-name': 'disk0' }, "Duplicate nodes with node-name='disk0'"],
    [{ driver: 'null-co', 'node-name': 'n'.repeat(32) }, 'Node name too long'],
    [{ driver: 'nbd', 'node-name': 'x' }, "Parameter 'driver' does not accept value 'nbd'"],
    [
      { driver: 'raw', 'node-name': 'x', file: file('/simulated/no') },
      "Could not open '/simulated/no': No such file or directory",
    ],
    [
      { driver: 'raw', 'node-name': 'x', file: file('/simulated') },
      "'file' driver requires '/simulated' to be a regular file",
    ],
    [
      {
        driver: 'raw',
        'node-name': 'x',
        file: { driver: 'host_device', filename: '/simulated/disk0.raw' },
      },
      "'host_device' driver requires '/simulated/disk0.raw' to be either a character or block device",
    ],
    [
      { driver: 'raw', 'node-name': 'x', file: file('/simulated/secret') },
      "Could not open '/simulated/secret': Permission denied",
    ],
    [
      { driver: 'qcow2', 'node-name': 'x', 'read-only': true, file: file('/simulated/spare') },
      'Image is not in qcow2 format',
    ],
    [
      { driver: 'raw', 'node-name': 'x', size: 2 ** 30, file: file('/simulated/spare') },
      'The sum of offset (0) and size (1073741824) has to be smaller or equal to the  actual size',
    ],
    [
      { driver: 'raw', 'node-name': 'x', size: 100, file: file('/simulated/spare') },
      'Specified size is not multiple of 512',
    ],
  ])('%j is refused, and leaves nothing', async (args, beginning) => {
    const lab = await startMachine();
    lab.files.create('/simulated/spare', 8192);
    lab.files.refuse('/simulated/secret', 'Permission denied');
    await expect(lab.run('blockdev-add', args)).rejects.toMatchObject({
      description: expect.stringContaining(beginning) as string,
    });
    expect(await namesOf(lab)).toHaveLength(2);
  });

  test.each([
    [
      { driver: 'file', filename: '/elsewhere/x', size: 0 },
      "Could not create '/elsewhere/x': No such file or directory",
    ],
    [
      { driver: 'file', filename: '/simulated/full', size: 0 },
      "Could not create '/simulated/full': No space left on device",
    ],
    [
      { driver: 'qcow2', file: file('/simulated/no'), size: 512 },
      "Could not open '/simulated/no': No such file or directory",
    ],
    [
      { driver: 'qcow2', file: file('/simulated/no'), size: 513 },
      'Image size must be a multiple of 512 bytes',
    ],
  ])('making %j fails as a job', async (options, error) => {
    const lab = await startMachine();
    lab.files.refuse('/simulated/full', 'No space left on device');
    expect(await createFile(lab, 'c', options)).toBe(error);
    expect(lab.events.map(({ data }) => data?.['status'])).toEqual([
      'created',
      'running',
      'aborting',
      'concluded',
      'null',
    ]);
  });

  test('a file that somebody writes is not had for writing by another', async () => {
    const lab = await startMachine();
    const image = file('/simulated/disk0.raw');
    await lab.run('blockdev-add', { driver: 'raw', 'node-name': 'two', file: image });
    await lab.run('nbd-server-start', { addr: { type: 'unix', data: { path: '/tmp/nbd' } } });
    const two = { type: 'nbd', id: 'two', 'node-name': 'two' };
    await lab.run('block-export-add', { ...two, id: 'reader' });
    await expect(
      lab.run('block-export-add', { ...two, name: 'w', writable: true }),
    ).rejects.toMatchObject({ description: 'Failed to get "write" lock' });
  });

  test.each([
    ['no', "Failed to find node with node-name='no'"],
    ['disk0', 'Node disk0 is in use'],
    ['below', 'Block device below is in use'],
  ])('%s is not removed', async (node, description) => {
    const lab = await startMachine();
    lab.files.create('/simulated/below', 8192);
    await lab.run('blockdev-add', { ...file('/simulated/below'), 'node-name': 'below' });
    await lab.run('blockdev-add', { driver: 'raw', 'node-name': 'above', file: 'below' });
    await expect(lab.run('blockdev-del', { 'node-name': node })).rejects.toMatchObject({
      description,
    });
    await lab.run('blockdev-del', { 'node-name': 'above' });
    await lab.run('blockdev-del', { 'node-name': 'below' });
  });

  test('one that QEMU made is not removed by name', async () => {
    const lab = await startMachine();
    const own = (await namesOf(lab))[1];
    expect(own).toMatch(/^#block\d+$/);
    await expect(lab.run('blockdev-del', { 'node-name': own })).rejects.toMatchObject({
      description: `Node ${String(own)} is not owned by the monitor`,
    });
  });
});

describe('the graph of block nodes', () => {
  test('tells who has what', async () => {
    const lab = await startMachine();
    const { nodes, edges } = await lab.qmp.execute('x-debug-query-block-graph', {});
    const named = new Map(nodes.map(({ id, name }) => [id, name]));
    const uses = edges.map(({ parent, child }) => [named.get(parent), named.get(child)]);
    expect(uses).toContainEqual(['/machine/peripheral/vd0/virtio-backend', 'disk0']);
    expect(uses).toContainEqual(['disk0', (await namesOf(lab))[1]]);
  });
});
