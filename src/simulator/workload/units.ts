/** The units of a workload description: what its strings mean. Their form is the schema's business. */
import { PAGE_BYTES } from '../guest/types.js';

/** A size as it was written: so many pages, or a share of something else. */
export type ParsedSize = { readonly pages: number } | { readonly share: number };

/** How much a writer does: operations, or pages that it reads and writes, a second. */
export interface ParsedRate {
  readonly unit: 'operations' | 'pages';
  readonly perSecond: number;
}

const BYTES: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
  page: PAGE_BYTES,
  pages: PAGE_BYTES,
};

const MILLISECONDS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  min: 60_000,
  h: 3_600_000,
};

function split(text: string): { amount: number; unit: string } {
  const [, amount, unit] = /^([0-9.]+) ?(.+)$/.exec(text)!;
  return { amount: Number(amount), unit: unit! };
}

/** A share such as `25 %`, as a part of 1. */
export function parseShare(text: string): number {
  return split(text).amount / 100;
}

/** A size such as `64 KiB`, `3 pages` or `12.5 %`; pages may be a fraction. */
export function parseSize(text: string): ParsedSize {
  const { amount, unit } = split(text);
  if (unit === '%') return { share: amount / 100 };
  return { pages: (amount * BYTES[unit]!) / PAGE_BYTES };
}

/** In milliseconds. */
export function parseDuration(text: string): number {
  const { amount, unit } = split(text);
  return amount * MILLISECONDS[unit]!;
}

/** A rate such as `200 pages/s`, `4 MiB/s` or `25 operations/s`. */
export function parseRate(text: string): ParsedRate {
  const { amount, unit } = split(text.slice(0, -'/s'.length));
  if (unit.startsWith('operation')) return { unit: 'operations', perSecond: amount };
  return { unit: 'pages', perSecond: (amount * BYTES[unit]!) / PAGE_BYTES };
}

/** Whole pages, at least one: up for a size of its own, down for a share of `whole` pages. */
export function wholePages(size: ParsedSize, whole: number): number {
  return Math.max(1, 'share' in size ? Math.floor(size.share * whole) : Math.ceil(size.pages));
}
