import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/base/errors.js';
import {
  formatBytes,
  formatDuration,
  formatRate,
  formatShare,
  parseCount,
  parseDuration,
  parseRate,
  parseSize,
} from '../../../src/base/units.js';

const UNITS = ['', 'k', 'M', 'G', 'T'] as const;

describe('sizes', () => {
  it.each([
    ['0', 0],
    ['4096', 4096],
    ['512B', 512],
    ['512k', 524_288],
    ['64KiB', 65_536],
    ['64 kib', 65_536],
    ['100MiB', 104_857_600],
    ['1.5G', 1_610_612_736],
    ['2TiB', 2_199_023_255_552],
  ])('reads %s', (text, bytes) => {
    expect(parseSize(text, '--size')).toBe(bytes);
  });

  it.each([
    '',
    'k',
    '-1',
    '1e3',
    '1,5G',
    '0x10',
    '1 2',
    '64KB',
    '10 MB',
    '1.5',
    '9PiB',
    '1..5k',
    'Infinity',
  ])('refuses %j and names the option', (text) => {
    expect(() => parseSize(text, '--size')).toThrow(UsageError);
    expect(() => parseSize(text, '--size')).toThrow(/^--size: /);
  });

  it('says why MB is refused', () => {
    expect(() => parseSize('64MB', '--size')).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('MiB') as string }),
    );
  });

  it('reads whole numbers of any unit exactly', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 1023 }),
        fc.constantFrom(0, 1, 2, 3, 4),
        fc.boolean(),
        (n, power, long) => {
          const unit = UNITS[power] + (long && power > 0 ? 'iB' : '');
          expect(parseSize(`${n}${unit}`, '-')).toBe(n * 1024 ** power);
        },
      ),
    );
  });

  it('never throws anything but UsageError, and gives safe integers', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.stringMatching(/^[\d.]{0,20}[kMGTPiBs/ ]{0,4}$/)),
        (text) => {
          for (const parse of [parseSize, parseRate]) {
            try {
              expect(Number.isSafeInteger(parse(text, '-'))).toBe(true);
            } catch (error) {
              expect(error).toBeInstanceOf(UsageError);
            }
          }
        },
      ),
    );
  });

  it('formats what can be read again, within the digits shown', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 50 }), (bytes) => {
        const text = formatBytes(bytes);
        expect(text.length).toBeLessThanOrEqual(8);
        const [number, unit] = text.split(' ') as [string, string];
        const read =
          Number(number) * 1024 ** ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'].indexOf(unit);
        expect(Math.abs(read - bytes)).toBeLessThanOrEqual(Math.max(bytes * 0.051, 0));
      }),
    );
  });

  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1 KiB'],
    [65_536, '64 KiB'],
    [1_048_575, '1 MiB'],
    [1_572_864, '1.5 MiB'],
    [335_544_320, '320 MiB'],
  ])('formats %d', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe('rates', () => {
  it('takes a size with or without a second', () => {
    expect(parseRate('100MiB', '-')).toBe(104_857_600);
    expect(parseRate('100MiB/s', '-')).toBe(104_857_600);
    expect(formatRate(104_857_600)).toBe('100 MiB/s');
  });

  it('refuses 0', () => {
    expect(() => parseRate('0', '--max-bandwidth')).toThrow(/^--max-bandwidth: a rate of 0/);
  });
});

describe('durations', () => {
  it.each([
    ['300ms', 300],
    ['2s', 2000],
    ['1.5 min', 90_000],
    ['0ms', 0],
    ['1h', 3_600_000],
  ])('reads %s', (text, milliseconds) => {
    expect(parseDuration(text, '-')).toBe(milliseconds);
  });

  it.each(['', '300', 'ms', '-1s', '2m', '25h', '1 s 2', '١s'])('refuses %j', (text) => {
    expect(() => parseDuration(text, '--downtime-limit')).toThrow(
      /^--downtime-limit: .* not a duration/,
    );
  });

  it.each([
    [0.42, '0.4 ms'],
    [312.3, '312 ms'],
    [999.6, '1.0 s'],
    [12_345, '12.3 s'],
    [59_949, '59.9 s'],
    [59_960, '1 min 00 s'],
    [125_000, '2 min 05 s'],
    [3_599_600, '1 h 00 min'],
    [4_320_000, '1 h 12 min'],
  ])('formats %d', (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });

  it('gives every duration in at most 11 characters', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 86_400_000 * 30, noNaN: true }), (milliseconds) => {
        expect(formatDuration(milliseconds)).toMatch(/^[\d.]+ (ms|s|min \d\d s|h \d\d min)$/);
        expect(formatDuration(milliseconds).length).toBeLessThanOrEqual(12);
      }),
    );
  });
});

describe('counts and shares', () => {
  it('keeps a count within its bounds', () => {
    expect(parseCount('30', '-', 1, 100)).toBe(30);
    for (const text of ['0', '101', '1.5', '', 'x', '-3', '1e1'])
      expect(() => parseCount(text, '--max-rounds', 1, 100)).toThrow(/^--max-rounds: /);
  });

  it('says 100 % only when all is there', () => {
    expect(formatShare(9999, 10_000)).toBe('99 %');
    expect(formatShare(10_000, 10_000)).toBe('100 %');
    expect(formatShare(6, 1000)).toBe('0.6 %');
    expect(formatShare(0, 0)).toBe('0 %');
  });
});
