/** How many bytes of the disk are in each state of each layer; only pages that changed are counted anew. */
import type { BlockGeometry } from '../../engine/index.js';
import {
  cacheStateOf,
  CACHE_STATES,
  diskStateOf,
  DISK_STATES,
  frequencyStateOf,
  FREQUENCY_STATES,
  migrationStateOf,
  MIGRATION_STATES,
  MOST_REASONS,
  reasonOf,
  type LayerName,
} from '../../heatmap/index.js';
import { PAGE_BLOCKS, type Page, type Pages } from './paged-words.js';

/** Where the counts of each kind begin in a page's list of counts. */
const CACHE_AT = MIGRATION_STATES.length;
const DISK_AT = CACHE_AT + CACHE_STATES.length;
const FREQUENCY_AT = DISK_AT + DISK_STATES.length;
const REASONS_AT = FREQUENCY_AT + FREQUENCY_STATES.length;
const LENGTH = REASONS_AT + MOST_REASONS;

const DEFERRED = MIGRATION_STATES.indexOf('deferred');

export type LegendBytes = Readonly<Record<LayerName, readonly number[]>>;

export class Legend {
  readonly #counted = new WeakMap<Uint32Array, Uint16Array>();
  #pages: Pages = [];
  readonly #totals = new Float64Array(LENGTH);

  constructor(private readonly geometry: BlockGeometry) {}

  /** Counts the pages of a moment; costs time in proportion to what it has apart from the one before. */
  count(pages: Pages): void {
    const before = this.#pages;
    for (let index = 0; index < pages.length; index++) {
      const [was, is] = [before[index], pages[index]!];
      if (was === is) continue;
      if (was !== undefined) this.#add(was, index, -1);
      this.#add(is, index, 1);
    }
    this.#pages = pages;
  }

  /** Of what was counted last. */
  get bytes(): LegendBytes {
    const last = this.#lastWord();
    const layer = (at: number, states: readonly string[], lastState: number) =>
      states.map((_, state) => this.#bytesOf(at + state, state === lastState));
    return {
      migration: layer(0, MIGRATION_STATES, migrationStateOf(last)),
      cache: layer(CACHE_AT, CACHE_STATES, cacheStateOf(last)),
      disk: layer(DISK_AT, DISK_STATES, diskStateOf(last)),
      frequency: layer(FREQUENCY_AT, FREQUENCY_STATES, frequencyStateOf(last)),
    };
  }

  /** Bytes that are put off for the reason with this number, of what was counted last. */
  deferredBytes(reason: number): number {
    const last = this.#lastWord();
    const isLast = migrationStateOf(last) === DEFERRED && reasonOf(last) === reason;
    return this.#bytesOf(REASONS_AT + reason, isLast);
  }

  #bytesOf(at: number, last: boolean): number {
    const { granularity, size } = this.geometry;
    const blocks = Math.ceil(size / granularity);
    return this.#totals[at]! * granularity - (last ? blocks * granularity - size : 0);
  }

  #lastWord(): number {
    const page = this.#pages.at(-1) ?? 0;
    return typeof page === 'number' ? page : page.at(-1)!;
  }

  #add(page: Page, index: number, sign: number): void {
    if (typeof page === 'number') {
      const blocks = Math.ceil(this.geometry.size / this.geometry.granularity);
      const here = Math.min(PAGE_BLOCKS, blocks - index * PAGE_BLOCKS);
      for (const at of placesOf(page)) this.#totals[at]! += sign * here;
      return;
    }
    let counts = this.#counted.get(page);
    if (!counts) this.#counted.set(page, (counts = countPage(page)));
    for (let at = 0; at < LENGTH; at++) this.#totals[at]! += sign * counts[at]!;
  }
}

/** The places in a list of counts that a word belongs to. */
function placesOf(word: number): readonly number[] {
  const state = migrationStateOf(word);
  const places = [
    state,
    CACHE_AT + cacheStateOf(word),
    DISK_AT + diskStateOf(word),
    FREQUENCY_AT + frequencyStateOf(word),
  ];
  if (state === DEFERRED) places.push(REASONS_AT + reasonOf(word)!);
  return places;
}

function countPage(page: Uint32Array): Uint16Array {
  const counts = new Uint16Array(LENGTH);
  for (let at = 0; at < page.length;) {
    const word = page[at]!;
    const from = at;
    while (page[at] === word) at++;
    const same = at - from;
    const state = migrationStateOf(word);
    counts[state]! += same;
    counts[CACHE_AT + cacheStateOf(word)]! += same;
    counts[DISK_AT + diskStateOf(word)]! += same;
    counts[FREQUENCY_AT + frequencyStateOf(word)]! += same;
    if (state === DEFERRED) counts[REASONS_AT + reasonOf(word)!]! += same;
  }
  return counts;
}
