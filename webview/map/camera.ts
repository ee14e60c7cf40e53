/** What is seen of a map: zoom and pan from the whole disk down to one block. Pure. */
import type { Seen } from './painter.js';

/** Fewest places across. */
const LEAST_WIDTH = 3;

/** The whole map in the middle of a room of `width` × `height` pixels. */
export function whole(
  map: { readonly width: number; readonly height: number },
  room: { readonly width: number; readonly height: number },
): Seen {
  const scale = Math.max(map.width / room.width, map.height / room.height) * 1.01;
  const width = room.width * scale;
  const height = room.height * scale;
  return { x: (map.width - width) / 2, y: (map.height - height) / 2, width, height };
}

/** Zooms by `factor` about a point that stays where it is; `at` is 0 to 1 of the room. */
export function zoom(
  seen: Seen,
  factor: number,
  at: { readonly x: number; readonly y: number },
  limits: { readonly widest: number },
): Seen {
  const width = Math.min(limits.widest, Math.max(LEAST_WIDTH, seen.width / factor));
  const real = seen.width / width;
  const height = seen.height / real;
  return {
    x: seen.x + at.x * (seen.width - width),
    y: seen.y + at.y * (seen.height - height),
    width,
    height,
  };
}

/** Moves so that something of the map stays in sight. */
export function pan(
  seen: Seen,
  by: { readonly x: number; readonly y: number },
  map: { readonly width: number; readonly height: number },
): Seen {
  const keep = 0.1;
  const within = (value: number, least: number, most: number): number =>
    Math.min(most, Math.max(least, value));
  return {
    ...seen,
    x: within(seen.x + by.x, seen.width * (keep - 1), map.width - seen.width * keep),
    y: within(seen.y + by.y, seen.height * (keep - 1), map.height - seen.height * keep),
  };
}

/** Moves as little as is needed to have a place in sight. */
export function reveal(seen: Seen, place: { readonly x: number; readonly y: number }): Seen {
  const along = (start: number, length: number, at: number): number => {
    if (at < start) return at;
    return at + 1 > start + length ? at + 1 - length : start;
  };
  return {
    ...seen,
    x: along(seen.x, seen.width, place.x),
    y: along(seen.y, seen.height, place.y),
  };
}
