/** Makes something go wrong with a lab guest that runs. */
import { LabError, UsageError } from '../base/errors.js';
import { askHost } from './ask-host.js';
import { faultCalled, type FaultValues } from './faults.js';
import { checkName, labStatus } from './guest.js';

/**
 * Makes something go wrong with a simulated guest.
 * @param name of the guest.
 * @param fault one of `FAULT_NAMES`.
 * @returns what is so from now on, as one sentence.
 * @throws UsageError when there is no such guest or fault, the guest is a real one, or the fault
 * can't be told that; LabError when the guest does not answer.
 */
export async function labFault(name: string, fault: string, values: FaultValues): Promise<string> {
  checkName(name);
  faultCalled(fault);
  const guest = (await labStatus()).find((each) => each.name === name);
  if (!guest)
    throw new UsageError(`The fault ${fault} needs a guest, and no lab guest ${name} runs.`, {
      hint: 'Start one with: migrascope lab up --simulated. `migrascope lab status` lists those that run.',
    });
  if (guest.accelerator !== 'simulated')
    throw new UsageError(
      `The fault ${fault} can't be had of ${name}: it is a real guest, in QEMU.`,
      {
        hint: 'Start a simulated one beside it: migrascope lab up --simulated --name simulated. A real one fails where its processes are stopped or killed.',
      },
    );
  if (guest.hostPort === undefined)
    throw new LabError(`The simulated guest ${name} is of a version that has no faults.`, {
      hint: `Start it anew: migrascope lab down ${name}, then lab up.`,
    });
  const { said } = await askHost(guest.hostPort, { ask: 'fault', fault, values });
  return said ?? '';
}
