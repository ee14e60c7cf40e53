/** Changes a line of JSON so that it is JSON still, though not what its reader is used to. */
import type { Random } from '../../unit/support/random.js';
import { mutateBytes } from './bytes.js';
import { LITERALS, NAMES, NUMBERS } from './values.js';

type Container = Record<string, unknown> | unknown[];
interface Place {
  readonly container: Container;
  readonly key: string | number;
}

/** Places that are looked at in a line. */
const MOST_PLACES = 400;
/** Stand in a line for what JSON.stringify would not write, until they are replaced. */
const RAW = 'raw-7e3f';
const AGAIN = 'again-7e3f';

/** What may stand in place of any value. */
function rawValue(random: Random): string {
  const chance = random.next();
  if (chance < 0.4) return random.pick(...NUMBERS);
  if (chance < 0.8) return random.pick(...LITERALS);
  if (chance < 0.9) return JSON.stringify('x'.repeat(random.below(400)));
  const long = random.chance(0.05);
  if (chance < 0.95) return JSON.stringify('long '.repeat(long ? 14_000 : 40));
  const depth = long ? 20_000 : 60;
  return random.chance(0.5)
    ? '['.repeat(depth) + ']'.repeat(depth)
    : `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
}

function placesIn(value: unknown): Place[] {
  const places: Place[] = [];
  const open: unknown[] = [value];
  while (open.length > 0 && places.length < MOST_PLACES) {
    const container = open.pop();
    if (typeof container !== 'object' || container === null) continue;
    const keys = Array.isArray(container) ? [...container.keys()] : Object.keys(container);
    for (const key of keys.slice(0, MOST_PLACES)) {
      places.push({ container: container as Container, key });
      open.push((container as Record<string | number, unknown>)[key]);
    }
  }
  return places;
}

const at = ({ container, key }: Place): unknown =>
  (container as Record<string | number, unknown>)[key];

function put({ container, key }: Place, value: unknown): void {
  (container as Record<string | number, unknown>)[key] = value;
}

/** Changes the value at a place; gives what `RAW` stands for. */
function changeAt(place: Place, places: readonly Place[], random: Random): string {
  const { container, key } = place;
  const value = at(place);
  const change = random.below(9);
  if (change === 0) {
    if (Array.isArray(container)) container.splice(Number(key), 1);
    else Reflect.deleteProperty(container, key);
  } else if (change === 1 && !Array.isArray(container)) {
    put({ container, key: `${RAW}-name` }, RAW);
  } else if (change === 2 && !Array.isArray(container)) {
    put({ container, key: AGAIN }, RAW);
  } else if (change === 3 && Array.isArray(container)) {
    container.push(...Array.from({ length: random.below(60) }, () => value));
  } else if (change === 4) {
    const other = places[random.below(places.length)]!;
    const isInside = typeof value === 'object' || typeof at(other) === 'object';
    if (isInside) put(place, RAW);
    else {
      put(place, at(other));
      put(other, value);
    }
  } else if (change === 5 && typeof value === 'number') {
    put(place, value + random.pick(-1, 1, 0.5, 2 ** 32, -(2 ** 31)));
  } else {
    put(place, RAW);
  }
  return rawValue(random);
}

function mutateValue(value: unknown, random: Random): string {
  const places = placesIn(value);
  if (places.length === 0 || random.chance(0.02)) return rawValue(random);
  const place = places[random.below(places.length)]!;
  const raw = changeAt(place, places, random);
  const name = JSON.stringify(random.pick(...NAMES));
  const again = JSON.stringify(String(place.key));
  return JSON.stringify(value)
    .replace(`"${RAW}-name"`, () => name)
    .replace(`"${AGAIN}"`, () => again)
    .replace(`"${RAW}"`, () => raw);
}

/** One to three changes to the line, which keeps its end; what is no JSON is changed as bytes. */
export function mutateJson(line: Buffer, random: Random): Buffer {
  const text = line.toString('utf8');
  const end = /\r?\n$/.exec(text)?.[0] ?? '';
  let changed = text.slice(0, text.length - end.length);
  try {
    for (let left = 1 + random.below(3); left > 0; left--)
      changed = mutateValue(JSON.parse(changed), random);
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
    if (changed === text.slice(0, text.length - end.length)) return mutateBytes(line, random, line);
  }
  return Buffer.from(changed + end);
}
