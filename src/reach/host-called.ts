/** The host that a person names. */
import { parseAddress, resolveHost, type Host } from '../hypervisor/index.js';
import { labStatus } from '../lab/index.js';

/**
 * An address, a name of the hosts file, or the name of a lab guest that runs, which has a second
 * monitor for its guardian.
 * @throws UsageError when it is none of these.
 */
export async function hostCalled(name: string): Promise<Host> {
  const guest = (await labStatus()).find((each) => each.name === name);
  if (!guest) return resolveHost(name);
  const host = await resolveHost(guest.qmp);
  const guardian = parseAddress(guest.monitor);
  if (host.address.type !== 'tcp') return { ...host, guardian };
  // Its ports are of the loopback address, and it is there to be tried.
  return { ...host, guardian, nbdPorts: true, warnings: [] };
}
