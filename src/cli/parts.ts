/** How the command reaches a host, a guest's probe and a destination: the layers below, put together. */
import { readBuiltProbe } from '../base/built-files.js';
import { systemClock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import { createLease, type Lease, type RunFolder } from '../engine/index.js';
import {
  connectQemu,
  openFileDestination,
  openNbdDestination,
  probePortName,
  resolveHost,
  parseAddress,
  type Host,
  type Journal,
} from '../hypervisor/index.js';
import { labStatus } from '../lab/index.js';
import { connectNbd, SlabPool } from '../nbd/index.js';
import { connectProbe, uploadProbe } from '../probe/index.js';
import type { Connections } from './world.js';

/**
 * Connects nothing yet.
 * @param host an address, a name of the hosts file, or the name of a lab guest that runs.
 * @param run the run's id, which is part of every name that is made for it.
 * @param journal is told of each change before it is made.
 * @throws UsageError when `host` is no address and no name of the hosts file.
 */
export async function connectionsTo(
  host: string,
  run: string,
  logger: Logger,
  journal?: Journal,
): Promise<Connections> {
  const resolved = await hostCalled(host);
  const clock = systemClock;
  const pool = new SlabPool();
  const told = journal ? { journal } : {};
  return {
    connectHypervisor: (signal) => connectQemu(resolved, { clock, logger, signal, ...told }),
    connectNbd: (uri, options) => connectNbd(uri, { clock, logger, pool, ...options }),
    connectProbe: (address, signal) => connectProbe(address, { clock, logger, signal }),
    uploadProbe: (agent, signal) =>
      uploadProbe(agent, { portName: probePortName, program: readBuiltProbe, clock, signal }),
    openDestination: (request, { size }, signal) => {
      if (request.type === 'nbd')
        return openNbdDestination(request.uri, { size, clock, logger, signal });
      const { path, format, overwrite } = request;
      const how = { clock, logger, signal, ...told };
      return openFileDestination(path, { run, size, format, overwrite, ...how });
    },
  };
}

/**
 * A lease on the guest's pause for a run of this process; starts nothing yet.
 * @param host as for {@link connectionsTo}.
 * @param folder of the run: the guardian reads its journal, and adds to it and to its log.
 * @throws UsageError as {@link connectionsTo}.
 */
export async function leaseOf(host: string, folder: RunFolder, logger: Logger): Promise<Lease> {
  return createLease({ clock: systemClock, logger, host: await hostCalled(host), folder });
}

/** A lab guest has a second monitor, for its guardian. */
async function hostCalled(name: string): Promise<Host> {
  const guest = (await labStatus()).find((each) => each.name === name);
  if (!guest) return resolveHost(name);
  return { ...(await resolveHost(guest.qmp)), guardian: parseAddress(guest.monitor) };
}
