/** The program of a simulated host, dist/simulated-host.js: runs until it is told to end, or its machine quits. */
import { appendFileSync, closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import { silentLogger } from '../base/logger.js';
import { formatAddress } from '../hypervisor/index.js';
import { formatNbdUri } from '../nbd/index.js';
import {
  createGuest,
  createWorkload,
  DESTINATION_EXPORT,
  describedWorkload,
  PacedClock,
  SimulatedHost,
  systemSockets,
  type Address,
  type WorkloadDescription,
} from '../simulator/index.js';
import { HostFaults, type FaultValues } from './faults.js';
import { serveHostPort } from './host-port.js';
import type { HostGreeting, HostRequest } from './simulated.js';
import type { LabGuest } from './types.js';

/** How long a guest has been busy when it is handed over, in milliseconds: its page cache is in its stride. */
const WARM_UP_MS = 40_000;
const DISK = 'disk0';

const fileNames = {
  has: existsSync,
  make: (path: string): void => closeSync(openSync(path, 'a', 0o600)),
};

/** The parts of a host that listen, in the order of their ports. */
const PARTS = ['qmp', 'monitor', 'probe', 'destination', 'control'] as const;
type Part = (typeof PARTS)[number];

const LOOPBACK = '127.0.0.1';

/** Where a part is to listen. */
function addressOf(part: Part, { folder, tcp }: HostRequest): Address {
  if (tcp === undefined) return { type: 'unix', path: join(folder, part) };
  return { type: 'tcp', host: LOOPBACK, port: tcp === 0 ? 0 : tcp + PARTS.indexOf(part) };
}

/** Keeps what the guest says in a file, while that can be written. */
function consoleIn(path: string): (line: string) => void {
  return (line) => {
    try {
      appendFileSync(path, `${line}\n`, { mode: 0o600 });
    } catch {
      // The guest goes on without it.
    }
  };
}

async function startHost(
  request: HostRequest,
  description: WorkloadDescription,
): Promise<SimulatedHost> {
  const { image, size, seed, memory, rate, speed, network, probe } = request;
  const workload = createWorkload(description, { diskBytes: size, rate });
  const console = consoleIn(request.console);
  console(`${workload.name} begins on a disk of ${size} bytes`);
  const at = (part: Part): Address => addressOf(part, request);
  return SimulatedHost.start({
    clock: new PacedClock(systemClock, speed, WARM_UP_MS),
    logger: silentLogger,
    sockets: systemSockets,
    fileNames,
    disk: { name: DISK, size, seed, serial: 'simulated', image },
    createGuest: (device) =>
      createGuest({ device, workload, seed, settings: { cacheBytes: memory }, console }),
    ...(network === undefined ? {} : { network: { bytesPerSecond: network * speed } }),
    addresses: {
      qmp: at('qmp'),
      monitor: at('monitor'),
      destination: at('destination'),
      ...(probe ? { probe: at('probe') } : {}),
    },
  });
}

/** Lets others ask it for faults, and for its end. @returns where. */
async function openPort(host: SimulatedHost, request: HostRequest): Promise<Address> {
  const faults = new HostFaults(host, request.speed);
  const parts = {
    ...{ name: request.name, pid: process.pid },
    fault: (name: string, values: FaultValues) => faults.set(name, values),
    end: () => void host.close(),
  };
  const listener = await systemSockets.listen(addressOf('control', request), (stream) =>
    serveHostPort(stream, parts),
  );
  void host.ended.then(() => listener.close());
  return listener.address;
}

async function begin(request: HostRequest): Promise<{ host: SimulatedHost; guest: LabGuest }> {
  const { name, size, image } = request;
  const description = await describedWorkload(request.workload);
  const host = await startHost(request, description);
  const { qmp, monitor, probe, destination } = host.addresses;
  const guest: LabGuest = {
    name,
    pid: process.pid,
    qmp: formatAddress(qmp),
    monitor: formatAddress(monitor),
    disks: [{ name: DISK, size, image, format: 'raw', fileSystem: 'ext4' }],
    ...(probe ? { probe: formatAddress(probe) } : {}),
    destination: formatNbdUri({ ...destination!, exportName: DESTINATION_EXPORT }),
    hostPort: formatAddress(await openPort(host, request)),
    console: request.console,
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
