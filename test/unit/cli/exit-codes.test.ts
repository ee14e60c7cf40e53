import { describe, expect, it } from 'vitest';
import {
  CancelledError,
  ConnectError,
  ConnectionLostError,
  DestinationError,
  MonitorBusyError,
  NotConvergedError,
  UsageError,
  VerificationError,
} from '../../../src/base/errors.js';
import {
  EXIT,
  EXIT_CODES,
  exitCodeHelp,
  exitCodeOfError,
  exitCodeOfRun,
} from '../../../src/cli/exit-codes.js';
import { summaryWith } from './fixtures.js';

describe('exit codes', () => {
  it.each([
    [new UsageError('x'), 2],
    [new NotConvergedError('x'), 3],
    [new VerificationError('x', []), 4],
    [new ConnectError('x'), 5],
    [new MonitorBusyError('x'), 5],
    [new CancelledError('x'), 130],
    [new DestinationError('x'), 1],
    [new ConnectionLostError('x'), 1],
    [new TypeError('x'), 1],
  ])('of %s is %d', (error, code) => {
    expect(exitCodeOfError(error)).toBe(code);
  });

  it('of a completed run is 0', () => {
    expect(exitCodeOfRun(summaryWith({}), undefined)).toBe(0);
  });

  it('of a failed run follows the error', () => {
    const failed = summaryWith({ outcome: 'failed', switchedOver: false });
    expect(exitCodeOfRun(failed, new VerificationError('x', []))).toBe(4);
    expect(exitCodeOfRun(failed, undefined)).toBe(1);
  });

  it('of a cancelled run is 130', () => {
    const cancelled = summaryWith({ outcome: 'cancelled', switchedOver: false });
    expect(exitCodeOfRun(cancelled, new CancelledError('x'))).toBe(130);
    expect(exitCodeOfRun(cancelled, undefined)).toBe(130);
  });

  it.each([
    { guest: 'gone', switchedOver: false },
    { guest: 'unknown', switchedOver: false },
    { guest: 'running', switchedOver: true },
  ] as const)('is 6 when a failed run leaves the guest uncertain: %o', (changes) => {
    const failed = summaryWith({ outcome: 'failed', ...changes });
    expect(exitCodeOfRun(failed, new ConnectionLostError('x'))).toBe(6);
  });

  it('is 5 when nothing was begun', () => {
    const nothing = { outcome: 'failed', guest: 'unknown', rounds: 0, sentBytes: 0 } as const;
    const failed = summaryWith({ ...nothing, switchedOver: false });
    expect(exitCodeOfRun(failed, new ConnectError('x'))).toBe(5);
  });

  it('has each code once, and all of them in the help', () => {
    const codes = EXIT_CODES.map(({ code }) => code);
    expect(new Set(codes)).toEqual(new Set(Object.values(EXIT)));
    expect(codes).toHaveLength(Object.values(EXIT).length);
    for (const code of codes) expect(exitCodeHelp()).toMatch(new RegExp(`^ +${code}  \\S`, 'm'));
  });
});
