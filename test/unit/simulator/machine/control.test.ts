import { describe, expect, test } from 'vitest';
import type { Guest } from '../../../../src/simulator/guest/types.js';
import { listDisks } from '../../../../src/hypervisor/qemu/disks.js';
import { portAddress } from '../../../../src/hypervisor/qemu/guest-ports.js';
import { RawClient, connect, settle, startMachine, until } from './lab.js';

/** A guest that only notes what is done to it. */
function fakeGuest(notes: string[]): Guest {
  const guest: Partial<Guest> = {
    advance: (now) => void notes.push(`advance ${now}`),
    pause: (now) => void notes.push(`pause ${now}`),
    resume: (now) => void notes.push(`resume ${now}`),
  };
  return guest as Guest;
}

describe('the machine as a whole', () => {
  test('tells its version and exactly its commands', async () => {
    const { run, qmp } = await startMachine();
    expect(qmp.version).toMatchObject({ qemu: { major: 7, minor: 2 } });
    expect(await run('query-version')).toEqual(qmp.version);
    const names = (await qmp.execute('query-commands', {})).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).not.toContain('human-monitor-command');
    for (const name of names) {
      const answer = await run(name, { surely: 'unknown' }).catch((error: unknown) => error);
      expect(answer).not.toMatchObject({ errorClass: 'CommandNotFound', description: /not been/ });
      expect(answer).toMatchObject({ kind: 'qmp-command' });
    }
    await expect(run('migrate')).rejects.toMatchObject({ errorClass: 'CommandNotFound' });
    await expect(run('human-monitor-command', { 'command-line': 'info' })).rejects.toMatchObject({
      errorClass: 'GenericError',
      description: 'The simulated machine has no human monitor',
    });
  });

  test('stands at first, runs after cont, and stands after stop', async () => {
    const lab = await startMachine();
    const notes: string[] = [];
    lab.machine.setGuest(fakeGuest(notes));
    expect(await lab.run('query-status')).toEqual({
      status: 'prelaunch',
      singlestep: false,
      running: false,
    });
    await lab.run('cont');
    await lab.run('cont');
    await lab.clock.sleep(1500);
    await lab.run('stop');
    await lab.run('stop');
    expect(await lab.run('query-status')).toMatchObject({ status: 'paused', running: false });
    expect(notes.filter((note) => !note.startsWith('advance'))).toEqual(['resume 0', 'pause 1500']);
    expect(notes.indexOf('advance 1500')).toBeLessThan(notes.indexOf('pause 1500'));
    expect(lab.events.map(({ event }) => event)).toEqual(['RESUME', 'STOP']);
    expect(lab.events[1]).toMatchObject({
      timestamp: { seconds: Date.UTC(2026, 0, 1) / 1000 + 1, microseconds: 500_000 },
    });
  });

  test('its guest powers off, and it goes on only after a reset', async () => {
    const lab = await startMachine();
    lab.machine.resume();
    lab.machine.shutDown();
    expect(lab.machine.status).toBe('shutdown');
    await expect(lab.run('cont')).rejects.toMatchObject({
      description: 'Resetting the Virtual Machine is required',
    });
    await lab.run('system_reset');
    await lab.run('system_powerdown');
    await lab.run('cont');
    lab.machine.pause();
    expect(lab.events.map(({ event, data }) => [event, data?.['guest']])).toEqual([
      ['RESUME', undefined],
      ['SHUTDOWN', true],
      ['STOP', undefined],
      ['RESET', false],
      ['POWERDOWN', undefined],
      ['RESUME', undefined],
      ['STOP', undefined],
    ]);
    expect(lab.host.pressedButtons).toEqual(['reset', 'power']);
  });

  test('quits: it answers, tells, and is gone', async () => {
    const lab = await startMachine();
    let lost = false;
    lab.qmp.onLost(() => (lost = true));
    await lab.run('quit');
    await until(() => lost);
    expect(lab.events).toMatchObject([
      { event: 'SHUTDOWN', data: { guest: false, reason: 'host-qmp-quit' } },
    ]);
    await until(() => lab.host.endedCount === 1);
    const late = new RawClient((stream) => lab.machine.attach(stream));
    await settle();
    expect(late.messages).toEqual([]);
  });

  test('has as many monitors as are wanted, one client each', async () => {
    const { machine, clock, qmp } = await startMachine();
    const other = await connect((stream) => machine.attach(stream), clock);
    await Promise.all([qmp.execute('cont', {}), other.execute('stop', {})]);
    expect(await other.execute('query-status', {})).toMatchObject({ running: false });
  });
});

