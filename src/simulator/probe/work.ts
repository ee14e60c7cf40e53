/** What takes a probe time: a snapshot, a drain, a trim. */
import type { Clock } from '../../base/clock.js';
import type { Extent } from '../../base/extent.js';
import type { Guest } from '../guest/types.js';
import type { ProbeFaults } from './faults.js';
import { reportLines, type ReportRequest } from './report.js';
import { joinExtents, type Refusal } from './requests.js';
import type { SimulatedDisk } from './types.js';

/** A drain is looked after when it is due; if it is late, after so many milliseconds. */
const OVERDUE_WAIT_MS = 1;
/** Less than this is no time to wait, in milliseconds. */
const SHORTEST_WAIT_MS = 0.01;
const LONGEST_WAIT_MS = 60_000;

export interface WorkContext {
  /** Aborts when it is not wanted any more. */
  readonly signal: AbortSignal;
  /**
   * Sends a line before the last one.
   * @throws CancelledError when it is not wanted any more.
   */
  readonly send: (line: Buffer) => Promise<void>;
  /** Waits until the guest runs, and lets it come to the present. */
  readonly untilAwake: () => Promise<void>;
  /** Is called once, when it is under way: where something goes wrong, it does so there. */
  readonly midway: () => void;
}

/** @returns what the last line says. */
export type Work = (context: WorkContext) => Promise<object>;

interface Place {
  readonly guest: Guest;
  readonly clock: Clock;
  readonly faults: ProbeFaults;
  readonly canDiscard: boolean;
}

/** A look at the page cache, as it is when the work begins. */
export function snapshot({ guest, faults }: Place, request: ReportRequest): Work {
  return async ({ send, midway }) => {
    const lines = reportLines(guest, faults, request);
    for (let told = 0; ; told++) {
      const line = lines.next();
      if (line.done) return line.value;
      await send(line.value);
      if (told === 0) midway();
    }
  };
}

/** Has what is dirty of the guest's disk written back, in these extents or all of it. */
export function drain(
  { guest, clock }: Place,
  disk: SimulatedDisk,
  extents: readonly Extent[] | undefined,
): Work {
  return async ({ signal, untilAwake, midway }) => {
    const startMs = guest.monotonicMs;
    const draining = guest.drain(extents && joinExtents(extents, disk.size));
    midway();
    while (!draining.done) {
      const leftMs = draining.dueMs - clock.now();
      const waitMs = leftMs < SHORTEST_WAIT_MS ? OVERDUE_WAIT_MS : leftMs;
      await clock.sleep(Math.min(waitMs, LONGEST_WAIT_MS), signal);
      await untilAwake();
    }
    const { writtenBytes, skippedBytes } = draining;
    return { writtenBytes, skippedBytes, tookMs: Math.round(guest.monotonicMs - startMs) };
  };
}

/** A drain where there is nothing to write back. */
export function drainNothing(): Work {
  return ({ midway }) => {
    midway();
    return Promise.resolve({ writtenBytes: 0, skippedBytes: 0, tookMs: 0 });
  };
}

/** Has what no file of the guest's disk uses discarded. */
export function trim({ guest }: Place): Work {
  return ({ midway }) => {
    midway();
    return Promise.resolve({ trimmedBytes: guest.trim() });
  };
}

export const cannotDiscard: Refusal = {
  code: 'unsupported',
  message: 'No mounted file system on the disk can discard.',
};
