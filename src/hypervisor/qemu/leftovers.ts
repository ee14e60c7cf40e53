/**
 * What runs left in a QEMU, found by its names, and removed in the order in which it hangs together:
 *
 *   jobs                cancelled, awaited, dismissed     they hold nodes
 *   exports             softly, else hard; awaited        they hold nodes and bitmaps
 *   the NBD server      only where the run's journal has its address, somebody serves NBD there, and
 *                       no export of anybody else is on it
 *   bitmaps, nodes      a node that a device of the guest uses is no leftover, whatever its name
 *   devices             unplugged, awaited                they hold character devices
 *   character devices
 */
import { throwIfCancelled } from '../../base/cancel.js';
import {
  ConnectionLostError,
  HypervisorError,
  NbdOptionError,
  QmpCommandError,
  messageOf,
} from '../../base/errors.js';
import { connectNbd, formatNbdUri } from '../../nbd/index.js';
import { addedNodes, serverAddresses } from '../aftermath/changes.js';
import type { HostChange, Leftover, LeftoverOutcome } from '../types.js';
import type { Endpoint } from './dial.js';
import { formatEndpoint } from './dial.js';
import { unplug } from './guest-ports.js';
import { cancelJob } from './jobs.js';
import { removeExport } from './nbd-server.js';
import type { SocketAddress } from './schema.js';
import { cleanUpTimeoutMs } from './session.js';
import type { QemuSession } from './session.js';

type QemuKind = Exclude<Leftover['kind'], 'process' | 'folder'>;

/** The order in which they are found and removed. */
const KINDS: readonly QemuKind[] = [
  'job',
  'export',
  'nbd-server',
  'bitmap',
  'node',
  'device',
  'character-device',
];

/** Names that a run makes; its id has no hyphen. */
const NAME = /^migrascope-([a-z0-9]{1,8})-./;

export interface LeftoverOptions {
  /** What journals say was done to this QEMU. */
  readonly changes: readonly HostChange[];
  /** From here, the address at which QEMU listens. @throws ConnectError when there is no way. */
  readonly reach: (address: Endpoint) => Promise<Endpoint>;
  readonly signal?: AbortSignal | undefined;
}

/** As `Hypervisor.leftovers`. */
export async function findLeftovers(
  session: QemuSession,
  options: LeftoverOptions,
): Promise<readonly Leftover[]> {
  const found: Leftover[] = [];
  for (const kind of KINDS) found.push(...(await findKind(session, kind, options)));
  return found;
}

/** As `Hypervisor.removeLeftovers`. Errors as `QmpClient.execute` where QEMU can't be asked. */
export async function removeLeftovers(
  session: QemuSession,
  run: string,
  options: LeftoverOptions & { readonly kinds?: readonly Leftover['kind'][] },
): Promise<readonly LeftoverOutcome[]> {
  const outcomes: LeftoverOutcome[] = [];
  for (const kind of KINDS) {
    if (options.kinds?.includes(kind) === false) continue;
    const found = await findKind(session, kind, options);
    for (const leftover of found.filter((each) => each.run === run)) {
      throwIfCancelled(options.signal, `Removing what run ${run} left on ${session.name}`);
      outcomes.push(await tryToRemove(session, leftover));
    }
  }
  return outcomes;
}

async function tryToRemove(session: QemuSession, leftover: Leftover): Promise<LeftoverOutcome> {
  try {
    await remove(session, leftover);
    return { leftover };
  } catch (error) {
    if (error instanceof ConnectionLostError) throw error;
    return { leftover, failure: messageOf(error) };
  }
}

function remove(session: QemuSession, { kind, run, name, on }: Leftover): Promise<void> {
  switch (kind) {
    case 'job':
      return cancelJob(session, run, name);
    case 'export':
      return removeExportSoftly(session, run, name);
    case 'nbd-server':
      return stopServer(session, run);
    case 'bitmap':
      return session.remove(run, 'block-dirty-bitmap-remove', { node: on!, name });
    case 'node':
      return session.remove(run, 'blockdev-del', { 'node-name': name });
    case 'device':
      return unplug(session, run, name);
    case 'character-device':
      return session.remove(run, 'chardev-remove', { id: name });
    case 'process':
    case 'folder':
      throw new HypervisorError(`${name} is not in ${session.name}.`);
  }
}

