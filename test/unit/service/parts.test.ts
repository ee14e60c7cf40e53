/** The small parts of a view: cells, tables, series, why a run was slow. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { combineWords } from '../../../src/heatmap/index.js';
import type { EventBody } from '../../../src/engine/index.js';
import type { RoundFigures } from '../../../src/service/types.js';
import { CellDiffer, cellsOf, type Cells } from '../../../src/service/view/cells.js';
import { csvOf } from '../../../src/service/view/csv.js';
import { FileNames } from '../../../src/service/view/file-map.js';
import { Moment } from '../../../src/service/view/moment.js';
import { filled } from '../../../src/service/view/page.js';
import {
  bytesBeside,
  PagedWords,
  wordAt,
  type Pages,
} from '../../../src/service/view/paged-words.js';
import { Series } from '../../../src/service/view/series.js';
import { whyOf, type RunFacts } from '../../../src/service/view/why.js';
import { Drawn, GRANULARITY, numbered, startEvent } from './support.js';

describe('cells', () => {
  it('have several blocks only where a disk has more than 16,777,216', () => {
    expect(cellsOf(16_777_216)).toMatchObject({ blocksPerCell: 1, count: 16_777_216 });
    expect(cellsOf(16_777_217)).toMatchObject({ blocksPerCell: 4, count: 4_194_305 });
    expect(cellsOf(167_772_160)).toMatchObject({ blocksPerCell: 16, count: 10_485_760 });
  });

  const COUNT = 9001;
  const anyChanges = fc.array(
    fc.tuple(fc.nat(COUNT - 1), fc.integer({ min: 1, max: 6000 }), fc.nat(3)),
    { maxLength: 6 },
  );

  it.each([1, 4, 16])('of %i blocks are after a difference as the words say', (blocksPerCell) => {
    const cells: Cells = { blocks: COUNT, blocksPerCell, count: Math.ceil(COUNT / blocksPerCell) };
    fc.assert(
      fc.property(fc.array(anyChanges, { maxLength: 4 }), fc.nat(50), (steps, scattered) => {
        const words = new PagedWords(COUNT);
        const differ = new CellDiffer(cells);
        const drawn = new Drawn();
        drawn.cells = new Uint32Array(cells.count);
        let told: Pages = [];
        for (const changes of steps) {
          for (const [start, count, word] of changes)
            words.change(start, Math.min(count, COUNT - start), () => word);
          for (let at = 0; at < scattered; at++) words.change(at * 37, 1, (word) => word + at);
          const pages = words.freeze();
          drawn.note({ type: 'cells', seq: 0, ...differ.diff(told, pages) });
          told = pages;
          expect(drawn.cells).toEqual(combined(words, cells));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('that are scattered are told as they are, and long runs as runs', () => {
    const words = new PagedWords(3 * 4096);
    const before = words.freeze();
    words.change(0, 2 * 4096, () => 7);
    for (let at = 0; at < 200; at++) words.change(2 * 4096 + at * 2, 1, () => 9);
    const { runs, dense } = new CellDiffer(cellsOf(3 * 4096)).diff(before, words.freeze());
    expect([...runs]).toEqual([0, 8192, 7]);
    expect(dense.map(({ first, words: { length } }) => [first, length])).toEqual([[8192, 399]]);
  });
});

function combined(words: PagedWords, { count, blocksPerCell }: Cells): Uint32Array {
  return Uint32Array.from({ length: count }, (_, cell) => {
    let word = words.get(cell * blocksPerCell);
    const end = Math.min(words.count, (cell + 1) * blocksPerCell);
    for (let block = cell * blocksPerCell; block < end; block++)
      word = combineWords(word, words.get(block));
    return word;
  });
}

describe('pages', () => {
  it('are shared by the moments that have them alike, and one number where all are the same', () => {
    const words = new PagedWords(167_772_160);
    const empty = words.freeze();
    words.change(0, words.count, () => 5);
    words.change(100_000_000, 1, () => 6);
    const one = words.freeze();
    expect(words.freeze()).toBe(one);
    expect(one.filter((page) => typeof page !== 'number')).toHaveLength(1);
    words.change(5, 1, () => 6);
    const two = words.freeze();
    const list = 8 * Math.ceil(words.count / 4096);
    expect(bytesBeside(two, one)).toBeGreaterThan(list);
    expect(bytesBeside(two, one)).toBeLessThan(list + 200);
    expect(bytesBeside(one, one)).toBe(0);
    words.change(5, 1, () => 5);
    words.change(100_000_000, 1, () => 5);
    expect(words.freeze().every((page) => page === 5)).toBe(true);
    expect(empty.every((page) => page === 0)).toBe(true);
  });

  it('have a number for each block where these are many, and runs again where they are few', () => {
    const words = new PagedWords(5000);
    const kept: Pages[] = [];
    for (let at = 0; at < 2000; at++) {
      words.change(2 * at, 1, () => at + 1);
      if (at % 500 === 0) kept.push(words.freeze());
    }
    expect(words.freeze()[0]).toBeInstanceOf(Uint32Array);
    words.change(100, 3900, () => 7);
    const few = words.freeze();
    expect(Array.isArray(few[0])).toBe(true);
    expect(few.map((page, index) => [...filled(page, index === 0 ? 4096 : 904)]).flat()).toEqual(
      Array.from({ length: 5000 }, (_, at) => words.get(at)),
    );
    expect(kept.map((pages) => wordAt(pages, 1000))).toEqual([0, 501, 501, 501]);
  });

  const COUNT = 4096 + 700;
  const anyRange = fc
    .tuple(fc.nat(COUNT - 1), fc.oneof(fc.constant(1), fc.integer({ min: 1, max: COUNT })))
    .map(([start, count]) => [start, Math.min(count, COUNT - start)] as const);
  const anyChange = fc.tuple(anyRange, fc.nat(3), fc.boolean());

  it('are what a plain list is after the same changes, and say what changed', () => {
    fc.assert(
      fc.property(fc.array(anyChange, { maxLength: 60 }), fc.nat(400), (changes, scattered) => {
        const counts = new Map([[0, COUNT]]);
        const add = (value: number, blocks: number) =>
          counts.set(value, (counts.get(value) ?? 0) + blocks);
        const words = new PagedWords(COUNT, undefined, (before, after, blocks) => {
          add(before, -blocks);
          add(after, blocks);
        });
        const plain = new Array<number>(COUNT).fill(0);
        const change = (start: number, count: number, next: (word: number) => number) => {
          words.change(start, count, next);
          for (let at = start; at < start + count; at++) plain[at] = next(plain[at]!);
        };
        let kept: Pages = words.freeze();
        let then = [...plain];
        for (const [[start, count], value, keeps] of changes) {
          change(start, count, value === 3 ? (word) => (word + 1) & 7 : () => value);
          if (!keeps) continue;
          kept = words.freeze();
          then = [...plain];
        }
        for (let at = 0; at < scattered; at++) change(at * 3, 1, (word) => word ^ 8);
        const every = (visit: (start: number, count: number) => void) => {
          for (let at = 0; at < scattered; at++) visit(at * 11 + 2, 1 + (at % 9));
        };
        words.changeAll(every, (word) => word | 16);
        every((start, count) => {
          for (let at = start; at < start + count; at++) plain[at]! |= 16;
        });
        expect(plain.map((_, at) => words.get(at))).toEqual(plain);
        expect(plain.map((_, at) => wordAt(words.freeze(), at))).toEqual(plain);
        expect(then.map((_, at) => wordAt(kept, at))).toEqual(then);
        const counted = new Map<number, number>();
        for (const word of plain) counted.set(word, (counted.get(word) ?? 0) + 1);
        expect(new Map([...counts].filter(([, blocks]) => blocks > 0))).toEqual(counted);
      }),
      { numRuns: 100 },
    );
  });
});

describe('a table', () => {
  it('quotes what has to be, and leaves out what is not known', () => {
    expect(
      csvOf(
        ['a', 'b'],
        [
          ['x "y"', 'l\r\nm'],
          [NaN, null],
          ['1,5', undefined],
        ],
      ),
    ).toBe('a,b\r\n"x ""y""","l\r\nm"\r\n,\r\n"1,5",\r\n');
  });
});

describe('series', () => {
  it('have at most 4,000 points, however many events there are, and end with the newest', () => {
    const series = new Series();
    const moment = new Moment(new FileNames(), false);
    const drawn = new Drawn();
    const sent = {
      type: 'sent',
      blocks: [0, 1],
      bytes: 10,
      resentBytes: 0,
    } as unknown as EventBody;
    const bodies = Array.from({ length: 30_000 }, () => sent);
    let most = 0;
    for (const event of numbered([startEvent(16 * GRANULARITY), ...bodies])) {
      moment.apply(event);
      series.take(moment, event, true);
      most = Math.max(most, series.count);
      if (event.seq % 97 !== 0) continue;
      const news = series.news();
      if (news) drawn.note(news);
    }
    const news = series.news();
    if (news) drawn.note(news);
    expect(most).toBeLessThanOrEqual(4000);
    expect(series.count).toBeGreaterThan(1000);
    expect(drawn.points).toBe(series.count);
    const { t, sent: bytes, pending, dirtyRate } = series.columns();
    expect([t.at(-1), bytes.at(-1), pending.at(-1)]).toEqual([30_000, 300_000, 0]);
    expect(dirtyRate.every((rate) => Number.isNaN(rate))).toBe(true);
    expect(t.every((each, at) => at === 0 || each > t[at - 1]!)).toBe(true);
  });
});

describe('why a run was slow', () => {
  const MIB = 1024 * 1024;
  const round = (more: Partial<RoundFigures>): RoundFigures => ({
    ...{ round: 0, final: false, running: false, sentBytes: 0, resentBytes: 0, deferredBytes: 0 },
    ...{ pendingBytes: 0, dirtyRate: 0, bandwidth: 100 * MIB, durationMs: 1000 },
    ...more,
  });
  const summary: RunFacts['summary'] = {
    ...{ sentBytes: 100 * MIB, resentBytes: 0, zeroBytes: 0, deferredBytes: 0, totalMs: 10_000 },
    ...{ plainBytes: null, plainIsLowerBound: false, policy: 'cache' },
    ...{ converged: true, outcome: 'completed' },
  };
  const quiet: RunFacts = {
    ...{ summary, rounds: [round({})], files: [], maxBandwidth: null },
    ...{ dirtiedBytes: 0, unseenBytes: 0, heldMs: 0 },
  };
  const said = (more: Partial<Omit<RunFacts, 'summary'>>, of: Partial<RunFacts['summary']> = {}) =>
    whyOf({ ...quiet, ...more, summary: { ...summary, ...of } }).map(({ template, args }) =>
      template.replaceAll(/\{(\d)\}/g, (_, number: string) => String(args[Number(number)])),
    );

  it('says nothing where there is nothing to say', () => {
    expect(said({})).toEqual([]);
  });

  it.each<[RegExp, Partial<Omit<RunFacts, 'summary'>>, Partial<RunFacts['summary']>]>([
    [
      /^40 MiB of the 100 MiB that were sent \(40 %\) were sent again/,
      {},
      { resentBytes: 40 * MIB },
    ],
    [
      /^The guest dirtied 50 MiB\/s on average while 100 MiB\/s/,
      { rounds: [round({ dirtyRate: 50 * MIB })] },
      {},
    ],
    [
      /^The guest dirtied 200 MiB\/s on average, and no more than/,
      { rounds: [round({ dirtyRate: 200 * MIB })] },
      {},
    ],
    [/^The bandwidth was limited to 100 MiB\/s/, { maxBandwidth: 100 * MIB }, {}],
    [/^For 5\.0 s of 10\.0 s the program stood/, { heldMs: 5000 }, {}],
    [/^The guest’s probe was lost on the way.*: gone$/, { probeLost: 'gone' }, {}],
    [
      /^1 of 2 rounds left about as much/,
      { rounds: [round({ pendingBytes: 9 }), round({ pendingBytes: 9 })] },
      {},
    ],
    [/^20 MiB of what was sent were zeroes/, {}, { zeroBytes: 20 * MIB }],
    [
      /^Plain pre-copy would have sent 150 MiB for .* saved 50 MiB/,
      {},
      { plainBytes: 150 * MIB, deferredBytes: 1 },
    ],
    [
      /^Plain pre-copy would have sent 150 MiB or more .* at least 50 MiB/,
      {},
      { plainBytes: 150 * MIB, deferredBytes: 1, plainIsLowerBound: true },
    ],
    [
      /^Plain pre-copy would have sent 50 MiB: putting blocks off cost 50 MiB/,
      {},
      { plainBytes: 50 * MIB, deferredBytes: 1 },
    ],
  ])('says %s', (sentence, facts, of) => {
    const sentences = said(facts, of);
    expect(sentences).toHaveLength(1);
    expect(sentences[0]).toMatch(sentence);
  });

  it('says nothing of savings without deferral, of a cap that was not reached, of a lower bound below', () => {
    expect(said({}, { plainBytes: 150 * MIB, policy: 'plain', deferredBytes: 1 })).toEqual([]);
    expect(said({ maxBandwidth: 200 * MIB })).toEqual([]);
    const below = { plainBytes: 50 * MIB, deferredBytes: 1, plainIsLowerBound: true };
    expect(said({}, below)).toEqual([]);
  });

  it('names files and direct writes, and says the most important first', () => {
    const files = [
      { path: '/var/db', resentBytes: 30 * MIB },
      { path: '/tmp/small', resentBytes: 1 },
    ];
    const sentences = said(
      { files, heldMs: 6000, dirtiedBytes: 50 * MIB, unseenBytes: 25 * MIB },
      { resentBytes: 40 * MIB, zeroBytes: 90 * MIB },
    );
    expect(sentences.map((sentence) => sentence.slice(0, 20))).toEqual([
      'For 6.0 s of 10.0 s ',
      '40 MiB of the 100 Mi',
      '30 MiB of what was s',
      '25 MiB of the guest’',
      '90 MiB of what was s',
    ]);
  });
});
