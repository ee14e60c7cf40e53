/** What the map paints, with WebGL2 and without: colours of known blocks, updates, a lost context. */
import { resolve } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CACHE_SHIFT,
  DIFFERS,
  DIRTIED_SHIFT,
  DIRTY_SINCE,
  PENDING,
  PLANNED,
  REASON_SHIFT,
  classifierOf,
  colourTable,
  createPalette,
  type ShownLayer,
} from '../../src/heatmap/index.js';
import type { CellsNote } from '../../src/service/types.js';
import { BundlePage, headerOf } from './support/bundle-page.js';
import { launchChromium } from './support/chromium.js';

const ROOT = resolve(import.meta.dirname, '../..');
/** A cell is some pixels, too few for lines and hatching. */
const BLOCKS = 16_384;
/** Many cells in a pixel. */
const MANY = 1024 * 1024;
/** Of 255: a mean is kept in eight bits, multiplied by its weight. */
const MOST_APART = 4;

const WORDS = [
  ...[0, 1, 2, PENDING, PENDING | PLANNED, PENDING | (2 << REASON_SHIFT), DIFFERS],
  ...[1, 2, 3].map((cached) => (cached << CACHE_SHIFT) | 1),
  ...[1, 2, 4, 8, 16].map((times) => (times << DIRTIED_SHIFT) | DIRTY_SINCE),
];
/** Each word at some blocks all over the disk. */
const KNOWN = WORDS.flatMap((word, index) =>
  [700, 9000, 16_000].map((from) => ({ block: from + index * 17, word })),
);
const LAYERS = ['migration', 'cache', 'disk', 'frequency', 'blended'] as const;

let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());

describe.each([
  { name: 'WebGL2', withoutWebGl: false },
  { name: 'a 2D canvas', withoutWebGl: true },
])('the map with $name', ({ withoutWebGl }) => {
  async function mapOf(blocks: number): Promise<BundlePage> {
    const map = await BundlePage.open(browser, ROOT, { withoutWebGl });
    await map.begin(headerOf(blocks));
    return map;
  }

  it('has the palette’s colours for known blocks in each layer and each layout', async () => {
    const map = await mapOf(BLOCKS);
    await map.tell(noteOf(KNOWN));
    for (const layout of ['hilbert', 'rows'] as const) {
      for (const layer of LAYERS) {
        await map.settings({ layer, layout });
        const shown = await map.colours(KNOWN.map(({ block }) => block));
        expect(shown).toEqual(KNOWN.map(({ word }) => near(colourIn(layer, word))));
      }
    }
    await map.page.close();
  });

  it('changes the colours of those blocks alone that an update has', async () => {
    const map = await mapOf(BLOCKS);
    await map.tell(noteOf(KNOWN));
    const all = Array.from({ length: BLOCKS }, (_, block) => block);
    const before = await map.colours(all);
    const changed = [5, 4095, 4096, 12_345].map((block) => ({ block, word: DIFFERS }));
    await map.tell(noteOf(changed));
    const after = await map.colours(all);
    expect(all.filter((block) => String(after[block]) !== String(before[block]))).toEqual(
      changed.map(({ block }) => block),
    );
    await map.page.close();
  });

  it.each(['hilbert', 'rows'] as const)(
    'shows from afar after updates what it shows painted afresh, as %s',
    async (layout) => {
      const map = await mapOf(MANY - 777);
      await map.settings({ layout });
      await map.tell({
        ...noteOf([]),
        runs: Uint32Array.of(0, MANY / 2, 1, MANY / 2, MANY / 4, 2),
      });
      await map.tell(noteOf(scattered(300, 1)));
      await map.tell({ ...noteOf([]), runs: Uint32Array.of(5000, 20_000, PENDING) });
      await map.tell(noteOf(scattered(3000, 2)));
      const updated = await map.pixels();
      await map.settings({ layout: layout === 'rows' ? 'hilbert' : 'rows' });
      expect(farApart(await map.pixels(), updated)).toBeGreaterThan(1000);
      await map.settings({ layout });
      expect(farApart(await map.pixels(), updated)).toBe(0);
      await map.page.close();
    },
  );

  it('dims what is not of the state that is lit', async () => {
    const map = await mapOf(BLOCKS);
    await map.tell(noteOf(KNOWN));
    const painted = map.nextFrame();
    await map.page.locator('.legend-row').nth(3).click();
    await painted;
    const shown = await map.colours(KNOWN.map(({ block }) => block));
    expect(shown).toEqual(KNOWN.map(({ word }) => near(colourIn('migration', word, 1 << 3))));
    await map.page.close();
  });
});

it('shows the same with WebGL2 and without, lines and hatching too', async () => {
  const images: Uint8Array[] = [];
  for (const withoutWebGl of [false, true]) {
    const map = await BundlePage.open(browser, ROOT, { withoutWebGl });
    await map.begin(headerOf(BLOCKS));
    const words = Uint32Array.from({ length: BLOCKS }, (_, block) => WORDS[block % 7]!);
    await map.tell({ ...noteOf([]), dense: [{ first: 0, words }] });
    await map.page.locator('.map-canvas').click();
    await map.send({ type: 'command', command: 'zoomBlock' });
    images.push(await map.pixels());
    await map.page.close();
  }
  // Where an edge is at a pixel's very middle, either side is right; lines and hatching are 8 % each.
  expect(farApart(images[0]!, images[1]!)).toBeLessThan(images[0]!.length / 4 / 20);
});

it('is painted again when the graphics card was lost', async () => {
  const map = await BundlePage.open(browser, ROOT);
  await map.begin(headerOf(BLOCKS));
  await map.tell(noteOf(KNOWN));
  const before = await map.pixels();
  await map.loseContext();
  expect(farApart(await map.pixels(), before)).toBe(0);
  await map.tell(noteOf([{ block: 3, word: DIFFERS }]));
  expect(await map.colours([3])).toEqual([near(colourIn('migration', DIFFERS))]);
  await map.page.close();
});

function noteOf(cells: readonly { readonly block: number; readonly word: number }[]): CellsNote {
  const sorted = [...cells].sort((one, other) => one.block - other.block);
  const runs = Uint32Array.from(sorted.flatMap(({ block, word }) => [block, 1, word]));
  return { type: 'cells', seq: 1, runs, dense: [] };
}

function scattered(count: number, seed: number): { block: number; word: number }[] {
  return Array.from({ length: count }, (_, index) => ({
    block: Math.floor((index * (MANY - 1000)) / count) + ((index * 7919 * seed) % 300),
    word: WORDS[index % WORDS.length]!,
  }));
}

function colourIn(layer: ShownLayer, word: number, lit = 0): readonly number[] {
  const table = colourTable({ layer, palette: createPalette('dark', 'auto'), lit });
  const at = classifierOf(layer)(word) * 4;
  return [...table.subarray(at, at + 3)].map((part) => Math.round(part * 255));
}

function near(colour: readonly number[]): unknown {
  const isNear = (part: number) => (shown: number) => Math.abs(shown - part) <= 1;
  return colour.map((part): unknown => expect.toSatisfy(isNear(part)));
}

/** How many pixels have other colours. */
function farApart(one: Uint8Array, other: Uint8Array): number {
  expect(one.length).toBe(other.length);
  let count = 0;
  for (let at = 0; at < one.length; at += 4) {
    const apart = (part: number) => Math.abs(one[at + part]! - other[at + part]!);
    if (Math.max(apart(0), apart(1), apart(2)) > MOST_APART) count++;
  }
  return count;
}
