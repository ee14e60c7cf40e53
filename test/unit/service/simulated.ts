/** A simulated guest and a run's engine in this process, on real sockets, for what the service connects to. */
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { join } from 'node:path';
import { expect, onTestFinished, vi } from 'vitest';
import { systemClock, systemToday } from '../../../src/base/clock.js';
import { silentLogger } from '../../../src/base/logger.js';
import {
  DEFAULTS,
  identifyProcess,
  migrate,
  serveRun,
  type EngineRequest,
  type MigrationOptions,
  type ProcessIdentity,
} from '../../../src/engine/index.js';
import { connectQemu } from '../../../src/hypervisor/index.js';
import { formatNbdUri } from '../../../src/nbd/index.js';
import { connectionsTo, hostCalled, openRun } from '../../../src/reach/index.js';
import {
  createGuest,
  createWorkload,
  DESTINATION_EXPORT,
  PacedClock,
  SimulatedHost,
  systemSockets,
  workloadCalled,
} from '../../../src/simulator/index.js';

export const SIZE = 32 * 1024 * 1024;

/** How much faster than real time the guest and the engine go, and how much sooner a monitor is given up. */
const PACE = 20;

/** A busy guest in a folder; ended when the test ends. */
export async function simulatedHost(
  folder: string,
  { probe = true } = {},
): Promise<{ readonly host: SimulatedHost; readonly address: string }> {
  const at = (name: string) => ({ type: 'unix' as const, path: join(folder, name) });
  const workload = createWorkload(workloadCalled('random-rewrite'), { diskBytes: SIZE, rate: 1 });
  const host = await SimulatedHost.start({
    clock: new PacedClock(systemClock, PACE, 10_000),
    logger: silentLogger,
    sockets: systemSockets,
    disk: {
      name: 'disk0',
      size: SIZE,
      seed: 1,
      serial: 'simulated',
      image: '/simulated/disk0.raw',
    },
    createGuest: (device) =>
      createGuest({
        device,
        workload,
        seed: 1,
        settings: { cacheBytes: SIZE / 4 },
        console: () => undefined,
      }),
    addresses: {
      qmp: at('qmp'),
      monitor: at('monitor'),
      destination: at('destination'),
      ...(probe ? { probe: at('probe') } : {}),
    },
  });
  onTestFinished(() => host.close());
  return { host, address: `unix:${join(folder, 'qmp')}` };
}

/** As `connectionsTo`, with a monitor that is waited for less long. */
export const impatient: typeof connectionsTo = async (name, run, logger) => ({
  ...(await connectionsTo(name, run, logger)),
  connectHypervisor: async (signal) =>
    connectQemu(await hostCalled(name), {
      clock: new PacedClock(systemClock, PACE),
      logger,
      signal,
    }),
});

/** Holds a monitor, which serves one client at a time. @returns how it is let go of. */
export async function holdMonitor(address: string): Promise<() => void> {
  const client = connect(address.slice('unix:'.length));
  await once(client, 'data');
  return () => client.destroy();
}

export interface ServedRun {
  readonly run: string;
  /** Resolves when its engine has ended. */
  readonly over: Promise<void>;
  /** Cuts off every controller, as the death of its process does. */
  cutOff(): void;
}

/** What a run of the test is asked for. */
export function optionsFor(
  host: SimulatedHost,
  more: Partial<MigrationOptions> = {},
): MigrationOptions {
  const uri = formatNbdUri({ ...host.addresses.destination!, exportName: DESTINATION_EXPORT });
  return {
    ...{ disk: 'disk0', destination: { type: 'nbd' as const, uri }, ...DEFAULTS },
    ...{ pivot: false, trim: false, maxRounds: 2, ...more },
  };
}

/** A run whose engine is in this process; resolves when controllers can attach. */
export async function servedRun(
  { host, address }: { readonly host: SimulatedHost; readonly address: string },
  asked: Partial<EngineRequest> = {},
): Promise<ServedRun> {
  const run = 'served';
  const controllers: Duplex[] = [];
  const told = { ready: false };
  let cancel: () => void = () => undefined;
  const request: EngineRequest = {
    ...{ host: address, run, options: optionsFor(host), guardian: false, held: true },
    ...{ onLimit: 'pause-anyway' as const, ...asked },
  };
  const over = serveRun(request, {
    migrate,
    openRun: (itsRequest, logger, accept) =>
      openRun(itsRequest, '0.0.0', logger, (stream) => {
        controllers.push(stream);
        accept(stream);
      }),
    onReady: () => (told.ready = true),
    onEndSignal: (listener) => (cancel = listener),
    ...{ logger: silentLogger, clock: new PacedClock(systemClock, PACE) },
    ...{ today: systemToday, version: '0.0.0' },
  });
  onTestFinished(async () => {
    cancel();
    await over;
  });
  await vi.waitFor(() => expect(told.ready).toBe(true), 20_000);
  const cutOff = () => {
    for (const stream of controllers.splice(0)) stream.destroy();
  };
  return { run, over, cutOff };
}

/** What identified a process that is no more. */
export async function deadProcess(): Promise<ProcessIdentity> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1e6)'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const identity = await identifyProcess(child.pid);
  child.kill('SIGKILL');
  await once(child, 'exit');
  return identity;
}
