/** How a bench reaches a guest of the real lab: as the command does, without a journal or a guardian. */
import { silentLogger } from '../src/base/logger.js';
import { systemClock } from '../src/base/clock.js';
import type { MigrationParts } from '../src/engine/index.js';
import { connectQemu, openFileDestination, resolveHost } from '../src/hypervisor/index.js';
import type { LabGuest } from '../src/lab/index.js';
import { connectNbd } from '../src/nbd/index.js';
import { connectProbe } from '../src/probe/index.js';

/** The engine's ways to a guest and to the world, whichever lab the guest is of. */
export type Connections = Pick<
  MigrationParts,
  'connectHypervisor' | 'connectNbd' | 'connectProbe' | 'openDestination' | 'clock' | 'logger'
>;

/** @param run the id of the migration, which is part of the names of what it makes. */
export async function connectionsTo(guest: LabGuest, run: string): Promise<Connections> {
  const shared = { clock: systemClock, logger: silentLogger };
  const host = await resolveHost(guest.qmp);
  return {
    ...shared,
    connectHypervisor: (signal) => connectQemu(host, { ...shared, signal }),
    connectNbd: (uri, how) => connectNbd(uri, { ...shared, ...how }),
    connectProbe: (address, signal) => connectProbe(address, { ...shared, signal }),
    openDestination: (request, { size }, signal) => {
      if (request.type !== 'file') throw new Error('The bench moves to files.');
      return openFileDestination(request.path, { ...request, run, size, ...shared, signal });
    },
  };
}
