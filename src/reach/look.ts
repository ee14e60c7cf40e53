/**
 * A look at a guest's disk: what is allocated, and what the guest's page cache holds of it.
 * Nothing is tracked and nothing stays in the hypervisor; reading the allocation takes an export
 * of the disk for as long as it lasts.
 */
import { CancelledError, messageOf } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import type { BlockSet } from '../engine/index.js';
import {
  blockGeometry,
  BlockSetBuilder,
  describeReport,
  type BlockGeometry,
  type CacheView,
} from '../engine/index.js';
import type { GuestDisk, Hypervisor } from '../hypervisor/types.js';
import type { NbdConnection } from '../nbd/types.js';
import type { CacheReport, Probe, ProbeInfo } from '../probe/types.js';
import type { Connections } from './types.js';

const ALLOCATION = 'base:allocation';
/** NBD specification, "base:allocation": NBD_STATE_ZERO. */
const READS_AS_ZEROES = 2;

/** The probe's part of a look. */
export type CacheLook =
  | {
      readonly state: 'seen';
      readonly info: ProbeInfo;
      readonly report: CacheReport;
      readonly view: CacheView;
    }
  /** Nothing is known of the page cache; `reason` says why. */
  | { readonly state: 'unknown'; readonly reason: string };

export interface DiskLook {
  readonly disk: GuestDisk;
  readonly geometry: BlockGeometry;
  /** Blocks that do not read as zeroes. */
  readonly allocated: BlockSet;
  /** False when the hypervisor does not tell: then every block counts as allocated. */
  readonly allocationKnown: boolean;
  readonly cache: CacheLook;
}

export interface LookOptions {
  /** The run's id, for the names of what is made for a moment. */
  readonly run: string;
  /** Bytes of a block. */
  readonly granularity: number;
  /** Ask for clean pages too. */
  readonly clean: boolean;
  readonly connectNbd: Connections['connectNbd'];
  readonly logger: Logger;
  /** Milliseconds on the caller's clock. */
  readonly now: number;
  readonly signal: AbortSignal;
}

/**
 * Looks at one disk.
 * @param probe absent where there is none; `reason` then says why.
 * @throws HypervisorError, ConnectError and the like when the disk can't be read; never for the probe.
 */
export async function lookAtDisk(
  hypervisor: Hypervisor,
  disk: GuestDisk,
  probe: { readonly probe: Probe } | { readonly reason: string },
  options: LookOptions,
): Promise<DiskLook> {
  const geometry = blockGeometry(options.granularity, disk.size);
  const cache =
    'probe' in probe
      ? await lookAtCache(probe.probe, disk, geometry, options)
      : { state: 'unknown' as const, reason: probe.reason };
  const allocation = await readAllocation(hypervisor, disk, geometry, options);
  return { disk, geometry, ...allocation, cache };
}

/** The guest's probe, or why there is none. @throws CancelledError only. */
export async function openProbe(
  hypervisor: Hypervisor,
  connectProbe: Connections['connectProbe'],
  signal: AbortSignal,
): Promise<{ readonly probe: Probe } | { readonly reason: string }> {
  try {
    const address = await hypervisor.probeAddress(signal);
    if (!address) return { reason: 'The guest has no port for a probe.' };
    return { probe: await connectProbe(address, signal) };
  } catch (error) {
    if (error instanceof CancelledError) throw error;
    return { reason: `The guest's probe does not answer: ${messageOf(error)}` };
  }
}

async function readAllocation(
  hypervisor: Hypervisor,
  disk: GuestDisk,
  geometry: BlockGeometry,
  options: LookOptions,
): Promise<{ readonly allocated: BlockSet; readonly allocationKnown: boolean }> {
  const { run, granularity, signal, connectNbd } = options;
  const source = await hypervisor.openSource(disk, { run, granularity }, signal);
  let connection: NbdConnection | undefined;
  try {
    connection = await connectNbd(source.uri, { metaContexts: [ALLOCATION], signal });
    const builder = new BlockSetBuilder();
    const take = builder.extentVisitor(geometry);
    const allocationKnown = connection.info.metaContexts.includes(ALLOCATION);
    if (!allocationKnown) take(0, disk.size);
    else {
      const visit = (offset: number, length: number, flags: number) => {
        if ((flags & READS_AS_ZEROES) === 0) take(offset, length);
      };
      await connection.blockStatus(ALLOCATION, 0, disk.size, visit, { signal });
    }
    return { allocated: builder.build(), allocationKnown };
  } finally {
    await connection?.close();
    await source.release();
  }
}

async function lookAtCache(
  probe: Probe,
  disk: GuestDisk,
  geometry: BlockGeometry,
  options: LookOptions,
): Promise<CacheLook> {
  try {
    const query = { size: disk.size, ...disk.guestIdentity };
    const report = await probe.snapshot({ disk: query, clean: options.clean }, options.signal);
    const { view } = describeReport(report, geometry, options.now);
    return { state: 'seen', info: probe.info, report, view };
  } catch (error) {
    if (error instanceof CancelledError) throw error;
    options.logger.log('debug', `looking at the page cache failed: ${messageOf(error)}`);
    return { state: 'unknown', reason: `The guest's probe did not report: ${messageOf(error)}` };
  }
}