async function findKind(
  session: QemuSession,
  kind: QemuKind,
  options: LeftoverOptions,
): Promise<Leftover[]> {
  const { qmp } = session;
  const asked = { signal: options.signal };
  switch (kind) {
    case 'job':
      return named(
        kind,
        (await qmp.execute('query-jobs', {}, asked)).map(({ id }) => id),
      );
    case 'export': {
      const exports = await qmp.execute('query-block-exports', {}, asked);
      return exports.flatMap((each) => named(kind, [each.id], each['node-name']));
    }
    case 'nbd-server':
      return findServers(session, options);
    case 'bitmap': {
      const nodes = await qmp.execute('query-named-block-nodes', { flat: true }, asked);
      return nodes.flatMap((node) => {
        const names = (node['dirty-bitmaps'] ?? []).map((bitmap) => bitmap.name ?? '');
        return named(kind, names, node['node-name']);
      });
    }
    case 'node':
      return findNodes(session, options);
    case 'device': {
      const folder = await qmp.execute('qom-list', { path: '/machine/peripheral' }, asked);
      return named(
        kind,
        folder.map(({ name }) => name),
      );
    }
    case 'character-device': {
      const devices = await qmp.execute('query-chardev', {}, asked);
      return named(
        kind,
        devices.map(({ label }) => label),
      );
    }
  }
}

/** Of some names those that a run made. */
function named(kind: QemuKind, names: readonly string[], on?: string): Leftover[] {
  return names.flatMap((name) => {
    const run = NAME.exec(name)?.[1];
    return run === undefined ? [] : [{ kind, name, run, ...(on === undefined ? {} : { on }) }];
  });
}

/** Nodes that runs named, or added by their journals, except those that the guest uses. */
async function findNodes(
  { qmp, name: host }: QemuSession,
  { changes, signal }: LeftoverOptions,
): Promise<Leftover[]> {
  const nodes = await qmp.execute('query-named-block-nodes', { flat: true }, { signal });
  const blocks = await qmp.execute('query-block', {}, { signal });
  const used = new Set(blocks.map(({ inserted }) => inserted?.['node-name']));
  const added = new Map<string, string>();
  for (const change of changes) {
    if (change.host !== host || change.run === undefined) continue;
    for (const name of addedNodes([change])) added.set(name, change.run);
  }
  return nodes.flatMap((node) => {
    const name = node['node-name'];
    if (name === undefined || used.has(name)) return [];
    const run = added.get(name);
    return run === undefined ? named('node', [name]) : [{ kind: 'node', name, run }];
  });
}

/** The NBD server, where it listens at a place that only a run knew. */
async function findServers(session: QemuSession, options: LeftoverOptions): Promise<Leftover[]> {
  for (const change of options.changes) {
    const { run } = change;
    if (change.host !== session.name || run === undefined) continue;
    for (const address of serverAddresses([change])) {
      const place = endpointOf(address);
      if (!(await servesNbd(session, place, options))) continue;
      return [{ kind: 'nbd-server', name: formatEndpoint(place), run }];
    }
  }
  return [];
}

function endpointOf({ type, data }: SocketAddress): Endpoint {
  if (type === 'unix') return { type, path: data.path };
  return { type: 'tcp', host: data.host, port: Number(data.port) };
}

async function servesNbd(
  { options: { clock, logger, dial } }: QemuSession,
  place: Endpoint,
  { reach, signal }: LeftoverOptions,
): Promise<boolean> {
  try {
    const uri = formatNbdUri({ ...(await reach(place)), exportName: 'migrascope' });
    const options = { clock, logger, dial, ...(signal ? { signal } : {}) };
    (await connectNbd(uri, options)).destroy();
    return true;
  } catch (error) {
    return error instanceof NbdOptionError;
  }
}

/** @throws HypervisorError when somebody else has an export on it. */
async function stopServer(session: QemuSession, run: string): Promise<void> {
  const exports = await session.qmp.execute('query-block-exports', {});
  const others = exports.filter(({ type }) => type === 'nbd').map(({ id }) => id);
  if (others.length > 0)
    throw new HypervisorError(`There are exports on it still: ${others.join(', ')}.`);
  await session.remove(run, 'nbd-server-stop', {});
}

/** Who reads it still is asked by nobody, but not cut off either as long as QEMU can tell. */
async function removeExportSoftly(session: QemuSession, run: string, id: string): Promise<void> {
  const options = { undoes: true, timeoutMs: cleanUpTimeoutMs } as const;
  const deleted = session.qmp.expect('BLOCK_EXPORT_DELETED', (data) => data.id === id, options);
  try {
    await session.change(run, 'block-export-del', { id, mode: 'safe' }, options);
    await deleted.data;
  } catch (error) {
    deleted.cancel();
    if (!(error instanceof QmpCommandError)) throw error;
    await removeExport(session, run, id);
  }
}
