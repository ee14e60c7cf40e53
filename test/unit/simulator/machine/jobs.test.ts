import { describe, expect, test } from 'vitest';
import { bytesOf, startMachine, until } from './lab.js';
import type { TestMachine } from './lab.js';

const mirror = {
  'job-id': 'm',
  device: 'disk0',
  target: 'new',
  sync: 'none',
  'auto-dismiss': false,
};

async function withTarget(size?: number): Promise<TestMachine> {
  const lab = await startMachine();
  lab.files.create('/simulated/new', size ?? lab.image.size);
  const file = { driver: 'file', filename: '/simulated/new' };
  await lab.run('blockdev-add', { driver: 'raw', 'node-name': 'new', file });
  return lab;
}

const statuses = ({ events }: TestMachine): unknown[] =>
  events.map(({ event, data }) => (event === 'JOB_STATUS_CHANGE' ? data!['status'] : event));

describe('a mirror', () => {
  test('brings what the guest writes, and on completion swaps the guest’s disk', async () => {
    const lab = await withTarget();
    const target = bytesOf(lab.files.get('/simulated/new')?.image);
    await lab.run('block-dirty-bitmap-add', { node: 'new', name: 'on-new', granularity: 4096 });
    lab.machine.device.writePages(0, 1);
    await lab.run('blockdev-mirror', mirror);
    await until(() => statuses(lab).includes('BLOCK_JOB_READY'));
    lab.machine.device.writePages(1, 1);
    expect([...target.subarray(4095, 4097)]).toEqual([0, 2]);
    expect((await lab.qmp.execute('query-block', {}))[0]!.inserted!['node-name']).toBe('disk0');
    await lab.run('job-complete', { id: 'm' });
    await until(() => statuses(lab).includes('concluded'));
    expect(statuses(lab)).toEqual([
      'created',
      'running',
      'ready',
      'BLOCK_JOB_READY',
      'waiting',
      'pending',
      'BLOCK_JOB_COMPLETED',
      'concluded',
    ]);
    lab.machine.device.writePages(2, 1);
    expect([lab.image.bytes[8192], target[8192]]).toEqual([0, 3]);
    const [block] = await lab.qmp.execute('query-block', {});
    expect(block!.inserted).toMatchObject({
      'node-name': 'new',
      'dirty-bitmaps': [{ name: 'on-new', count: 8192 }],
    });
    expect(await lab.run('query-block-jobs')).toMatchObject([{ device: 'm', status: 'concluded' }]);
    await lab.run('job-dismiss', { id: 'm' });
    expect(await lab.run('query-jobs')).toEqual([]);
    await lab.run('blockdev-del', { 'node-name': 'disk0' });
    await expect(lab.run('blockdev-del', { 'node-name': 'new' })).rejects.toMatchObject({
      description: 'Node new is in use',
    });
  });

  test.each([
    ['job-cancel', { id: 'm' }, ['aborting', 'BLOCK_JOB_CANCELLED', 'concluded']],
    [
      'block-job-cancel',
      { device: 'm', force: true },
      ['aborting', 'BLOCK_JOB_CANCELLED', 'concluded'],
    ],
    [
      'block-job-cancel',
      { device: 'm' },
      ['waiting', 'pending', 'BLOCK_JOB_COMPLETED', 'concluded'],
    ],
  ])('%s %j leaves the guest its disk', async (command, args, ending) => {
    const lab = await withTarget();
    await lab.run('blockdev-mirror', { ...mirror, 'auto-dismiss': true });
    await until(() => statuses(lab).includes('BLOCK_JOB_READY'));
    await lab.run(command, args);
    await until(() => statuses(lab).includes('null'));
    expect(statuses(lab).slice(4)).toEqual([...ending, 'null']);
    lab.machine.device.writePages(0, 1);
    expect(bytesOf(lab.files.get('/simulated/new')?.image)[0]).toBe(0);
    await lab.run('blockdev-del', { 'node-name': 'new' });
  });

  test('that is not ready yet is cancelled before it is', async () => {
    const lab = await withTarget();
    await lab.run('blockdev-mirror', mirror);
    await lab.run('job-cancel', { id: 'm' }).catch(() => undefined);
    await until(() => statuses(lab).includes('concluded'));
    await expect(lab.run('job-cancel', { id: 'm' })).rejects.toMatchObject({
      description: "Job 'm' in state 'concluded' cannot accept command verb 'cancel'",
    });
    await expect(lab.run('job-complete', { id: 'm' })).rejects.toMatchObject({
      description: "Job 'm' in state 'concluded' cannot accept command verb 'complete'",
    });
  });

  test('holds its nodes, and a second one is not had', async () => {
    const lab = await withTarget();
    await lab.run('blockdev-mirror', mirror);
    const again = { ...mirror, 'job-id': 'm2' };
    await expect(lab.run('blockdev-mirror', again)).rejects.toMatchObject({
      description: 'Need a root block node',
    });
    await lab.run('blockdev-add', { driver: 'null-co', 'node-name': 'other' });
    await expect(lab.run('blockdev-mirror', { ...again, device: 'other' })).rejects.toMatchObject({
      description: "Node 'new' is busy: block device is in use by block job: mirror",
    });
    await expect(lab.run('blockdev-del', { 'node-name': 'new' })).rejects.toMatchObject({
      description: 'Node new is in use',
    });
    await expect(lab.run('job-dismiss', { id: 'm' })).rejects.toMatchObject({
      description: expect.stringMatching(/cannot accept command verb 'dismiss'$/) as string,
    });
  });

  test.each([
    [{ target: 'disk0' }, "Can't mirror node into itself"],
    [{ device: 'no' }, "Cannot find device='no' nor node-name='no'"],
    [{ target: 'no' }, "Cannot find device='no' nor node-name='no'"],
    [{ 'job-id': '1' }, "Invalid job ID '1'"],
    [{ 'job-id': undefined }, "Invalid job ID ''"],
    [{ sync: 'full' }, "The simulated machine mirrors with sync 'none' only"],
    [{ sync: 'some' }, "Parameter 'sync' does not accept value 'some'"],
    [{ replaces: 'x' }, "The simulated machine mirrors without 'replaces'"],
    [{ target: 'ro' }, 'Block node is read-only'],
    [
      { target: 'exported' },
      "Permission conflict on node 'exported': permissions 'consistent read, write' are both required by an unnamed block device (uses node 'exported' as 'root' child) and unshared by an unnamed block device (uses node 'exported' as 'root' child).",
    ],
  ])('%j is refused, and holds nothing', async (change, beginning) => {
    const lab = await withTarget();
    await lab.run('nbd-server-start', { addr: { type: 'unix', data: { path: '/tmp/nbd' } } });
    await lab.run('blockdev-add', { driver: 'null-co', 'node-name': 'exported' });
    await lab.run('blockdev-add', { driver: 'null-co', 'node-name': 'ro', 'read-only': true });
    await lab.run('block-export-add', {
      type: 'nbd',
      id: 'e',
      'node-name': 'exported',
      writable: true,
    });
    await expect(lab.run('blockdev-mirror', { ...mirror, ...change })).rejects.toMatchObject({
      description: expect.stringContaining(beginning) as string,
    });
    expect(await lab.run('query-jobs')).toEqual([]);
    await lab.run('blockdev-mirror', mirror);
  });

  test('exports of the source go over to the target', async () => {
    const lab = await withTarget();
    await lab.run('nbd-server-start', { addr: { type: 'unix', data: { path: '/tmp/nbd' } } });
    await lab.run('block-export-add', { type: 'nbd', id: 'e', 'node-name': 'disk0' });
    await lab.run('blockdev-mirror', mirror);
    await until(() => statuses(lab).includes('BLOCK_JOB_READY'));
    await lab.run('job-complete', { id: 'm' });
    await until(() => statuses(lab).includes('concluded'));
    expect(await lab.run('query-block-exports')).toMatchObject([{ id: 'e', 'node-name': 'new' }]);
    await lab.run('nbd-server-stop');
  });
});

describe('jobs', () => {
  test('that are not there are named', async () => {
    const { run } = await startMachine();
    for (const command of ['job-cancel', 'job-complete', 'job-dismiss']) {
      await expect(run(command, { id: 'no' })).rejects.toMatchObject({
        errorClass: 'GenericError',
        description: 'Job not found',
      });
    }
    await expect(run('block-job-cancel', { device: 'no' })).rejects.toMatchObject({
      errorClass: 'DeviceNotActive',
      description: "Block job 'no' not found",
    });
  });

  test('have ids of their own', async () => {
    const { run } = await startMachine();
    const options = { driver: 'file', filename: '/simulated/x', size: 0 };
    await run('blockdev-create', { 'job-id': 'c', options });
    await expect(run('blockdev-create', { 'job-id': 'c', options })).rejects.toMatchObject({
      description: "Job ID 'c' already in use",
    });
  });
});
