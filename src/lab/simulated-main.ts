/** The program of a simulated host, dist/simulated-host.js: runs until it is told to end, or its machine quits. */
import { closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import { silentLogger } from '../base/logger.js';
import {
  createGuest,
  createWorkload,
  DESTINATION_EXPORT,
  describedWorkload,
  PacedClock,
  SimulatedHost,
  systemSockets,
  type Address,
} from '../simulator/index.js';
import type { HostGreeting, HostRequest } from './simulated.js';
import type { LabGuest } from './types.js';

/** How long a guest has been busy when it is handed over, in milliseconds: its page cache is in its stride. */
const WARM_UP_MS = 40_000;
const DISK = 'disk0';

const fileNames = {
  has: existsSync,
  make: (path: string): void => closeSync(openSync(path, 'a', 0o600)),
};

async function begin(request: HostRequest): Promise<{ host: SimulatedHost; guest: LabGuest }> {
  const { name, folder, image, size, seed, memory, rate, speed, network, probe } = request;
  const socket = (file: string): Address => ({ type: 'unix', path: join(folder, file) });
  const address = (file: string): string => `unix:${join(folder, file)}`;
  const description = await describedWorkload(request.workload);
  const workload = createWorkload(description, { diskBytes: size, rate });
  const clock = new PacedClock(systemClock, speed, WARM_UP_MS);
  const host = await SimulatedHost.start({
    clock,
    logger: silentLogger,
    sockets: systemSockets,
    fileNames,
    disk: { name: DISK, size, seed, serial: 'simulated', image },
    createGuest: (device) =>
      createGuest({ device, workload, seed, settings: { cacheBytes: memory } }),
    ...(network === undefined ? {} : { network: { bytesPerSecond: network * speed } }),
    addresses: {
      qmp: socket('qmp'),
      monitor: socket('monitor'),
      destination: socket('destination'),
      ...(probe ? { probe: socket('probe') } : {}),
    },
  });
  const guest: LabGuest = {
    name,
    pid: process.pid,
    qmp: address('qmp'),
    monitor: address('monitor'),
    disks: [{ name: DISK, size, image, format: 'raw', fileSystem: 'ext4' }],
    ...(probe ? { probe: address('probe') } : {}),
    destination: `nbd+unix:///${DESTINATION_EXPORT}?socket=${join(folder, 'destination')}`,
    accelerator: 'simulated',
    kernel: 'simulated',
    workload: description.name,
  };
  return { host, guest };
}

function greet(greeting: HostGreeting): void {
  process.stdout.write(`${JSON.stringify(greeting)}\n`);
}

// Whoever started this process may be gone.
process.stdout.on('error', () => undefined);
process.on('SIGHUP', () => undefined);
try {
  const { host, guest } = await begin(JSON.parse(process.argv[3] ?? '{}') as HostRequest);
  process.on('SIGTERM', () => void host.close());
  greet({ guest });
  await host.ended;
} catch (error) {
  greet({ error: messageOf(error) });
  process.exitCode = 1;
}
if (process.stdout.writable) await new Promise((resolve) => process.stdout.write('', resolve));
process.exit();
