/** What the guest's kernel is set to: what holds unless told otherwise, and what can be. */
import { UsageError } from '../../base/errors.js';
import { PAGE_BYTES, type GuestSettings } from './types.js';

/** A small guest with a fast disk, as the real lab's; the kernel's own defaults elsewhere. */
export const DEFAULT_SETTINGS: GuestSettings = {
  cacheBytes: 256 * 1024 ** 2,
  dirtyBackgroundRatio: 10,
  dirtyRatio: 20,
  dirtyWritebackCentisecs: 500,
  dirtyExpireCentisecs: 3000,
  journalCommitMs: 5000,
  diskBytesPerSecond: 500e6,
  diskFlushMs: 1,
};

/** Lowest and highest of each, both included, and whether it is an integer. */
const RANGES: Record<keyof GuestSettings, readonly [low: number, high: number, integer: boolean]> =
  {
    cacheBytes: [16 * PAGE_BYTES, 1024 ** 4, true],
    dirtyBackgroundRatio: [0, 100, true],
    dirtyRatio: [0, 100, true],
    dirtyWritebackCentisecs: [0, 2 ** 31 - 1, true],
    dirtyExpireCentisecs: [0, 2 ** 31 - 1, true],
    journalCommitMs: [1, 2 ** 31 - 1, false],
    diskBytesPerSecond: [1, 1e15, false],
    diskFlushMs: [0, 60_000, false],
  };

/** The settings with what is changed. @throws UsageError when one is out of range. */
export function changeSettings(
  settings: GuestSettings,
  change: Partial<GuestSettings>,
): GuestSettings {
  const changed = { ...settings, ...change };
  for (const [name, [low, high, integer]] of Object.entries(RANGES)) {
    const value = changed[name as keyof GuestSettings];
    if (!(value >= low && value <= high) || (integer && !Number.isInteger(value)))
      throw new UsageError(
        `The guest's ${name} can't be ${value}: it is ${integer ? 'an integer' : 'a number'} from ${low} to ${high}.`,
      );
  }
  return changed;
}

/** The limits of dirty memory, in pages. */
export interface Thresholds {
  /** Above it the flusher writes until it is below. */
  readonly background: number;
  /** Up to it writers run freely. */
  readonly free: number;
  /** Writers wait here until pages were written. */
  readonly limit: number;
}

/** As the kernel's `domain_dirty_limits` and `dirty_freerun_ceiling` compute them. */
export function thresholdsOf(settings: GuestSettings): Thresholds {
  const pages = settings.cacheBytes / PAGE_BYTES;
  const limit = Math.max(1, Math.floor((pages * settings.dirtyRatio) / 100));
  const asked = Math.floor((pages * settings.dirtyBackgroundRatio) / 100);
  const background = asked >= limit ? Math.floor(limit / 2) : asked;
  return { background, free: Math.floor((limit + background) / 2), limit };
}
