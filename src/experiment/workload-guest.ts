/** A guest that runs a described workload, built in or from a file. */
import {
  createGuest,
  createWorkload,
  type GuestSettings,
  type WorkloadDescription,
} from '../simulator/index.js';
import type { GuestRecipe } from './scenario.js';

export interface WorkloadGuestOptions {
  readonly diskBytes: number;
  /** Of the guest's page cache, in bytes. */
  readonly cacheBytes: number;
  readonly seed: number;
  /** What the workload's own rates are multiplied by. */
  readonly rate: number;
  readonly settings?: Partial<GuestSettings>;
}

/** @throws UsageError when the workload does not fit on the disk. */
export function workloadGuest(
  description: WorkloadDescription,
  { diskBytes, cacheBytes, seed, rate, settings }: WorkloadGuestOptions,
): GuestRecipe {
  const workload = createWorkload(description, { diskBytes, rate });
  return {
    diskBytes,
    seed,
    create: (device) =>
      createGuest({ device, workload, seed, settings: { cacheBytes, ...settings } }),
  };
}
