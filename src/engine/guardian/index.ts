/** The door of the guardian: a lease on the guest's pause, held by a process that resumes the guest when it is lost. */
import type { Logger } from '../../base/logger.js';
import type { Host } from '../../hypervisor/index.js';
import { identifyProcess, type RunFolder } from '../runs/index.js';
import { GuardianLease } from './lease.js';
import { PairedLease } from './pair.js';
import { startGuardianProcess, type GuardianProcessOptions } from './start.js';
import type { Lease } from './types.js';

export type { Lease } from './types.js';

/** How long a lease lasts that is not renewed, in milliseconds. */
export const LEASE_MS = 5000;

export interface LeaseOptions extends GuardianProcessOptions {
  readonly logger: Logger;
  /** The guest's hypervisor; with `guardian`, the guardian has a monitor of its own. */
  readonly host: Host;
  readonly folder: RunFolder;
  /** In milliseconds; {@link LEASE_MS} unless told. */
  readonly leaseMs?: number;
}

/** A lease for a run of this process; starts nothing yet. */
export async function createLease(options: LeaseOptions): Promise<Lease> {
  const { clock, logger, host, folder, leaseMs = LEASE_MS } = options;
  const task = {
    run: folder.run,
    journal: folder.journal,
    name: host.name,
    address: host.address,
    ...(host.guardian === undefined ? {} : { second: host.guardian }),
    engine: await identifyProcess(),
    leaseMs,
    scope: 'disk' as const,
  };
  const start = () => startGuardianProcess({ log: folder.log, ...options });
  const single = () => new GuardianLease({ clock, logger, task, start });
  return new PairedLease([single(), single()], logger);
}
