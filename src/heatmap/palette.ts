/** Colours of the states of each layer, for every kind of theme. Pure. */
import { LAYERS, type LayerName } from './word.js';

export type ThemeKind = 'dark' | 'light' | 'contrast-dark' | 'contrast-light';
export type PaletteName = 'auto' | 'colour-blind' | 'monochrome';

/** Red, green, blue, each 0 to 255. */
export type Colour = readonly [number, number, number];

/** A colour for each state, in the order of LAYERS. */
export type Palette = Readonly<Record<LayerName, readonly Colour[]>> & {
  /** Where there is no cell, and the lines between cells. */
  readonly ground: Colour;
};

/** How much a state counts where many cells share a point: what matters is not washed out. */
export const WEIGHTS: Readonly<Record<LayerName, readonly number[]>> = {
  migration: [0.12, 0.5, 0.8, 0.5, 1, 1, 1],
  cache: [0.12, 0.4, 1, 1],
  disk: [0.12, 0.4, 1],
  frequency: [0.12, 0.5, 0.6, 0.75, 0.9, 1],
};

/** States that are hatched as well, so that colour is never the only sign. */
export const HATCHED: Readonly<Record<LayerName, readonly number[]>> = {
  migration: [5, 6],
  cache: [2],
  disk: [],
  frequency: [],
};

type Hexes = Readonly<Record<LayerName, readonly string[]>> & { readonly ground: string };

const DARK: Hexes = {
  ground: '1b1e23',
  migration: ['2b3038', '2f9e5b', 'e0a526', '3b82d6', '5fd4f4', 'b57bee', 'ff5c5c'],
  cache: ['2b3038', '2f8f7a', 'e0a526', 'f0645a'],
  disk: ['2b3038', '4b74a8', 'f0645a'],
  frequency: ['2b3038', '4a4a8f', '7a4aa5', 'b3468f', 'e8625a', 'fbd35a'],
};

const LIGHT: Hexes = {
  ground: 'ffffff',
  migration: ['e4e7ec', '3aa567', 'd18b00', '4f93e0', '0891b2', '8e44d0', 'd11a1a'],
  cache: ['e4e7ec', '6fbfae', 'd18b00', 'd9483b'],
  disk: ['e4e7ec', '8db0dc', 'd9483b'],
  frequency: ['e4e7ec', 'b9c3e8', '9a8fd8', 'b05bb5', 'd9483b', '8a1f11'],
};

const CONTRAST_DARK: Hexes = {
  ground: '000000',
  migration: ['333333', '2ecc71', 'ffd400', '4da6ff', 'ffffff', 'e08cff', 'ff3b3b'],
  cache: ['333333', '2ecc71', 'ffd400', 'ff5c5c'],
  disk: ['333333', '4da6ff', 'ff5c5c'],
  frequency: ['333333', '5b5bd6', '9b5bd6', 'e05bb5', 'ff7a5c', 'fff06a'],
};

const CONTRAST_LIGHT: Hexes = {
  ground: 'ffffff',
  migration: ['d0d0d0', '0a7a3c', '8a5a00', '0b5cad', '003a5c', '6a1fa8', 'b00000'],
  cache: ['d0d0d0', '0a7a3c', '8a5a00', 'b00000'],
  disk: ['d0d0d0', '0b5cad', 'b00000'],
  frequency: ['d0d0d0', '8080d0', '6a4fb0', '8a2f8a', 'a02020', '400000'],
};

/** After Okabe and Ito; told apart by all common kinds of colour vision. */
const COLOUR_BLIND: Omit<Hexes, 'ground'> = {
  migration: ['', '009e73', 'e69f00', '0072b2', '56b4e9', 'cc79a7', 'd55e00'],
  cache: ['', '009e73', 'e69f00', 'd55e00'],
  disk: ['', '0072b2', 'd55e00'],
  frequency: ['', '0072b2', '56b4e9', '009e73', 'e69f00', 'd55e00'],
};

const THEMES: Readonly<Record<ThemeKind, Hexes>> = {
  dark: DARK,
  light: LIGHT,
  'contrast-dark': CONTRAST_DARK,
  'contrast-light': CONTRAST_LIGHT,
};

/** The colours of a map. */
export function createPalette(theme: ThemeKind, name: PaletteName): Palette {
  const own = THEMES[theme];
  const layers = Object.keys(LAYERS) as LayerName[];
  const colours = layers.map((layer): [LayerName, readonly Colour[]] => [
    layer,
    own[layer].map((hex, state) => {
      if (state === 0 || name === 'auto') return colourOf(hex);
      if (name === 'colour-blind') return colourOf(COLOUR_BLIND[layer][state] ?? hex);
      return greyOf(state / (own[layer].length - 1), theme);
    }),
  ]);
  return {
    ...(Object.fromEntries(colours) as Omit<Palette, 'ground'>),
    ground: colourOf(own.ground),
  };
}

/** As CSS has it. */
export function cssOf([red, green, blue]: Colour): string {
  return `rgb(${red} ${green} ${blue})`;
}

function colourOf(hex: string): Colour {
  const number = Number.parseInt(hex, 16);
  return [(number >> 16) & 255, (number >> 8) & 255, number & 255];
}

function greyOf(share: number, theme: ThemeKind): Colour {
  const isDark = theme === 'dark' || theme === 'contrast-dark';
  const value = Math.round(isDark ? 70 + 185 * share : 205 - 205 * share);
  return [value, value, value];
}
