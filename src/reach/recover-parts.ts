/** How `recover` finds runs and reaches their hosts: the layers below, put together. */
import { systemClock, systemToday } from '../base/clock.js';
import { CancelledError, UsageError, messageOf } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import {
  appendToJournal,
  listRuns,
  readJournal,
  replayEvents,
  runsRoot,
  runStatus,
  type Reached,
} from '../engine/index.js';
import {
  connectQemu,
  isHypervisorGone,
  looksLikeAddress,
  thisMachine,
  type Host,
  type Journal,
} from '../hypervisor/index.js';
import { hostCalled } from './host-called.js';
import type { KnownRun, RecoveryWorld } from './types.js';

/** @param root the folder of the runs; this user's unless told. */
export function recoveryBelow(logger: Logger, root: string = runsRoot()): RecoveryWorld {
  const clock = systemClock;
  const times = { clock, today: systemToday };
  return {
    ...times,
    logger,
    machine: thisMachine(clock),
    runs: (signal) => knownRuns(root, signal),
    status: runStatus,
    readJournal: ({ journal }) => readJournal(journal),
    readEvents: ({ events }) => replayEvents(events),
    appendJournal: ({ journal }, entry) => appendToJournal(journal, entry, times),
    hypervisorOf: async (host) => (await hostCalled(host)).name,
    isLocal,
    reach: async ({ host, hypervisor }, journal, signal) => {
      // What the run called its host may mean another guest by now; its address does not.
      const exact = hypervisor !== undefined && looksLikeAddress(hypervisor);
      return reach(await hostCalled(exact ? hypervisor : host), { logger, journal, signal });
    },
  };
}

/** One after the other: a journal may be large. */
async function knownRuns(root: string, signal: AbortSignal): Promise<readonly KnownRun[]> {
  const known: KnownRun[] = [];
  for (const folder of await listRuns(root)) {
    known.push({ folder, status: await runStatus(folder, signal) });
  }
  return known;
}

async function reach(
  host: Host,
  options: { readonly logger: Logger; readonly journal: Journal; readonly signal: AbortSignal },
): Promise<Reached> {
  try {
    const hypervisor = await connectQemu(host, { clock: systemClock, ...options });
    return { state: 'reached', hypervisor };
  } catch (error) {
    if (error instanceof CancelledError) throw error;
    const state = isHypervisorGone(host, error) ? 'gone' : 'unreachable';
    return { state, reason: messageOf(error) };
  }
}

/** What a run started itself, such as a storage daemon, is no host that anybody knows, and is here. */
async function isLocal(name: string): Promise<boolean> {
  if (['localhost', 'qemu-storage-daemon'].includes(name)) return true;
  try {
    return (await hostCalled(name)).address.type === 'unix';
  } catch (error) {
    if (error instanceof UsageError) return false;
    throw error;
  }
}
