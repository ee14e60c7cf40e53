/** Blocks by number, offset and cell, and what is said of one. */
import { formatBytes, parseSize } from '../../src/base/units.js';
import {
  cacheStateOf,
  dirtiedCountOf,
  migrationStateOf,
  sentCountOf,
} from '../../src/heatmap/index.js';
import type { HeaderNote } from '../../src/service/types.js';
import type { PartContext } from '../ask.js';
import { stateWords } from './words.js';

export class Blocks {
  /** @param header of the source; undefined as long as there is none. */
  constructor(
    private readonly context: PartContext,
    private readonly header: () => HeaderNote | undefined,
  ) {}

  /** The first block of a cell. */
  blockOf(cell: number): number {
    return cell * (this.header()?.blocksPerCell ?? 1);
  }

  cellOf(block: number): number {
    return Math.floor(block / (this.header()?.blocksPerCell ?? 1));
  }

  /**
   * The cell that a person names by a block's number or an offset.
   * @returns undefined for no text.
   * @throws a UsageError for what is neither.
   */
  find(text: string): number | undefined {
    const header = this.header();
    const wanted = text.trim();
    if (!header || wanted === '') return undefined;
    const block = /^\d+$/.test(wanted)
      ? Number(wanted)
      : Math.floor(parseSize(wanted, this.context.t('Offset')) / header.granularity);
    return Math.min(header.cells - 1, this.cellOf(block));
  }

  /** A cell in three lines. */
  describe(cell: number, word: number): string {
    const { t, language } = this.context;
    const block = this.blockOf(cell);
    const offset = formatBytes(block * (this.header()?.granularity ?? 0));
    const migration = stateWords(t, 'migration')[migrationStateOf(word)] ?? '';
    const cache = stateWords(t, 'cache')[cacheStateOf(word)] ?? '';
    return [
      t('Block {0} at {1}', block.toLocaleString(language), offset),
      `${migration} · ${t('page cache: {0}', cache)}`,
      t('sent {0} times, dirtied {1} times', sentCountOf(word), dirtiedCountOf(word)),
    ].join('\n');
  }

  /** How much of the disk a cell or a pixel is. */
  describeScale(pixels: number): string {
    const { t } = this.context;
    const { granularity = 0, blocksPerCell = 1 } = this.header() ?? {};
    const bytes = granularity * blocksPerCell;
    return pixels >= 1
      ? t('a cell is {0}', formatBytes(bytes))
      : t('a pixel is about {0}', formatBytes(Math.round(bytes / pixels ** 2)));
  }
}
