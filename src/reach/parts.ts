/** How the command reaches a host, a guest's probe and a destination: the layers below, put together. */
import { readBuiltProbe } from '../base/built-files.js';
import { systemClock, systemToday } from '../base/clock.js';
import { rm, stat } from 'node:fs/promises';
import type { Duplex } from 'node:stream';
import { messageOf } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import {
  continueRun,
  createLease,
  createRunFolder,
  FileJournal,
  forgetRun,
  holdRun,
  identifyProcess,
  listRuns,
  openRunFolder,
  runFolder,
  runsRoot,
  runStatus,
  type EngineRequest,
  type RunFolder,
  type RunLock,
  type RunParts,
  type RunStatus,
} from '../engine/index.js';
import {
  connectQemu,
  openFileDestination,
  openNbdDestination,
  probePortName,
  type Journal,
} from '../hypervisor/index.js';
import { connectNbd, SlabPool } from '../nbd/index.js';
import { fingerprintOf, processStarter } from '../plugin/index.js';
import { connectProbe, uploadProbe } from '../probe/index.js';
import { hostCalled } from './host-called.js';
import { recoveryBelow } from './recover-parts.js';
import type { Connections } from './types.js';

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
    openDestination: (request, { size, reopens }, signal) => {
      if (request.type === 'nbd')
        return openNbdDestination(request.uri, { size, clock, logger, signal });
      const { path, format, overwrite } = request;
      const how = { clock, logger, signal, ...told, ...(reopens ? { reopens } : {}) };
      return openFileDestination(path, { run, size, format, overwrite, ...how });
    },
  };
}

/**
 * Begins a run of this process: its folder, its journal, and its lease on the guest's pause; or goes
 * on with one whose process is dead.
 * @param version of Migrascope, for the journal.
 * @param accept takes each connection of a controller.
 * @throws UsageError as {@link connectionsTo}, or when the run's folder can't be made or another
 * process has the run; JournalError; HypervisorError when the run can't be gone on with.
 */
export async function openRun(
  request: EngineRequest,
  version: string,
  logger: Logger,
  accept: (stream: Duplex) => void,
): Promise<RunParts> {
  await hostCalled(request.host);
  return request.resumes
    ? reopenRun(request, version, logger, accept)
    : beginRun(request, version, logger, accept);
}

const JOURNAL_OPTIONS = { clock: systemClock, today: systemToday };

async function beginRun(
  request: EngineRequest,
  version: string,
  logger: Logger,
  accept: (stream: Duplex) => void,
): Promise<RunParts> {
  const { host, run, options } = request;
  const folder = await createRunFolder(runsRoot(), run);
  const lock = await holdRun(folder, accept);
  const facts = { run, version, host, process: await identifyProcess(), options };
  const journal = await FileJournal.create(folder.journal, facts, JOURNAL_OPTIONS);
  return partsOf(request, version, folder, journal, lock, logger);
}

/** First the journal, by which one process has the run; only that one touches what is left of it. */
async function reopenRun(
  request: EngineRequest,
  version: string,
  logger: Logger,
  accept: (stream: Duplex) => void,
): Promise<RunParts> {
  const folder = runFolder(runsRoot(), request.run);
  const { mtimeMs } = await stat(folder.events);
  const facts = { version, process: await identifyProcess() };
  const journal = await FileJournal.takeOver(folder.journal, facts, JOURNAL_OPTIONS);
  await rm(folder.controlSocket, { force: true });
  const lock = await holdRun(folder, accept);
  const owned = {
    ...recoveryBelow(logger),
    status: (): Promise<RunStatus> =>
      Promise.resolve({ run: request.run, state: 'dead', reason: 'This process took it over.' }),
  };
  const agoMs = Math.max(0, Date.now() - mtimeMs);
  const { signal } = new AbortController();
  const continued = await continueRun(folder, owned, { journal, agoMs, signal });
  const { continuation, read } = continued;
  const parts = await partsOf(request, version, folder, journal, lock, logger);
  return { ...parts, continuation, earlier: read };
}

async function partsOf(
  { host, run, guardian }: EngineRequest,
  version: string,
  folder: RunFolder,
  journal: FileJournal,
  lock: RunLock,
  logger: Logger,
): Promise<RunParts> {
  const reached = await hostCalled(host);
  const lease = guardian
    ? { lease: await createLease({ clock: systemClock, logger, host: reached, folder }) }
    : {};
  return {
    ...(await connectionsTo(host, run, logger, journal)),
    ...lease,
    plugins: { start: processStarter(process.env), fingerprint: fingerprintOf, version },
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
  const folders = await (most === Infinity ? listRuns(runsRoot(), most) : listRuns(runsRoot()));
  return Promise.all(folders.slice(-most).map((folder) => runStatus(folder)));
}

/** Deletes what is kept of a run. @throws UsageError as World.forget. */
export async function forgetRunCalled(run: string): Promise<void> {
  await forgetRun(await openRunFolder(runsRoot(), run));
}
