/** How the command reaches a host, a guest's probe and a destination: the layers below, put together. */
import { readBuiltProbe } from '../base/built-files.js';
import { systemClock, systemToday } from '../base/clock.js';
import type { Duplex } from 'node:stream';
import { messageOf } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import {
  createLease,
  createRunFolder,
  FileJournal,
  holdRun,
  identifyProcess,
  listRuns,
  runsRoot,
  runStatus,
  type EngineRequest,
  type RunParts,
  type RunStatus,
} from '../engine/index.js';
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
 * Begins a run of this process: its folder, its journal, and its lease on the guest's pause.
 * @param version of Migrascope, for the journal.
 * @param accept takes each connection of a controller.
 * @throws UsageError as {@link connectionsTo}, or when the run's folder can't be made; JournalError.
 */
export async function openRun(
  { host, run, options, guardian }: EngineRequest,
  version: string,
  logger: Logger,
  accept: (stream: Duplex) => void,
): Promise<RunParts> {
  const reached = await hostCalled(host);
  const folder = await createRunFolder(runsRoot(), run);
  const lock = await holdRun(folder, accept);
  const journal = await FileJournal.create(
    folder.journal,
    { run, version, host, process: await identifyProcess(), options },
    { clock: systemClock, today: systemToday },
  );
  const lease = guardian
    ? { lease: await createLease({ clock: systemClock, logger, host: reached, folder }) }
    : {};
  return {
    ...(await connectionsTo(host, run, logger, journal)),
    ...lease,
    journal,
    events: folder.events,
    close: async () => {
      await journal.close().catch((error: unknown) => {
        logger.log('warn', `The journal could not be closed: ${messageOf(error)}`);
      });
      await lock.release();
    },
  };
}

/** How the newest `most` runs of this machine and user stand, the oldest of them first. */
export async function lookAtRuns(most: number): Promise<readonly RunStatus[]> {
  const folders = await listRuns(runsRoot());
  return Promise.all(folders.slice(-most).map((folder) => runStatus(folder)));
}

/** A lab guest has a second monitor, for its guardian. @throws UsageError as {@link connectionsTo}. */
export async function hostCalled(name: string): Promise<Host> {
  const guest = (await labStatus()).find((each) => each.name === name);
  if (!guest) return resolveHost(name);
  return { ...(await resolveHost(guest.qmp)), guardian: parseAddress(guest.monitor) };
}
