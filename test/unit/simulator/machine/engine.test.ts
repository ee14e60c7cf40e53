/** The engine's own way with a QEMU, as far as it goes over the monitor alone. */
import { describe, expect, test } from 'vitest';
import { silentLogger } from '../../../../src/base/logger.js';
import { addProbePort } from '../../../../src/hypervisor/qemu/guest-ports.js';
import { cancelJob, createImage } from '../../../../src/hypervisor/qemu/jobs.js';
import { findLeftovers, removeLeftovers } from '../../../../src/hypervisor/qemu/leftovers.js';
import { QemuNbdServer, addExport } from '../../../../src/hypervisor/qemu/nbd-server.js';
import { requireFree, requireTracking } from '../../../../src/hypervisor/qemu/requirements.js';
import { listDisks } from '../../../../src/hypervisor/qemu/disks.js';
import { QemuRunState } from '../../../../src/hypervisor/qemu/run-state.js';
import { QemuSession, noJournal } from '../../../../src/hypervisor/qemu/session.js';
import { sweep } from '../../../../src/hypervisor/qemu/sweep.js';
import { connect, startMachine } from './lab.js';

const run = 'r1';

async function session() {
  const lab = await startMachine();
  const { clock, qmp } = lab;
  const options = { name: 'vm', clock, logger: silentLogger, journal: noJournal };
  const place = {
    listen: { type: 'unix', data: { path: '/tmp/nbd' } },
    reached: { type: 'unix', path: '/tmp/nbd' },
    dispose: () => Promise.resolve(),
  } as const;
  const vm = new QemuSession(qmp, options);
  return { lab, vm, place, server: new QemuNbdServer(vm, () => Promise.resolve(place)) };
}

const leftoverOptions = { changes: [], reach: () => Promise.reject(new Error('not asked for')) };

describe('the engine with a simulated QEMU', () => {
  test('finds what it needs, and a disk that is free until a job works on it', async () => {
    const { lab, vm } = await session();
    await requireTracking(vm);
    const [disk] = await listDisks(lab.qmp);
    await requireFree(vm, disk!);
    await lab.run('blockdev-add', { driver: 'null-co', 'node-name': 'new' });
    const mirror = { 'job-id': 'somebody', device: 'disk0', target: 'new', sync: 'none' };
    await lab.run('blockdev-mirror', mirror);
    await expect(requireFree(vm, disk!)).rejects.toThrow('busy: the block job "somebody"');
    await cancelJob(vm, run, 'somebody').catch(() => undefined);
    await requireFree(vm, disk!);
  });

  test('makes images, and is told why one can’t be made', async () => {
    const { lab, vm } = await session();
    await createImage(vm, run, { driver: 'file', filename: '/simulated/x', size: 4096 });
    expect(lab.files.get('/simulated/x')!.image.size).toBe(4096);
    const elsewhere = { driver: 'file', filename: '/etc/x', size: 0 } as const;
    await expect(createImage(vm, run, elsewhere)).rejects.toMatchObject({
      kind: 'qmp-command',
      description: "Could not create '/etc/x': No such file or directory",
    });
    expect(await lab.run('query-jobs')).toEqual([]);
  });

  test('plugs a port for the probe in and out', async () => {
    const { lab, vm } = await session();
    await lab.run('device_del', { id: 'probe' });
    await lab.run('chardev-remove', { id: 'probe-host' });
    const listen = { type: 'unix', data: { path: '/tmp/other' } } as const;
    const port = await addProbePort(vm, run, listen, { type: 'unix', path: '/tmp/other' });
    expect(lab.host.ports.at(-1)).toMatchObject({ name: 'org.migrascope.probe.0' });
    await port.release();
    expect(lab.host.ports).toHaveLength(0);
    expect(lab.host.listening.size).toBe(0);
  });

  test('starts the NBD server for its exports, and stops it after the last', async () => {
    const { lab, vm, server } = await session();
    const lease = await server.acquire(run);
    const request = { run, purpose: 'source', node: 'disk0', writable: false };
    const made = await addExport(vm, lease, request);
    expect(made.uri).toBe('nbd+unix:///migrascope-r1-source-1?socket=/tmp/nbd');
    await made.remove();
    await made.remove();
    await lease.release();
    expect(lab.host.listening.has('{"path":"/tmp/nbd"}')).toBe(false);
  });

  test('another’s NBD server is in the way', async () => {
    const { lab, server } = await session();
    await lab.run('nbd-server-start', { addr: { type: 'unix', data: { path: '/tmp/theirs' } } });
    await expect(server.acquire(run)).rejects.toThrow(
      'An NBD server that is not ours is in the way',
    );
  });

  test('pauses and resumes, and tells its own doing from that of others', async () => {
    const { lab, vm } = await session();
    const state = new QemuRunState(vm);
    const seen: string[] = [];
    state.onGuestEvent(({ type }) => seen.push(type));
    await state.execute('cont');
    await state.execute('stop');
    const other = await connect((stream) => lab.machine.attach(stream), lab.clock);
    await other.execute('cont', {});
    await lab.qmp.execute('query-status', {});
    expect(seen).toEqual(['resumed']);
  });

  test('finds what a run left, and removes it', async () => {
    const { lab, vm, server } = await session();
    const lease = await server.acquire(run);
    await addExport(vm, lease, { run, purpose: 'source', node: 'disk0', writable: false });
    await lab.run('block-dirty-bitmap-add', { node: 'disk0', name: 'migrascope-r1-dirty-1' });
    await lab.run('blockdev-add', { driver: 'null-co', 'node-name': 'migrascope-r1-look-1' });
    const found = await findLeftovers(vm, leftoverOptions);
    expect(found.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'export migrascope-r1-source-1',
      'bitmap migrascope-r1-dirty-1',
      'node migrascope-r1-look-1',
    ]);
    const outcomes = await removeLeftovers(vm, run, leftoverOptions);
    expect(outcomes.map(({ failure }) => failure)).toEqual([undefined, undefined, undefined]);
    expect(await findLeftovers(vm, leftoverOptions)).toEqual([]);
  });

  test('sweeps by name', async () => {
    const { lab, vm } = await session();
    await lab.run('block-dirty-bitmap-add', { node: 'disk0', name: 'migrascope-r1-dirty-1' });
    await lab.run('block-dirty-bitmap-add', { node: 'disk0', name: 'migrascope-r2-dirty-1' });
    await sweep(vm, run);
    const found = await findLeftovers(vm, leftoverOptions);
    expect(found.map(({ run: other }) => other)).toEqual(['r2']);
  });
});
