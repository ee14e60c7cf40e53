/** How the command reaches a host, a guest's probe and a destination: the layers below, put together. */
import { readBuiltProbe } from '../base/built-files.js';
import { systemClock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import {
  connectQemu,
  openFileDestination,
  openNbdDestination,
  probePortName,
  resolveHost,
} from '../hypervisor/index.js';
import { labStatus } from '../lab/index.js';
import { connectNbd, SlabPool } from '../nbd/index.js';
import { connectProbe, uploadProbe } from '../probe/index.js';
import type { Connections } from './world.js';

/**
 * Connects nothing yet.
 * @param host an address, a name of the hosts file, or the name of a lab guest that runs.
 * @param run the run's id, which is part of every name that is made for it.
 * @throws UsageError when `host` is no address and no name of the hosts file.
 */
export async function connectionsTo(
  host: string,
  run: string,
  logger: Logger,
): Promise<Connections> {
  const guest = (await labStatus()).find(({ name }) => name === host);
  const resolved = await resolveHost(guest?.qmp ?? host);
  const clock = systemClock;
  const pool = new SlabPool();
  return {
    connectHypervisor: (signal) => connectQemu(resolved, { clock, logger, signal }),
    connectNbd: (uri, options) => connectNbd(uri, { clock, logger, pool, ...options }),
    connectProbe: (address, signal) => connectProbe(address, { clock, logger, signal }),
    uploadProbe: (agent, signal) =>
      uploadProbe(agent, { portName: probePortName, program: readBuiltProbe, clock, signal }),
    openDestination: (request, { size }, signal) => {
      if (request.type === 'nbd')
        return openNbdDestination(request.uri, { size, clock, logger, signal });
      const { path, format, overwrite } = request;
      return openFileDestination(path, { run, size, format, overwrite, clock, logger, signal });
    },
  };
}
