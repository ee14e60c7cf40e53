/**
 * What colour a word has: its class, by the layer, and a table of the colours of all classes. Every
 * painter of a map, on a graphics card or not, paints by the same table. Pure.
 */
import { HATCHED, WEIGHTS, type Colour, type Palette } from './palette.js';
import {
  LAYERS,
  cacheStateOf,
  diskStateOf,
  frequencyStateOf,
  migrationStateOf,
  type LayerName,
} from './word.js';

/** One layer, or all of them blended. */
export type ShownLayer = LayerName | 'blended';

/** How a map is coloured. */
export interface Colouring {
  readonly layer: ShownLayer;
  readonly palette: Palette;
  /** A bit for each state that is lit; 0 for all. */
  readonly lit: number;
}

/** How many classes there are: a state, and 8 times that of the page cache where layers are blended. */
export const CLASSES = 32;

/** How much of the cache's colour is in a blended one. */
const BLEND = 0.55;
/** How much of its colour and what weight something has that is not lit. */
const DIM = { share: 0.15, weight: 0.08 };
/** How soon the mean of many cells is seen in full. */
const MEAN_GAIN = 6;

/** Finds the class of a word, below {@link CLASSES}. */
export function classifierOf(layer: ShownLayer): (word: number) => number {
  switch (layer) {
    case 'migration':
      return migrationStateOf;
    case 'cache':
      return cacheStateOf;
    case 'disk':
      return diskStateOf;
    case 'frequency':
      return frequencyStateOf;
    case 'blended':
      return (word) => migrationStateOf(word) + 8 * cacheStateOf(word);
  }
}

/**
 * Red, green, blue (0 to 1) and weight of each class; the second {@link CLASSES} are those of cells
 * that are not marked while others are.
 */
export function colourTable({ layer, palette, lit }: Colouring): Float32Array {
  const table = new Float32Array(2 * CLASSES * 4);
  const own = layer === 'blended' ? 'migration' : layer;
  LAYERS[own].forEach((_, state) => {
    for (let cached = 0; cached < (layer === 'blended' ? 4 : 1); cached++) {
      const plain = blended(palette, own, state, layer === 'blended' ? cached : 0);
      const dim = [...mixed(unit(palette.ground), plain, DIM.share), DIM.weight];
      const isDim = lit !== 0 && (lit & (1 << state)) === 0;
      table.set(isDim ? dim : plain, (state + 8 * cached) * 4);
      table.set(dim, (CLASSES + state + 8 * cached) * 4);
    }
  });
  return table;
}

/** A bit for each state that is hatched. */
export function hatchedStates(layer: ShownLayer): number {
  return HATCHED[layer === 'blended' ? 'migration' : layer].reduce(
    (bits, state) => bits | (1 << state),
    0,
  );
}

/**
 * How the mean of many cells is shown: one part of its colour.
 * @param part the mean of the parts, each times its weight.
 * @param weight the mean of the weights.
 * @param ground the same part of the ground, 0 to 1.
 */
export function shownMean(part: number, weight: number, ground: number): number {
  if (weight <= 0.004) return ground;
  return ground + (part / weight - ground) * Math.min(1, weight * MEAN_GAIN);
}

/** From one colour to another. */
export function mixed(
  from: readonly number[],
  to: readonly number[],
  share: number,
): readonly number[] {
  return [0, 1, 2].map((part) => from[part]! + (to[part]! - from[part]!) * share);
}

/** Each part 0 to 1. */
export function unit(colour: Colour): readonly number[] {
  return colour.map((part) => part / 255);
}

/** What is written back or dirty in the page cache lies over what is below. */
function blended(palette: Palette, layer: LayerName, state: number, cached: number): number[] {
  const colour = unit(palette[layer][state]!);
  const weight = WEIGHTS[layer][state]!;
  if (cached < 2) return [...colour, weight];
  const over = unit(palette.cache[cached]!);
  return [...mixed(colour, over, BLEND), Math.max(weight, WEIGHTS.cache[cached]!)];
}
