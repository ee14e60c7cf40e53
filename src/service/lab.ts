/** Simulated guests of the lab: which there are, a new one, and the end of one. */
import { labDown, labStatus, simulatedUp, type LabGuest } from '../lab/index.js';
import type { Handlers } from './server.js';
import type { LabGuestInfo } from './types.js';

export function labHandlers(): Handlers<'lab.list' | 'lab.up' | 'lab.down'> {
  return {
    'lab.list': async () => (await labStatus()).map(infoOf),
    'lab.up': async (request, signal) =>
      infoOf(await simulatedUp({ ...request, rate: 1, probe: true }, signal)),
    'lab.down': async ({ name }) => {
      await labDown(name);
      return undefined;
    },
  };
}

function infoOf({ name, accelerator, workload }: LabGuest): LabGuestInfo {
  return { name, kind: accelerator === 'simulated' ? 'simulated' : 'qemu', workload };
}
