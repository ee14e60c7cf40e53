/** Classes of words, the table of their colours, and the mean of many. */
import { describe, expect, it } from 'vitest';
import {
  CLASSES,
  DIFFERS,
  LAYERS,
  PENDING,
  WEIGHTS,
  classifierOf,
  colourTable,
  createPalette,
  hatchedStates,
  shownMean,
  stateOf,
  unit,
  type LayerName,
  type ShownLayer,
} from '../../../src/heatmap/index.js';

const palette = createPalette('dark', 'auto');
const LAYER_NAMES = Object.keys(LAYERS) as LayerName[];

function colourIn(layer: ShownLayer, word: number, lit = 0, marked = true): number[] {
  const at = classifierOf(layer)(word) + (marked ? 0 : CLASSES);
  return [...colourTable({ layer, palette, lit }).subarray(at * 4, at * 4 + 4)];
}

function close(expected: readonly number[]): unknown {
  return expected.map((part) => expect.closeTo(part, 5) as unknown);
}

describe('the colour of a word', () => {
  const words = [0, 1, 7, PENDING, PENDING | (3 << 16), DIFFERS, 3 << 24, 1 << 26, 1 << 23, 9 << 8];

  it.each(LAYER_NAMES)('is the palette’s of its state in %s', (layer) => {
    for (const word of words) {
      const state = stateOf(layer, word);
      const expected = [...unit(palette[layer][state]!), WEIGHTS[layer][state]!];
      expect(colourIn(layer, word)).toEqual(close(expected));
    }
  });

  it('has the cache’s over the migration’s where layers are blended, if it is not clean', () => {
    const sent = unit(palette.migration[1]!);
    const dirty = unit(palette.cache[3]!);
    expect(colourIn('blended', 1 | (1 << 24)).slice(0, 3)).toEqual(close(sent));
    const over = sent.map((part, index) => part + (dirty[index]! - part) * 0.55);
    expect(colourIn('blended', 1 | (3 << 24))).toEqual(close([...over, 1]));
  });

  it('is near the ground where its state is not lit, or it is not marked', () => {
    const ground = unit(palette.ground);
    const own = unit(palette.migration[3]!);
    const dim = ground.map((part, index) => part + (own[index]! - part) * 0.15);
    expect(colourIn('migration', PENDING, 1 << 1)).toEqual(close([...dim, 0.08]));
    expect(colourIn('migration', PENDING, 1 << 3)).toEqual(close([...own, 0.5]));
    expect(colourIn('migration', PENDING, 0, false)).toEqual(close([...dim, 0.08]));
  });

  it('has a class below CLASSES for every word', () => {
    for (const layer of [...LAYER_NAMES, 'blended'] as const)
      for (const word of [...words, 0xffffffff, 0x0fffffff])
        expect(classifierOf(layer)(word)).toBeLessThan(CLASSES);
  });
});

it('hatches deferred and differing blocks, and what is written back', () => {
  expect(hatchedStates('migration')).toBe((1 << 5) | (1 << 6));
  expect(hatchedStates('blended')).toBe((1 << 5) | (1 << 6));
  expect(hatchedStates('cache')).toBe(1 << 2);
  expect(hatchedStates('disk')).toBe(0);
});

describe('the mean of many cells', () => {
  it('is the ground where there are none', () => {
    expect(shownMean(0, 0, 0.3)).toBe(0.3);
  });

  it('leans to what weighs more', () => {
    const [light, heavy] = [0.8 * 0.5, 0.2 * 1];
    expect(shownMean((light + heavy) / 2, 0.75, 0.1)).toBeCloseTo(0.4);
  });

  it('fades into the ground where little matters', () => {
    expect(shownMean(0.1, 0.1, 0.5)).toBeCloseTo(0.5 + 0.5 * 0.6);
  });
});