describe('devices', () => {
  test('are found as the engine looks for them', async () => {
    const { qmp } = await startMachine();
    const [found, ...others] = await listDisks(qmp);
    expect(others).toEqual([]);
    expect(found).toMatchObject({
      node: 'disk0',
      qdev: '/machine/peripheral/vd0/virtio-backend',
      disk: {
        name: 'disk0',
        aliases: ['vd0', '/machine/peripheral/vd0/virtio-backend'],
        size: 1_048_576,
        format: 'raw',
        image: '/simulated/disk0.raw',
        readOnly: false,
        guestIdentity: { serial: 'SERIAL0', pci: '00:02.0' },
      },
    });
    expect(await portAddress(qmp, 'org.migrascope.probe.0')).toEqual({
      type: 'unix',
      path: '/tmp/probe',
    });
  });

  test('a port is plugged in and out, with its character device', async () => {
    const lab = await startMachine();
    const addr = { type: 'inet', data: { host: '::1', port: '7' } };
    const chardev = {
      id: 'c',
      backend: { type: 'socket', data: { addr, server: true, wait: false } },
    };
    await lab.run('chardev-add', chardev);
    const port = { driver: 'virtserialport', id: 'p', bus: 'serial0.0', chardev: 'c', name: 'n' };
    await lab.run('device_add', port);
    expect(lab.host.ports.map(({ name }) => name)).toEqual(['org.migrascope.probe.0', 'n']);
    expect(await portAddress(lab.qmp, 'n')).toEqual({ type: 'tcp', host: '::1', port: 7 });
    lab.machine.devices.setConnected('c', true);
    lab.machine.devices.setPortOpen('n', true);
    expect((await lab.qmp.execute('query-chardev', {}))[0]).toEqual({
      label: 'c',
      filename: 'tcp:[::1]:7,server=on',
      'frontend-open': true,
    });
    await expect(lab.run('chardev-remove', { id: 'c' })).rejects.toMatchObject({
      description: "Chardev 'c' is busy",
    });
    await lab.run('device_del', { id: 'p' });
    expect(lab.events).toMatchObject([
      { event: 'DEVICE_DELETED', data: { device: 'p', path: '/machine/peripheral/p' } },
    ]);
    await lab.run('chardev-remove', { id: 'c' });
    expect(lab.host.listening.size).toBe(1);
  });

  const socket = {
    type: 'socket',
    data: { addr: { type: 'unix', data: { path: '/tmp/probe' } }, server: true, wait: false },
  };
  test.each([
    [
      'chardev-add',
      { id: 'probe-host', backend: socket },
      "Chardev with id 'probe-host' already exists",
    ],
    [
      'chardev-add',
      { id: 'x', backend: socket },
      'Failed to bind socket to /tmp/probe: Address already in use',
    ],
    [
      'chardev-add',
      { id: 'x', backend: { ...socket, data: { ...socket.data, wait: true } } },
      'The simulated machine has sockets that listen',
    ],
    ['chardev-remove', { id: 'x' }, "Chardev 'x' not found"],
    ['device_add', { driver: 'e1000' }, "'e1000' is not a valid device model name"],
    ['device_add', { driver: 'virtserialport', bus: 'x' }, "Bus 'x' not found"],
    ['device_add', { driver: 'virtserialport', id: 'vd0' }, "Duplicate device ID 'vd0'"],
    [
      'device_add',
      { driver: 'virtserialport', chardev: 'x' },
      "Property 'virtserialport.chardev' can't find value 'x'",
    ],
    [
      'device_add',
      { driver: 'virtserialport', chardev: 'probe-host' },
      "Property 'virtserialport.chardev' can't take value 'probe-host': Device 'probe-host' is in use",
    ],
    ['device_del', { id: 'x' }, "Device 'x' not found"],
    ['device_del', { id: 'vd0' }, "Bus 'pcie.0' does not support hotplugging"],
    ['qom-list', { path: '/machine/x' }, "Device '/machine/x' not found"],
    [
      'qom-get',
      { path: '/machine/peripheral/vd0', property: 'x' },
      "Property 'virtio-blk-pci.x' not found",
    ],
  ])('%s %j is refused', async (command, args, beginning) => {
    const { run } = await startMachine();
    await expect(run(command, args)).rejects.toMatchObject({
      description: expect.stringContaining(beginning) as string,
      ...(beginning.startsWith('Device') ? { errorClass: 'DeviceNotFound' } : {}),
    });
  });
});
