/**
 * The guest's virtio-serial ports: finding the host's side of the probe's and of the guest agent's,
 * and adding a port for the probe to a running guest that was started without one.
 */
import { HypervisorError, QmpCommandError } from '../../base/errors.js';
import type { AddedPort, ProbeAddress } from '../types.js';
import type { QmpClient } from './qmp-client.js';
import type { SocketAddress } from './schema.js';
import { cleanUpTimeoutMs, saysNotThere } from './session.js';
import type { QemuSession } from './session.js';

/** Name of the probe's port, as the guest sees it under /dev/virtio-ports. */
export const probePortName = 'org.migrascope.probe.0';

/** Name of the port of qemu-guest-agent. */
export const agentPortName = 'org.qemu.guest_agent.0';

/** Where devices are that were given on the command line or plugged in. */
const deviceFolders = ['/machine/peripheral', '/machine/peripheral-anon'];

/**
 * Where the host's side of a named port listens.
 * @returns nothing when the guest has no such port.
 * @throws HypervisorError when it has, but not on a socket that listens.
 */
export async function portAddress(
  qmp: QmpClient,
  portName: string,
  signal?: AbortSignal,
): Promise<ProbeAddress | undefined> {
  for (const path of await devicesOfType(qmp, 'virtserialport', signal)) {
    const name = await qmp.execute('qom-get', { path, property: 'name' }, { signal });
    if (name !== portName) continue;
    const label = await qmp.execute('qom-get', { path, property: 'chardev' }, { signal });
    const chardevs = await qmp.execute('query-chardev', {}, { signal });
    const chardev = chardevs.find((other) => other.label === label);
    const address = chardev && parseChardev(chardev.filename);
    if (address) return address;
    throw new HypervisorError(
      `The port ${portName} of ${qmp.name} does not listen on a socket: ${chardev?.filename ?? 'it has no character device'}.`,
      { hint: 'Give it one: -chardev socket,id=ID,path=PATH,server=on,wait=off.' },
    );
  }
  return undefined;
}

/** Reads the `filename` of a listening socket from query-chardev; undefined for anything else. */
export function parseChardev(filename: string): ProbeAddress | undefined {
  const unix = /^(?:disconnected:)?unix:(.+),server=on/.exec(filename);
  if (unix) return { type: 'unix', path: unix[1]! };
  const tcp = /^(?:disconnected:)?tcp:(?:\[([^\]]+)\]|([^:]+)):([0-9]+),server=on/.exec(filename);
  const host = tcp?.[1] ?? tcp?.[2];
  if (!tcp || host === undefined) return undefined;
  return { type: 'tcp', host: anyAddress.get(host) ?? host, port: Number(tcp[3]) };
}

/** Where a socket that listens on every address is reached. */
const anyAddress = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
]);

/**
 * Adds a port for the probe to the running guest, on its virtio-serial bus.
 * @param listen where the port's host side is to listen, for QEMU; `reached` as seen from here.
 * @throws HypervisorError when the guest has no virtio-serial bus, or QEMU refuses.
 */
export async function addProbePort(
  session: QemuSession,
  run: string,
  listen: SocketAddress,
  reached: ProbeAddress,
): Promise<AddedPort> {
  const bus = await serialBus(session.qmp);
  if (bus === undefined) {
    throw new HypervisorError(`The guest of ${session.name} has no virtio-serial bus.`, {
      hint: 'Start it with -device virtio-serial-pci; the migration can go on without the probe.',
    });
  }
  const undo = session.undoStack();
  const id = `migrascope-${run}-probe`;
  try {
    const data = { addr: listen, server: true, wait: false };
    const chardev = { id, backend: { type: 'socket', data } } as const;
    await session.make(run, 'chardev-add', chardev, {
      stack: undo,
      what: `character device ${id}`,
      by: () => session.remove(run, 'chardev-remove', { id }),
    });
    const device = { driver: 'virtserialport', id, bus, chardev: id, name: probePortName };
    await session.make(run, 'device_add', device, {
      stack: undo,
      what: `port ${id}`,
      by: () => unplug(session, run, id),
    });
  } catch (error) {
    await undo.unwind();
    if (!(error instanceof QmpCommandError)) throw error;
    throw new HypervisorError(
      `A port for the probe could not be added to the guest of ${session.name}: ${error.description}.`,
      { cause: error, hint: 'The migration can go on without the probe.' },
    );
  }
  return { address: reached, release: () => undo.unwind() };
}

/** Unplugs a device and waits until it is gone; content when it is not there. */
export async function unplug(session: QemuSession, run: string, id: string): Promise<void> {
  const deleted = session.qmp.expect('DEVICE_DELETED', (data) => data.device === id, {
    timeoutMs: cleanUpTimeoutMs,
  });
  try {
    const options = { undoes: true, timeoutMs: cleanUpTimeoutMs } as const;
    await session.change(run, 'device_del', { id }, options);
  } catch (error) {
    deleted.cancel();
    if (error instanceof QmpCommandError && saysNotThere(error)) return;
    throw error;
  }
  await deleted.data;
}

/** QOM paths of all devices of a type. */
async function devicesOfType(
  qmp: QmpClient,
  type: string,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const paths: string[] = [];
  for (const folder of deviceFolders) {
    const children = await qmp.execute('qom-list', { path: folder }, { signal });
    for (const child of children) {
      if (child.type === `child<${type}>`) paths.push(`${folder}/${child.name}`);
    }
  }
  return paths;
}

/** Name of the guest's first virtio-serial bus. */
async function serialBus(qmp: QmpClient): Promise<string | undefined> {
  for (const type of ['virtio-serial-pci', 'virtio-serial-device', 'virtio-serial-ccw']) {
    for (const path of await devicesOfType(qmp, type, undefined)) {
      const device = type === 'virtio-serial-device' ? path : `${path}/virtio-backend`;
      const children = await qmp.execute('qom-list', { path: device }, {});
      const bus = children.find((child) => child.type === 'child<virtio-serial-bus>');
      if (bus) return bus.name;
    }
  }
  return undefined;
}
