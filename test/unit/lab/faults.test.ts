/** What can be made to go wrong with a simulated host, on one in memory. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock, type Clock } from '../../../src/base/clock.js';
import { silentLogger } from '../../../src/base/logger.js';
import { DESTINATION_URI, Laboratory } from '../../../src/experiment/laboratory.js';
import { workloadGuest } from '../../../src/experiment/index.js';
import { HostFaults, type FaultValues } from '../../../src/lab/faults.js';
import { SimulatedClock, workloadCalled } from '../../../src/simulator/index.js';

const MIB = 1024 ** 2;
const DISK = 64 * MIB;
const SPEED = 4;

async function start(probe: boolean, clock: Clock = new SimulatedClock()): Promise<Laboratory> {
  const recipe = { diskBytes: DISK, cacheBytes: 16 * MIB, seed: 1, rate: 1 };
  const guest = workloadGuest(workloadCalled('idle'), recipe);
  return Laboratory.create({
    ...{ clock, logger: silentLogger, size: DISK, seed: 1, probe },
    createGuest: (device) => guest.create(device),
  });
}

let lab: Laboratory;
let faults: HostFaults;
beforeEach(async () => {
  lab = await start(true);
  faults = new HostFaults(lab.host, SPEED);
});
afterEach(() => lab.close());

const destination = () => lab.connections().connectNbd(DESTINATION_URI, {});

/** Asks the monitor something. */
async function ask(command: 'query-status' | 'query-jobs'): Promise<unknown> {
  const hypervisor = await lab.connectHypervisor(new AbortController().signal);
  try {
    return await hypervisor.session.qmp.execute(command, {});
  } finally {
    await hypervisor.close();
  }
}

describe('a fault, and nothing wrong any more', () => {
  it('destination-dies: who writes to it loses it, and it has what it had later', async () => {
    const before = await destination();
    await before.write(0, [Buffer.alloc(4096, 7)]);
    await faults.set('destination-dies', {});
    await expect(before.read(0, 4096)).rejects.toMatchObject({ kind: 'connection-lost' });
    await expect(destination()).rejects.toThrow();
    await faults.set('none', {});
    await faults.set('none', {});
    const after = await destination();
    const pieces = await after.read(0, 4096);
    expect(pieces.length).toBeGreaterThan(0);
    await after.close();
  });

  it('network-cut: connections break, and later ones are not concerned', async () => {
    const before = await destination();
    expect(await faults.set('network-cut', {})).toBe('Connections that were broken: 1.');
    await expect(before.read(0, 4096)).rejects.toMatchObject({ kind: 'connection-lost' });
    const after = await destination();
    await after.close();
  });

  it('bandwidth: in real time, and back to what it was', async () => {
    expect(await faults.set('bandwidth', { bytesPerSecond: MIB })).toBe(
      'The network carries 1048576 bytes in a second.',
    );
    expect(lab.host.network.settings.bytesPerSecond).toBe(SPEED * MIB);
    await faults.set('none', {});
    expect(lab.host.network.settings.bytesPerSecond).toBe(Infinity);
  });

  it('slow-disk: in real time', async () => {
    await faults.set('slow-disk', { delayMs: 20 });
    expect(lab.host.machine.faults.slowness).toEqual({ requestMs: 20 * SPEED });
    await faults.set('none', {});
    expect(lab.host.machine.faults.slowness).toBeUndefined();
  });

  it('read-error: at a place of the disk that the guest has now', async () => {
    await faults.set('read-error', { at: MIB });
    const { faults: wrong } = lab.host.machine;
    const bad = (offset: number, length = 1, access: 'read' | 'write' = 'read') =>
      wrong.isBad('disk0', offset, length, access);
    expect([bad(MIB), bad(MIB + 4095), bad(MIB + 4096), bad(MIB - 1)]).toEqual([
      ...[true, true, false, false],
    ]);
    expect(bad(MIB, 1, 'write')).toBe(false);
    await faults.set('read-error', { at: DISK - 1, length: 1 });
    expect(bad(DISK - 1)).toBe(true);
    await faults.set('none', {});
    expect([bad(MIB), bad(DISK - 1)]).toEqual([false, false]);
  });

  it('probe-hangs, probe-dies, probe-restarts', async () => {
    const { probe } = lab.host;
    await faults.set('probe-hangs', {});
    expect(probe!.faults.hangs).toBe(true);
    await faults.set('none', {});
    expect(probe!.faults.hangs).toBe(false);
    await faults.set('probe-dies', {});
    expect(probe!.isAlive).toBe(false);
    await faults.set('probe-restarts', {});
    expect(probe!.isAlive).toBe(true);
    await faults.set('probe-dies', {});
    await faults.set('none', {});
    expect(probe!.isAlive).toBe(true);
  });

  it('command-fails: once', async () => {
    await faults.set('command-fails', { command: 'query-jobs' });
    await expect(ask('query-jobs')).rejects.toThrow('Refused on demand');
    expect(await ask('query-jobs')).toEqual([]);
  });

  it('command-hangs: until all is put right', async () => {
    const real = await start(false, systemClock);
    try {
      const hypervisor = await real.connectHypervisor(new AbortController().signal);
      const wrong = new HostFaults(real.host, 1);
      await wrong.set('command-hangs', { command: 'query-jobs' });
      const answer = hypervisor.session.qmp.execute('query-jobs', {});
      const first = await Promise.race([answer, systemClock.sleep(50).then(() => 'nothing')]);
      expect(first).toBe('nothing');
      await wrong.set('none', {});
      expect(await answer).toEqual([]);
      await hypervisor.close();
    } finally {
      await real.close();
    }
  });

  it('nbd-dies: does nothing where there is none', async () => {
    expect(await faults.set('nbd-dies', {})).toContain('NBD server is dead');
    expect(await ask('query-status')).toMatchObject({ status: 'running' });
  });
});

describe('what can’t be', () => {
  it.each<[string, FaultValues, string]>([
    ['probe-hang', {}, 'There is no fault "probe-hang". Did you mean "probe-hangs"?'],
    ['toString', {}, 'There is no fault "toString".'],
    ['slow-disk', {}, "The fault can't have undefined as its delay in milliseconds."],
    ['slow-disk', { delayMs: -1 }, "The fault can't have -1 as its delay"],
    ['slow-disk', { delayMs: Infinity }, "The fault can't have Infinity as its delay"],
    ['bandwidth', { bytesPerSecond: 0 }, "The fault can't have 0 as its bytes a second."],
    ['read-error', { at: DISK }, "The fault can't have 67108864 as its place in bytes."],
    ['read-error', { at: 0, length: DISK + 1 }, "The fault can't have 67108865 as its length"],
    ['command-fails', {}, 'The fault needs the name of a QMP command'],
    ['command-fails', { command: 'a b' }, 'The fault needs the name of a QMP command'],
  ])('%s with %j', async (name, values, start) => {
    await expect(faults.set(name, values)).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringMatching(start.replace(/[.?"]/g, '\\$&')) as string,
    });
  });

  it('anything about a probe where there is none', async () => {
    const without = await start(false);
    try {
      const wrong = new HostFaults(without.host, 1);
      await expect(wrong.set('probe-dies', {})).rejects.toMatchObject({ kind: 'usage' });
      expect(await wrong.set('none', {})).toBe('Nothing is wrong with it any more.');
    } finally {
      await without.close();
    }
  });
});
