/** The host that a person names. */
import { parseAddress, resolveHost, type Host } from '../hypervisor/index.js';
import { labStatus } from '../lab/index.js';

/**
 * A name of the hosts file, an address, or the name of a lab guest that runs, which has a second
 * monitor for its guardian.
 * @throws UsageError when it is none of these.
 */
export async function hostCalled(name: string): Promise<Host> {
  const guest = (await labStatus()).find((each) => each.name === name);
  if (!guest) return resolveHost(name);
  return { ...(await resolveHost(guest.qmp)), guardian: parseAddress(guest.monitor) };
}
