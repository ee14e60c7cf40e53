/** One migration of a simulated guest: a workload, a policy and a network, in virtual time or in any other. */
import type { Clock } from '../base/clock.js';
import { silentLogger, type Logger } from '../base/logger.js';
import {
  migrate,
  openGate,
  type DestinationRequest,
  type EventSink,
  type Gate,
  type MigrationOptions,
  type MigrationParts,
  type MigrationResult,
} from '../engine/index.js';
import {
  SimulatedClock,
  type Guest,
  type GuestDevice,
  type NetworkSettings,
} from '../simulator/index.js';
import { DESTINATION_URI, DISK, Laboratory } from './laboratory.js';

/** A guest that can be made again and again, always the same. */
export interface GuestRecipe {
  /** Of its disk, in bytes. */
  readonly diskBytes: number;
  readonly seed: number;
  create(device: GuestDevice): Guest;
}

export interface Scenario {
  readonly guest: GuestRecipe;
  /** What the engine is asked, beside the disk and where it goes. */
  readonly options: Omit<MigrationOptions, 'disk' | 'destination' | 'trim' | 'pivot'> & {
    readonly pivot: boolean;
    readonly trim?: boolean;
  };
  readonly network: NetworkSettings;
  /** Whether a probe runs in the guest. */
  readonly probe: boolean;
  /** How long the guest is left alone before the migration, in milliseconds of the clock. */
  readonly warmUpMs: number;
}

export interface ScenarioParts extends Pick<
  MigrationParts,
  'decide' | 'onBegin' | 'policy' | 'plugins'
> {
  /** A virtual one unless given. */
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly gate?: Gate;
  readonly sink?: EventSink;
  readonly signal?: AbortSignal;
  /** Is given the laboratory before the migration begins, and after it ended. */
  readonly before?: (laboratory: Laboratory) => void | Promise<void>;
  readonly after?: (laboratory: Laboratory, result: MigrationResult) => void | Promise<void>;
}

/** Where a pivot goes. */
export const NEW_IMAGE = '/simulated/new.img';

/** @throws LabError when the lab can't be built; how the migration ended is told by its result. */
export async function runScenario(
  scenario: Scenario,
  parts: ScenarioParts = {},
): Promise<MigrationResult> {
  const clock = parts.clock ?? new SimulatedClock();
  const logger = parts.logger ?? silentLogger;
  const { guest, options, network, probe } = scenario;
  const laboratory = await Laboratory.create({
    ...{ clock, logger, network, probe },
    size: guest.diskBytes,
    seed: guest.seed,
    createGuest: (device) => guest.create(device),
  });
  try {
    await clock.sleep(scenario.warmUpMs, parts.signal);
    await parts.before?.(laboratory);
    const destination: DestinationRequest = options.pivot
      ? { type: 'file', path: NEW_IMAGE, format: 'raw', overwrite: false }
      : { type: 'nbd', uri: DESTINATION_URI };
    const result = await migrate(
      { trim: false, ...options, disk: DISK, destination },
      {
        ...laboratory.connections(),
        ...{ clock, logger },
        gate: parts.gate ?? openGate,
        sink: parts.sink ?? (() => undefined),
        ...(parts.decide ? { decide: parts.decide } : {}),
        ...(parts.onBegin ? { onBegin: parts.onBegin } : {}),
        ...(parts.policy ? { policy: parts.policy } : {}),
        ...(parts.plugins ? { plugins: parts.plugins } : {}),
        run: 'simrun',
        startedAt: new Date(0),
        signal: parts.signal ?? new AbortController().signal,
      },
    );
    await parts.after?.(laboratory, result);
    return result;
  } finally {
    await laboratory.close();
  }
}
