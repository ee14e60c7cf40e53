/** When the timers of a simulated guest's kernel fire. */
import { describe, expect, it } from 'vitest';
import { timerDueMs } from '../../../../src/simulator/guest/timer-wheel.js';

describe('a timer of the kernel', () => {
  it('fires each 5.12 s when it is set to 5 s each time', () => {
    let now = timerDueMs(17, 5000, 100);
    const times = Array.from({ length: 4 }, () => (now = timerDueMs(now, 5000, 100)));
    expect(times.map((ms) => ms - times[0]!)).toEqual([0, 5120, 10_240, 15_360]);
    expect(times[0]! % 256).toBe(100);
  });

  it.each([
    [0, 0],
    [3, 4],
    [248, 248],
    [253, 256],
    [2016, 2048],
    [600_000, 606_208],
  ])('of %i ms fires after %i, never too early', (delay, due) => {
    expect(timerDueMs(0, delay, 0)).toBe(due);
  });
});
