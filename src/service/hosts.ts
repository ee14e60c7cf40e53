/** Looks at hosts: shortly, with nothing changed, since a monitor serves one client at a time. */
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { CancelledError, TimeoutError, messageOf } from '../base/errors.js';
import {
  formatAddress,
  hostsFilePath,
  parseSettingsHost,
  readHosts,
  SETTINGS_HOSTS,
} from '../hypervisor/index.js';
import type { Hypervisor } from '../hypervisor/types.js';
import { labStatus } from '../lab/index.js';
import { connectionsTo, hostCalled } from '../reach/index.js';
import type { Connections } from '../reach/types.js';
import type { ServiceParts } from './parts.js';
import { faultOf, type Handlers } from './server.js';
import type { FoundHost, HostLook, ProbeInfoLook, SettingsHost } from './types.js';

/** How long a probe may take to say what it is; one that takes longer is left alone. */
const PROBE_TIMEOUT_MS = 1500;
/** Names that sockets of QEMU monitors usually have. */
const MONITOR_NAME = /qmp|monitor/i;
const MOST_FOUND = 50;
/** Of the run that a look pretends to be; nothing is made under it. */
const NO_RUN = 'look';

export function hostHandlers(
  parts: ServiceParts,
): Handlers<'host.look' | 'host.find' | 'host.settings'> {
  return {
    'host.look': async ({ host, timeoutMs }, signal) => {
      const limit = AbortSignal.timeout(timeoutMs);
      try {
        return await look(host, parts, AbortSignal.any([signal, limit]));
      } catch (error) {
        if (!(error instanceof CancelledError) || !limit.aborted || signal.aborted) throw error;
        throw new TimeoutError(`${host} did not answer within ${timeoutMs / 1000} s.`, {
          hint: 'Look whether the guest runs and its monitor is free; try again.',
          cause: error,
        });
      }
    },
    'host.find': () => findHosts(),
    'host.settings': ({ hosts }) => Promise.resolve(knowHosts(hosts)),
  };
}

async function look(host: string, parts: ServiceParts, signal: AbortSignal): Promise<HostLook> {
  const { warnings } = await hostCalled(host);
  const connections = await connectionsTo(host, NO_RUN, parts.logger);
  const hypervisor = await connections.connectHypervisor(signal);
  try {
    const { running, status } = await hypervisor.runState(signal);
    const disks = await hypervisor.disks(signal);
    return {
      hypervisor: hypervisor.name,
      running,
      status,
      disks: disks.map(({ name, size, format, image, readOnly }) => ({
        ...{ name, size, format, image, readOnly },
      })),
      probe: await lookAtProbe(hypervisor, connections, signal),
      warnings,
    };
  } finally {
    await hypervisor.close();
  }
}

/** Never fails but by `signal`: a guest without a probe is a guest. */
async function lookAtProbe(
  hypervisor: Hypervisor,
  connections: Connections,
  signal: AbortSignal,
): Promise<ProbeInfoLook> {
  const limit = AbortSignal.timeout(PROBE_TIMEOUT_MS);
  try {
    const address = await hypervisor.probeAddress(signal);
    if (!address) return { state: 'absent', reason: 'The guest has no port for a probe.' };
    const probe = await connections.connectProbe(address, AbortSignal.any([signal, limit]));
    const { method, kernel } = probe.info;
    await probe.close();
    return { state: 'connected', method, kernel };
  } catch (error) {
    if (signal.aborted) throw error;
    return limit.aborted ? { state: 'port' } : { state: 'absent', reason: messageOf(error) };
  }
}

/** Names of the hosts file, guests of the lab, and sockets that look like monitors. Connects nothing. */
async function findHosts(): Promise<readonly FoundHost[]> {
  const lab = await labStatus();
  const known = new Set(lab.flatMap(({ qmp, monitor }) => [qmp, monitor]));
  const sockets = (await Promise.all(usualFolders().map(socketsIn)))
    .flat()
    .filter((path) => !known.has(`unix:${path}`));
  return [
    ...lab.map(({ name, accelerator, workload }) => ({
      host: name,
      kind: 'lab' as const,
      detail: `${accelerator}, ${workload}`,
    })),
    ...(await fileHosts()),
    ...[...new Set(sockets)].slice(0, MOST_FOUND).map((path) => ({
      host: `unix:${path}`,
      kind: 'socket' as const,
      detail: path,
    })),
  ];
}

/** A file that is wrong is one entry, which says so: the other hosts have nothing to do with it. */
async function fileHosts(): Promise<readonly FoundHost[]> {
  const kind = 'hosts-file' as const;
  try {
    const named = await readHosts();
    return [...named.values()].map(({ name, address }) => ({
      ...{ host: name, kind, detail: formatAddress(address) },
    }));
  } catch (error) {
    const detail = hostsFilePath();
    return [{ host: basename(detail), kind, detail, fault: faultOf(error) }];
  }
}

/** Engine processes that are started from now on have them in their environment. */
function knowHosts(hosts: Readonly<Record<string, unknown>>): readonly SettingsHost[] {
  process.env[SETTINGS_HOSTS] = JSON.stringify(hosts);
  return Object.entries(hosts).map(([name, value]) => {
    try {
      return { name, address: formatAddress(parseSettingsHost(name, value).address) };
    } catch (error) {
      return { name, address: '', fault: faultOf(error) };
    }
  });
}

function usualFolders(): readonly string[] {
  const own = process.env['XDG_RUNTIME_DIR'];
  const folders = [tmpdir(), '/tmp', '/run', '/run/qemu', '/var/run/qemu-server'];
  return [...new Set(own ? [own, ...folders] : folders)];
}

/** A folder that can't be read has none. */
async function socketsIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isSocket() && MONITOR_NAME.test(entry.name))
    .map(({ name }) => join(folder, name));
}
