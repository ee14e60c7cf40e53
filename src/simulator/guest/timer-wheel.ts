/**
 * When a timer of the kernel fires (kernel/time/timer.c): the longer it is set for, the coarser the
 * step to which it is rounded up. A timer of five seconds that is set anew each time it fires does so
 * every 5.12 s.
 */

/** Of Debian's kernels (CONFIG_HZ=250), in milliseconds. */
const JIFFY_MS = 4;
/** A level of the wheel has so many steps, and each step of the next one is so many of its own. */
const LEVEL_STEPS = 63;
const NEXT_LEVEL = 8;

/**
 * @param phaseMs where the steps begin.
 * @returns when a timer fires that is set at `nowMs` for `delayMs` later.
 */
export function timerDueMs(nowMs: number, delayMs: number, phaseMs: number): number {
  let stepMs = JIFFY_MS;
  while (delayMs >= LEVEL_STEPS * stepMs) stepMs *= NEXT_LEVEL;
  return Math.ceil((nowMs + delayMs - phaseMs) / stepMs) * stepMs + phaseMs;
}
