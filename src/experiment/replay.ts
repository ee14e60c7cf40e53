/** What another policy would have done with the writes of a recorded migration. */
import type { EventSink, MigrationResult, PolicyName } from '../engine/index.js';
import { clairvoyantBound } from './bound.js';
import { RecordedGuest } from './recorded-guest.js';
import { writesOf, type Recording } from './recording.js';
import { runScenario } from './scenario.js';

export interface ReplayOptions {
  readonly policy: PolicyName;
  /** The cap of the bandwidth, in bytes a second. */
  readonly bytesPerSecond: number;
  readonly signal?: AbortSignal;
  readonly sink?: EventSink;
}

export interface Replayed {
  readonly result: MigrationResult;
  /** What the clairvoyant schedule sends of the recorded writes; absent where the recording ends before. */
  readonly boundBytes?: number;
  /** How often the recording had to begin anew, since the migration went on after its end. */
  readonly laps: number;
  /** Whether the recording tells of the guest's page cache. */
  readonly hasCache: boolean;
}

/** The bandwidth that the recorded migration had, in bytes a second; undefined where it sent too little to tell. */
export function recordedBandwidth({ start, summary }: Recording): number | undefined {
  const { maxBandwidth } = start.limits;
  if (maxBandwidth !== null) return maxBandwidth;
  if (!summary || summary.totalMs <= 0 || summary.sentBytes === 0) return undefined;
  return (summary.sentBytes * 1000) / summary.totalMs;
}

/** Migrates the recorded guest anew, in virtual time. @throws UsageError, CancelledError. */
export async function replayWith(recording: Recording, options: ReplayOptions): Promise<Replayed> {
  const { start, geometry, looks } = recording;
  const { policy, bytesPerSecond, signal, sink } = options;
  const { downtimeLimitMs, maxRounds } = start.limits;
  const guests: RecordedGuest[] = [];
  const result = await runScenario(
    {
      guest: {
        diskBytes: geometry.size,
        seed: 1,
        create: (device) => {
          const guest = new RecordedGuest(recording, device);
          guests.push(guest);
          return guest;
        },
      },
      network: { bytesPerSecond: Infinity, delayMs: 0 },
      probe: looks.length > 0,
      warmUpMs: 0,
      options: {
        policy,
        maxBandwidth: bytesPerSecond,
        downtimeLimitMs,
        maxRounds,
        granularity: geometry.granularity,
        verify: start.verify,
        pivot: start.pivot,
      },
    },
    { ...(signal ? { signal } : {}), ...(sink ? { sink } : {}) },
  );
  const bound = clairvoyantBound(writesOf(recording), { bytesPerSecond, downtimeLimitMs });
  return {
    result,
    ...(bound.pauseMs === undefined ? {} : { boundBytes: bound.boundBytes }),
    laps: guests[0]?.laps ?? 0,
    hasCache: looks.length > 0,
  };
}
