/**
 * Whether a lab guest runs, and its end. A guest with sockets in its folder is known by its process;
 * a simulated one on TCP by what its port says, since not every system tells what a process is.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { LabError } from '../base/errors.js';
import { askHost } from './ask-host.js';
import { endQemu, isRunning } from './process.js';
import type { LabGuest } from './types.js';

const END_TIMEOUT_MS = 10_000;

/** Whether the guest runs. */
export async function isUp(guest: LabGuest): Promise<boolean> {
  if (!isOnTcp(guest)) return isRunning(guest);
  try {
    const { name, pid } = await askHost(guest.hostPort, { ask: 'who' });
    return name === guest.name && pid === guest.pid;
  } catch {
    return false;
  }
}

/**
 * Ends the guest. Does nothing when it does not run.
 * @throws LabError when it does not end.
 */
export async function endGuest(guest: LabGuest): Promise<void> {
  if (isOnTcp(guest) && (await isUp(guest))) {
    await askHost(guest.hostPort, { ask: 'end' });
    const until = performance.now() + END_TIMEOUT_MS;
    while (await isUp(guest)) {
      if (performance.now() > until)
        throw new LabError(`The lab guest ${guest.name} (process ${guest.pid}) does not end.`, {
          hint: `End the process ${guest.pid} with your system's means.`,
        });
      await delay(50);
    }
  }
  await endQemu(guest);
}

function isOnTcp(guest: LabGuest): guest is LabGuest & { readonly hostPort: string } {
  return guest.hostPort?.startsWith('tcp:') ?? false;
}
