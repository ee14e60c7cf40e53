/** Cells in their places: stretches of a layout, and which tiles of a map changed. */
import { describe, expect, it } from 'vitest';
import {
  MARKED,
  PRESENT,
  TILE,
  createLayout,
  eachStretch,
  placeOf,
} from '../../../src/heatmap/index.js';
import { MapCells } from '../../../webview/map/cells.js';

const SIZES = [1, 7, 100, 255, 256, 1000, 5000, 70_000];
const NOTE = { type: 'cells', seq: 0, runs: new Uint32Array(), dense: [] } as const;

describe.each(['hilbert', 'rows'] as const)('a layout as %s', (kind) => {
  it.each(SIZES)('visits the places of %i cells as placeOf has them', (cells) => {
    const layout = createLayout(kind, cells);
    const found: number[] = [];
    const first = Math.floor(cells / 3);
    eachStretch(layout, first, cells, (cell, count, places) => {
      expect(cell).toBe(first + found.length);
      found.push(...places.subarray(0, count));
    });
    expect(found).toEqual(
      Array.from({ length: cells - first }, (_, index) => placeOf(layout, first + index)),
    );
  });

  it.each(SIZES)('names the tiles in which some of %i cells changed, once', (size) => {
    const cells = new MapCells(kind, size);
    cells.takeChanged();
    const last = size - 1;
    const middle = Math.floor(size / 2);
    const runs = Uint32Array.of(0, 1, 5, middle, size - middle, 6);
    cells.take({ ...NOTE, runs });
    const { width } = cells.layout;
    const across = Math.ceil(width / TILE);
    const expected = new Set<number>();
    for (const cell of [0, ...Array.from({ length: size - middle }, (_, at) => middle + at)]) {
      const place = placeOf(cells.layout, cell);
      const row = Math.floor(place / width / TILE);
      expected.add(row * across + Math.floor((place % width) / TILE));
    }
    const changed = cells.takeChanged();
    expect([...changed].sort((a, b) => a - b)).toEqual([...expected].sort((a, b) => a - b));
    expect(cells.takeChanged()).toEqual([]);
    expect([cells.wordOf(0), cells.wordOf(last)]).toEqual([size === 1 ? 6 : 5, 6]);
  });

  it('has nothing where there is no cell', () => {
    const cells = new MapCells(kind, 1000);
    const there = cells.words.filter((word) => (word & PRESENT) !== 0);
    expect(there.length).toBe(1000);
    expect(cells.wordOf(1000)).toBe(0);
  });
});

describe('the cells of a map', () => {
  it('keep words and marks in another layout', () => {
    const cells = new MapCells('hilbert', 3000);
    const words = Uint32Array.from({ length: 700 }, (_, index) => index + 1);
    cells.take({ ...NOTE, dense: [{ first: 1000, words }] });
    cells.mark(Uint32Array.of(1200, 3));
    cells.relay('rows');
    expect([999, 1000, 1699, 1700].map((cell) => cells.wordOf(cell))).toEqual([0, 1, 700, 0]);
    const marked = [...cells.words.keys()].filter((place) => cells.words[place]! & MARKED);
    expect(marked).toEqual([1200, 1201, 1202]);
  });

  it('mark one file at a time', () => {
    const cells = new MapCells('rows', 3000);
    cells.mark(Uint32Array.of(10, 300));
    cells.take({ ...NOTE, runs: Uint32Array.of(0, 3000, 7) });
    cells.mark(Uint32Array.of(2999, 50));
    expect(cells.marking).toBe(true);
    const marked = () => [...cells.words.keys()].filter((place) => cells.words[place]! & MARKED);
    expect(marked()).toEqual([2999]);
    cells.mark(undefined);
    expect([cells.marking, marked(), cells.wordOf(2999)]).toEqual([false, [], 7]);
  });
});
