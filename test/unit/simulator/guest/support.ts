/** A disk that counts, and workloads made of a few acts, for tests of the simulated guest. */
import { createGuest } from '../../../../src/simulator/guest/guest.js';
import type { CacheLook, Guest, GuestSettings } from '../../../../src/simulator/guest/types.js';
import type {
  LaidOutFile,
  OpenFile,
  SystemCalls,
  Workload,
} from '../../../../src/simulator/workload/types.js';

export const PAGE = 4096;
export const MIB = 1024 ** 2;

/** How often each page was written; -1 where it was discarded last. */
export class CountingDevice {
  readonly versions = new Map<number, number>();
  /** Writes, as they came. */
  readonly writes: { readonly first: number; readonly count: number }[] = [];
  readonly discards: { readonly first: number; readonly count: number }[] = [];

  constructor(readonly size: number) {}

  writePages(first: number, count: number): void {
    this.writes.push({ first, count });
    for (let page = first; page < first + count; page++)
      this.versions.set(page, Math.max(0, this.versions.get(page) ?? 0) + 1);
  }

  discardPages(first: number, count: number): void {
    this.discards.push({ first, count });
    for (let page = first; page < first + count; page++) this.versions.delete(page);
  }

  /** Forgets what was written until now, but for the versions. */
  forget(): void {
    this.writes.length = 0;
  }

  get pagesWritten(): number {
    return this.writes.reduce((sum, { count }) => sum + count, 0);
  }
}

/** Does something at a time; `calls` and what it opened by path. */
export type Act = (
  calls: SystemCalls,
  open: (path: string) => OpenFile,
  waited: (ms: number) => void,
) => void;

/** Acts at their times, in milliseconds since the guest began. */
export function workloadOf(
  acts: readonly (readonly [atMs: number, act: Act])[],
  files: readonly LaidOutFile[] = [],
  waits: number[] = [],
): Workload {
  return {
    name: 'acts',
    description: 'Does what a test says.',
    files,
    start(calls) {
      let index = 0;
      const open = (path: string) => calls.open(path) ?? calls.create(path);
      return {
        get nextMs() {
          return acts[index]?.[0] ?? Infinity;
        },
        act() {
          acts[index++]![1](calls, open, (ms) => waits.push(ms));
        },
      };
    },
  };
}

/** Writes `pages` of a file that is there each `everyMs`, as `choose` says. */
export function rewriting(
  files: readonly LaidOutFile[],
  everyMs: number,
  act: (calls: SystemCalls, open: OpenFile, turn: number) => void,
): Workload {
  return {
    name: 'rewriting',
    description: 'Rewrites a file.',
    files,
    start(calls) {
      const file = calls.open(files[0]!.path)!;
      let turn = 0;
      return {
        get nextMs() {
          return turn * everyMs;
        },
        act: () => act(calls, file, turn++),
      };
    },
  };
}

export interface Scene {
  readonly guest: Guest;
  readonly device: CountingDevice;
}

/** A guest on a counting disk; what laying it out wrote is forgotten. */
export function scene(
  workload: Workload,
  settings: Partial<GuestSettings> = {},
  size = 256 * MIB,
): Scene {
  const device = new CountingDevice(size);
  const guest = createGuest({ device, workload, settings, seed: 1 });
  device.forget();
  return { guest, device };
}

/** The bytes of a state and class that a look tells. */
export function bytesOf(look: CacheLook, state: string, kind = 'data'): number {
  return look.runs
    .filter((run) => run.state === state && run.class === kind)
    .reduce((sum, { length }) => sum + length, 0);
}
