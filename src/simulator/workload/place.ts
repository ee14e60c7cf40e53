/** Where in a file an operation goes, and which file it takes: draws of places by a distribution. */
import type { Random } from '../random.js';
import type { Where } from './description.generated.js';
import { parseShare, parseSize, wholePages } from './units.js';

/**
 * Draws one of so many places that lie side by side.
 * @param places how many there are, at least 1.
 * @param placePages how large each is; with the file's pages it says what a unit is.
 */
export type Draw = (places: number, placePages: number, filePages: number) => number;

/** `a * b` modulo `m`, exact for `m` up to 2^37. */
function multiplyModulo(a: number, b: number, m: number): number {
  if (a * b <= Number.MAX_SAFE_INTEGER) return (a * b) % m;
  const high = multiplyModulo(a, Math.floor(b / 65536), m);
  return (high * 65536 + ((a * (b % 65536)) % m)) % m;
}

/** Puts ranks 0 to `count - 1` apart from each other, as the real lab's workload does. */
export function scatter(rank: number, count: number): number {
  return multiplyModulo(rank, 2654435761 % count, count);
}

/** A rank from 0 to `count - 1`; that of number r has a share in proportion to 1 / (r + 1)^exponent. */
export function zipfRank(random: Random, exponent: number, count: number): number {
  const uniform = random.next();
  const power = 1 - exponent;
  const value =
    Math.abs(power) < 1e-9
      ? Math.exp(uniform * Math.log(count + 1))
      : (1 + uniform * ((count + 1) ** power - 1)) ** (1 / power);
  return Math.min(count - 1, Math.max(0, Math.floor(value) - 1));
}

/** Draws a unit by `drawUnit`, and in it a place that is as likely as any other. */
function inUnits(
  random: Random,
  unit: string | undefined,
  drawUnit: (units: number) => number,
): Draw {
  const size = unit === undefined ? undefined : parseSize(unit);
  return (places, placePages, filePages) => {
    const wanted = size ? Math.floor(wholePages(size, filePages) / placePages) : 1;
    const inUnit = Math.min(places, Math.max(1, wanted));
    const place = drawUnit(Math.floor(places / inUnit)) * inUnit;
    return inUnit === 1 ? place : place + random.below(inUnit);
  };
}

/** The draws of a distribution; undefined for `in order`, which has no chance in it. */
export function createDraw(where: Where, random: Random): Draw | undefined {
  if (where === 'in order') return undefined;
  if (where === 'start') return () => 0;
  if (where === 'anywhere') return (places) => random.below(places);
  if ('zipf' in where) {
    const exponent = where.zipf;
    return inUnits(random, where.unit, (units) =>
      scatter(zipfRank(random, exponent, units), units),
    );
  }
  const hot = parseShare(where.hot);
  const gets = parseShare(where.gets);
  return inUnits(random, where.unit, (units) => {
    const hotUnits = Math.min(units, Math.max(1, Math.round(units * hot)));
    const isHot = random.next() < gets || hotUnits === units;
    const rank = isHot ? random.below(hotUnits) : hotUnits + random.below(units - hotUnits);
    return scatter(rank, units);
  });
}
