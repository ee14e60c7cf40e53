/** Whether a migration comes to its end: the arithmetic, case by case. */
import { describe, expect, it } from 'vitest';
import {
  expectedDowntimeMs,
  explainNonConvergence,
  fitsDowntime,
  forecast,
  roundsStillHelp,
  type RoundFigures,
} from '../../../src/engine/policy/index.js';

const MIB = 1024 * 1024;

describe('the downtime limit', () => {
  it('is kept to the byte', () => {
    expect(fitsDowntime(30 * MIB, 100 * MIB, 300)).toBe(true);
    expect(fitsDowntime(30 * MIB + 1, 100 * MIB, 300)).toBe(false);
  });

  it('includes what a pause costs beside the sending', () => {
    expect(fitsDowntime(30 * MIB, 100 * MIB, 300, 1)).toBe(false);
    expect(fitsDowntime(0, 100 * MIB, 10, 11)).toBe(false);
    expect(expectedDowntimeMs(10 * MIB, 100 * MIB, 25)).toBe(125);
  });

  it('is kept by nothing but an empty rest when nothing can be sent', () => {
    expect(fitsDowntime(0, 0, 300)).toBe(true);
    expect(fitsDowntime(1, 0, 300)).toBe(false);
  });
});

describe('rounds still help', () => {
  const round = (pendingBytes: number, undeferredBytes = pendingBytes, sentBytes = 1) =>
    ({
      sentBytes,
      resentBytes: 0,
      pendingBytes,
      undeferredBytes,
      deferredBytes: pendingBytes - undeferredBytes,
      durationMs: 1,
    }) satisfies RoundFigures;
  const cases: [string, RoundFigures[], boolean][] = [
    ['before the first', [], true],
    ['after the first two, whatever they were', [round(100), round(100)], true],
    ['while pending shrinks', [round(100), round(80), round(60)], true],
    ['after one that did not, for it may be chance', [round(100), round(80), round(90)], true],
    ['not after two that did not', [round(100), round(95), round(99)], false],
    [
      'while only what is not put off shrinks',
      [round(100, 50), round(100, 30), round(100, 9)],
      true,
    ],
    ['not when pending grows', [round(100), round(120), round(150)], false],
    ['not when one sent nothing', [round(100), round(50, 50, 0)], false],
    ['not when what is not put off stays', [round(90, 50), round(90, 49), round(90, 50)], false],
  ];
  it.each(cases)('%s', (_, rounds, expected) => {
    expect(roundsStillHelp(rounds)).toBe(expected);
  });
});

describe('the forecast', () => {
  const outlook = { pendingBytes: 1030, bandwidth: 100, dirtyRate: 0, downtimeLimitMs: 300 };

  it('is the plain quotient when the guest is idle', () => {
    expect(forecast(outlook)).toEqual({ bytes: 1030, remainingMs: 10_300, downtimeMs: 10_300 });
  });

  it('counts what is dirtied until the rest fits', () => {
    const { bytes, remainingMs } = forecast({ ...outlook, dirtyRate: 50 });
    expect(remainingMs).toBe(20_300);
    expect(bytes).toBe(2030);
  });

  it('sees no end when the guest is faster than the link', () => {
    expect(forecast({ ...outlook, dirtyRate: 100 })).toEqual({
      bytes: null,
      remainingMs: null,
      downtimeMs: 10_300,
    });
  });

  it('sees an end even then when the rest fits already', () => {
    expect(forecast({ ...outlook, pendingBytes: 30, dirtyRate: 500 }).remainingMs).toBe(300);
  });

  it('is at the end when nothing is pending', () => {
    const done = { ...outlook, pendingBytes: 0 };
    expect(forecast(done)).toEqual({ bytes: 0, remainingMs: 0, downtimeMs: 0 });
  });

  it('knows nothing without bandwidth', () => {
    expect(forecast({ ...outlook, bandwidth: 0 })).toEqual({
      bytes: null,
      remainingMs: null,
      downtimeMs: null,
    });
  });
});

describe('the verdict in words', () => {
  const outlook = {
    pendingBytes: 300 * MIB,
    bandwidth: 30 * MIB,
    dirtyRate: 42 * MIB,
    downtimeLimitMs: 300,
    rounds: 30,
  };

  it('a guest that dirties faster than the link carries', () => {
    const { message, hint } = explainNonConvergence(outlook);
    expect(message).toBe(
      'It cannot converge while the guest dirties 42 MiB/s, the link carries 30 MiB/s. After 30 rounds 300 MiB are left, and to send them would pause the guest for 10 s, where the limit is 300 ms.',
    );
    expect(hint).toMatch(/^Raise the bandwidth cap/);
  });

  it('a guest that writes the same blocks again and again', () => {
    const { message, hint } = explainNonConvergence({ ...outlook, dirtyRate: 20 * MIB });
    expect(message).toMatch(
      /^It comes no closer although the guest dirties 20 MiB\/s, the link carries 30 MiB\/s/,
    );
    expect(hint).toMatch(/^Raise the downtime limit to 10 s or more/);
  });

  it('a link that carries nothing', () => {
    const { message } = explainNonConvergence({ ...outlook, bandwidth: 0 });
    expect(message).toContain('the link carries 0 bytes/s');
    expect(message).toContain('would pause the guest for ever');
  });
});
