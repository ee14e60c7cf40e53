/**
 * The program of an engine process for tests: migrates with a journal and a lease, stands still where
 * it is told to, and says on standard output what happens, JSON lines. Its one argument is a {@link Task}.
 */
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock, systemToday } from '../../../src/base/clock.js';
import type { Gate, Milestone } from '../../../src/engine/index.js';
import { DEFAULTS, migrate } from '../../../src/engine/index.js';
import { createLease } from '../../../src/engine/guardian/index.js';
import { FileJournal, createRunFolder, identifyProcess } from '../../../src/engine/runs/index.js';
import {
  connectQemu,
  openFileDestination,
  openNbdDestination,
  parseAddress,
  resolveHost,
  type HostChange,
} from '../../../src/hypervisor/index.js';
import { connectNbd } from '../../../src/nbd/index.js';
import { connectProbe } from '../../../src/probe/index.js';
import type { Hold, Said, Task } from './engine-process.js';

const task = JSON.parse(process.argv[2]!) as Task;
const say = (said: Said) => void process.stdout.write(`${JSON.stringify(said)}\n`);
const quiet = {
  clock: systemClock,
  logger: {
    log: (level: string, message: string) => {
      if (level !== 'debug') say({ logged: `${level}: ${message}` });
    },
  },
};

const options = {
  disk: task.disk ?? 'disk0',
  destination: { type: 'file', path: task.to, format: 'raw', overwrite: false },
  ...DEFAULTS,
  policy: 'plain',
  downtimeLimitMs: 2000,
  pivot: task.pivot ?? true,
  trim: false,
} as const;

/** Stands still where it is to be held, until it is let go; what renews the lease goes on. */
async function holdAt(here: Hold): Promise<void> {
  const [[kind, name]] = Object.entries(task.hold) as [[string, unknown]];
  if ((here as Record<string, unknown>)[kind] !== name) return;
  say({ held: here });
  while (!existsSync(task.letGo)) await delay(20);
}

const folder = await createRunFolder(task.root, task.run);
const file = await FileJournal.create(
  folder.journal,
  { run: task.run, version: '0', host: task.host, process: await identifyProcess(), options },
  { clock: systemClock, today: systemToday },
);
const journal = {
  record: async (change: HostChange) => {
    await file.record(change);
    await holdAt({ action: change.action });
  },
  note: async (milestone: Milestone) => {
    await file.note(milestone);
    await holdAt({ milestone: milestone.type });
  },
};
const gate: Gate = {
  pass: async ({ line }, _, signal) => {
    const aborted = new Promise<void>((resolve) =>
      signal.addEventListener('abort', () => resolve(), { once: true }),
    );
    await Promise.race([holdAt({ line }), aborted]);
  },
};
const host = {
  ...(await resolveHost(task.host)),
  ...(task.second === undefined ? {} : { guardian: parseAddress(task.second) }),
};
const lease = await createLease({
  ...quiet,
  host,
  folder,
  program: task.guardian,
  onStart: (pid) => say({ guardian: pid }),
});
const { error, summary } = await migrate(options, {
  connectHypervisor: (signal) => connectQemu(host, { ...quiet, signal, journal }),
  connectNbd: (uri, how) => connectNbd(uri, { ...quiet, ...how }),
  connectProbe: (address, signal) => connectProbe(address, { ...quiet, signal }),
  openDestination: (request, { size }, signal) => {
    if (request.type === 'nbd') return openNbdDestination(request.uri, { size, ...quiet, signal });
    const how = { run: task.run, size, ...quiet, signal, journal };
    return openFileDestination(request.path, { ...request, ...how });
  },
  ...quiet,
  gate,
  journal,
  lease,
  sink: ({ type }) => say({ event: type }),
  run: task.run,
  startedAt: systemToday(),
  signal: new AbortController().signal,
});
say({
  ended: {
    kind: error?.kind ?? null,
    message: error?.message ?? null,
    switchedOver: summary.switchedOver,
    guest: summary.guest,
  },
});
await file.close();
process.exit(0);
