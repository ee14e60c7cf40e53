/** The QMP commands on devices (qapi/qdev.json, qapi/qom.json, qapi/char.json, qapi/pci.json). */
import { command, refusal } from '../qmp/index.js';
import type { QmpCommand } from '../qmp/index.js';
import { bool, int, oneOf, optional, str, struct, union } from '../qmp/types.js';
import type { Devices } from './devices.js';
import { getProperty, listObject } from './qom.js';

/** QAPI `SocketAddressLegacy`. */
export const socketAddress = union({ type: oneOf('inet', 'unix') }, 'type', {
  inet: {
    data: struct({
      host: str,
      port: str,
      numeric: optional(bool),
      to: optional(int),
      ipv4: optional(bool),
      ipv6: optional(bool),
      'keep-alive': optional(bool),
      mptcp: optional(bool),
    }),
  },
  unix: { data: struct({ path: str, abstract: optional(bool), tight: optional(bool) }) },
});

const backend = union({ type: oneOf('socket') }, 'type', {
  socket: {
    data: struct({
      logfile: optional(str),
      logappend: optional(bool),
      addr: socketAddress,
      server: optional(bool),
      wait: optional(bool),
      nodelay: optional(bool),
      reconnect: optional(int),
    }),
  },
});

export function deviceCommands(devices: Devices): QmpCommand[] {
  return [
    command('chardev-add', { id: str, backend }, async ({ id, backend: { data } }) => {
      if (data.server === false || data.wait !== false) {
        throw refusal('The simulated machine has sockets that listen and do not wait only');
      }
      await devices.addChardev(id, data.addr);
    }),
    command('chardev-remove', { id: str }, ({ id }) => devices.removeChardev(id)),
    command('query-chardev', {}, () => devices.queryChardevs()),
    command(
      'device_add',
      {
        driver: str,
        bus: optional(str),
        id: optional(str),
        chardev: optional(str),
        name: optional(str),
      },
      (args) => devices.addPort(args),
    ),
    command('device_del', { id: str }, ({ id }) => devices.del(id)),
    command('qom-list', { path: str }, ({ path }) => listObject(devices.root, path)),
    command('qom-get', { path: str, property: str }, ({ path, property }) =>
      getProperty(devices.root, path, property),
    ),
    command('query-pci', {}, () => devices.queryPci()),
  ];
}
