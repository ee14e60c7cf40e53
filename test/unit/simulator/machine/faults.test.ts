import { describe, expect, test } from 'vitest';
import { settle, startMachine } from './lab.js';

const signal = new AbortController().signal;
const addr = { type: 'unix', data: { path: '/tmp/nbd' } };

async function exportedDisk() {
  const lab = await startMachine();
  await lab.run('nbd-server-start', { addr });
  await lab.run('block-export-add', { type: 'nbd', id: 'one', name: 'one', 'node-name': 'disk0' });
  return { ...lab, storage: lab.host.nbd[0]!.served.get('one')!.storage };
}

describe('faults on demand', () => {
  test('a bad place fails what touches it, and is made good again', async () => {
    const { machine, storage } = await exportedDisk();
    const mend = machine.faults.spoil({ node: 'disk0', offset: 8192, length: 512, access: 'read' });
    await expect(storage.read(4096, 8192, signal)).rejects.toMatchObject({
      kind: 'nbd-command',
      errno: 5,
      message: expect.stringMatching(/^The read at 4096 of disk0 failed on demand/) as string,
    });
    expect(await storage.read(0, 8192, signal)).toHaveLength(1);
    await storage.writeZeroes(8192, 512, { fua: false, mayTrim: true, fast: false }, signal);
    mend();
    expect(await storage.read(4096, 8192, signal)).toHaveLength(1);
  });

  test('a slow disk takes its time, for the bytes too', async () => {
    const { machine, storage, clock } = await exportedDisk();
    machine.faults.slowness = { requestMs: 10, bytesPerSecond: 4096 };
    const before = clock.now();
    await storage.read(0, 8192, signal);
    expect(clock.now() - before).toBe(2010);
    await storage.flush(signal);
    expect(clock.now() - before).toBe(2020);
  });

  test('a command is refused as told, so many times', async () => {
    const { machine, run } = await startMachine();
    const fault = { type: 'refuse', description: 'No room', errorClass: 'DeviceNotFound' } as const;
    machine.faults.failCommand('query-jobs', fault, 2);
    for (let time = 0; time < 2; time++) {
      await expect(run('query-jobs')).rejects.toMatchObject({
        errorClass: 'DeviceNotFound',
        description: 'No room',
      });
    }
    expect(await run('query-jobs')).toEqual([]);
  });

  test('a command that hangs holds up all monitors, as in QEMU', async () => {
    const { machine, run, qmp } = await startMachine();
    machine.faults.failCommand('stop', { type: 'hang' });
    let settled = 0;
    void run('stop').then(
      () => (settled += 1),
      () => (settled += 1),
    );
    await settle();
    await expect(qmp.execute('query-status', {}, { timeoutMs: 50 })).rejects.toMatchObject({
      kind: 'timeout',
    });
    expect(settled).toBe(0);
  });

  test('the NBD server dies, and QEMU can be asked still', async () => {
    const lab = await exportedDisk();
    await lab.machine.killNbdServer();
    expect(lab.host.nbd[0]!.closed).toBe(true);
    await lab.run('nbd-server-stop');
    await lab.run('nbd-server-start', { addr });
  });

  test('QEMU dies: monitors are lost, and nothing listens any more', async () => {
    const lab = await exportedDisk();
    await lab.machine.kill();
    await lab.machine.kill();
    expect(lab.host.endedCount).toBe(1);
    expect(lab.host.listening.size).toBe(0);
    await expect(lab.run('query-status')).rejects.toMatchObject({ kind: 'connection-lost' });
    expect(lab.machine.ended).toBe(true);
  });
});
