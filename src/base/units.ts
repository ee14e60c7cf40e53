/** Sizes, rates and durations as people write and read them. Binary units throughout, as QEMU has them. */
import { UsageError } from './errors.js';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;
const SIZE = /^(\d+(?:\.\d+)?)\s*(?:([kmgtp])(?:ib)?|b)?$/i;
const LETTERS = 'kmgtp';
const DURATION = /^(\d+(?:\.\d+)?)\s*(ms|s|min|h)$/i;
const MILLISECONDS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  min: 60_000,
  h: 3_600_000,
};
const MS_PER_DAY = 86_400_000;

/**
 * A size as QEMU takes it: `512k`, `64KiB`, `1.5G`, `4096`; k, M, G, T and P are powers of 1024.
 * @param option the option's name, for the error.
 * @returns bytes, a safe integer.
 * @throws UsageError when it is not such a size, or not a whole number of bytes.
 */
export function parseSize(text: string, option: string): number {
  const match = SIZE.exec(text.trim());
  if (!match) {
    throw new UsageError(`${option}: '${text}' is not a size.`, {
      hint: /^[\d.]+\s*[kmgtp]b$/i.test(text.trim())
        ? 'Write MiB for 1024 × 1024 bytes; MB could mean two things.'
        : 'Give a number and a unit: B, KiB, MiB, GiB or TiB (k, M, G and T mean the same), such as 64KiB or 1.5GiB.',
    });
  }
  const power = match[2] ? LETTERS.indexOf(match[2].toLowerCase()) + 1 : 0;
  const bytes = Number(match[1]) * 1024 ** power;
  if (!Number.isSafeInteger(bytes)) {
    throw new UsageError(`${option}: '${text}' is not a size that can be used.`, {
      hint: 'It must be a whole number of bytes, below 8 PiB.',
    });
  }
  return bytes;
}

/**
 * A rate: a size, `/s` after it or not.
 * @returns bytes a second, more than 0.
 * @throws UsageError as parseSize does, and for 0.
 */
export function parseRate(text: string, option: string): number {
  const rate = parseSize(text.trim().replace(/\/s$/i, ''), option);
  if (rate === 0) {
    throw new UsageError(`${option}: a rate of 0 would never end.`, {
      hint: 'Give bytes a second, such as 100MiB; leave the option out for no cap.',
    });
  }
  return rate;
}

/**
 * A duration: `300ms`, `2s`, `1.5min`, `1h`. The unit is never left out.
 * @returns milliseconds, from 0 to a day.
 * @throws UsageError when it is not such a duration.
 */
export function parseDuration(text: string, option: string): number {
  const match = DURATION.exec(text.trim());
  const milliseconds = match && Number(match[1]) * MILLISECONDS[match[2]!.toLowerCase()]!;
  if (milliseconds === null || milliseconds > MS_PER_DAY) {
    throw new UsageError(`${option}: '${text}' is not a duration.`, {
      hint: 'Give a number and a unit, ms, s, min or h, of a day at most, such as 300ms or 2s.',
    });
  }
  return milliseconds;
}

/**
 * A whole number within bounds.
 * @throws UsageError when it is none, or is out of them.
 */
export function parseCount(text: string, option: string, minimum: number, maximum: number): number {
  const value = /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (Number.isNaN(value) || value < minimum || value > maximum) {
    throw new UsageError(`${option}: '${text}' is not a number that can be used.`, {
      hint: `Give a whole number from ${minimum} to ${maximum}.`,
    });
  }
  return value;
}

/** Bytes in the largest unit that keeps them at 1 or more: `640 KiB`, `1.5 GiB`; at most 4 digits. */
export function formatBytes(bytes: number): string {
  let power = 0;
  let value = bytes;
  while (value >= 1023.5 && power < UNITS.length - 1) {
    value /= 1024;
    power++;
  }
  return `${threeDigits(value)} ${UNITS[power]!}`;
}

/** Bytes a second. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

/** Milliseconds as a person reads them: `0.4 ms`, `312 ms`, `12.3 s`, `2 min 05 s`, `1 h 12 min`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 999.5) return `${threeDigits(milliseconds)} ms`;
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${twoDigits(seconds % 60)} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${twoDigits(minutes % 60)} min`;
}

/** A part of a whole in percent, a digit after the point below 10; 100 only when nothing is left. */
export function formatShare(part: number, whole: number): string {
  if (whole <= 0) return '0 %';
  const percent = (part / whole) * 100;
  if (part < whole && percent >= 99.5) return '99 %';
  return percent > 0 && percent < 9.95 ? `${percent.toFixed(1)} %` : `${Math.round(percent)} %`;
}

function threeDigits(value: number): string {
  if (value >= 99.95) return String(Math.round(value));
  return value.toFixed(1).replace(/\.0$/, '');
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
