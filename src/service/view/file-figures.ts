/** What the guest's files have to do with a moment: bytes, and the cells they lie in. */
import { sentCountOf } from '../../heatmap/index.js';
import { BlockSet, type MigrationEvent } from '../../engine/index.js';
import type { FileFigures, FileRegion } from '../types.js';
import type { Blocks } from './blocks.js';
import type { Cells } from './cells.js';
import { fileId, type FileNames } from './file-map.js';
import type { Moment } from './moment.js';
import { PAGE_BLOCKS, visitRuns } from './page.js';

type CacheEvent = Extract<MigrationEvent, { type: 'cache' }>;

/** Most re-sent bytes first. @param look the newest look at the page cache, for what is cached. */
export function fileFiguresOf(moment: Moment, look?: CacheEvent): readonly FileFigures[] {
  const { blocks, names } = moment;
  if (!blocks) return [];
  const { granularity, size } = blocks.geometry;
  const sums = sumsOf(blocks, names.count);
  const shorter = blocks.count * granularity - size;
  const lastOwner = blocks.count > 0 ? blocks.files.ownerAt(blocks.count - 1) : 0;
  const lastSent = blocks.count > 0 ? sentCountOf(blocks.word(blocks.count - 1)) : 0;
  const cached = new Map(look?.files.map((file) => [fileId(file), file]));
  const rows: FileFigures[] = [];
  for (let number = 0; number < names.count; number++) {
    const { id, path, fileSystem, inode } = names.get(number)!;
    const last = lastOwner === number + 1 ? shorter : 0;
    const file = cached.get(id);
    const dirty = file ? blocks.decode(file.dirty) : BlockSet.empty;
    const all = file ? dirty.union(blocks.decode(file.clean)) : BlockSet.empty;
    rows.push({
      ...{ id, path, fileSystem, inode },
      cachedBytes: all.bytes(blocks.geometry),
      dirtyBytes: dirty.bytes(blocks.geometry),
      sentBytes: sums.sent[number]! * granularity - last * lastSent,
      resentBytes: sums.resent[number]! * granularity - last * Math.max(0, lastSent - 1),
    });
  }
  return rows.sort((a, b) => b.resentBytes - a.resentBytes || b.sentBytes - a.sentBytes);
}

/** Blocks that were sent, and sent again, of each file. */
function sumsOf(blocks: Blocks, files: number) {
  const words = blocks.pages();
  const { owners } = blocks.files.freeze();
  const sent = new Float64Array(files);
  const resent = new Float64Array(files);
  for (let index = 0; index < owners.length; index++) {
    const page = words[index]!;
    const length = Math.min(PAGE_BLOCKS, blocks.count - index * PAGE_BLOCKS);
    visitRuns(owners[index]!, 0, length, (owner, from, to) => {
      if (owner === 0) return;
      visitRuns(page, from, to, (word, start, end) => {
        const times = sentCountOf(word);
        sent[owner - 1]! += times * (end - start);
        if (times > 1) resent[owner - 1]! += (times - 1) * (end - start);
      });
    });
  }
  return { sent, resent };
}

/** Files that have blocks among the cells, the largest first. */
export function regionsOf(
  moment: Moment,
  cells: Cells,
  first: number,
  count: number,
  most: number,
): readonly FileRegion[] {
  const from = Math.max(0, first);
  const range = { from, to: Math.min(cells.count, first + count) };
  const found = cellsOfOwners(moment, cells, range);
  const size = (pairs: readonly number[]) =>
    pairs.reduce((sum, value, index) => sum + (index % 2 === 1 ? value : 0), 0);
  return [...found]
    .map(([owner, pairs]) => ({ owner, pairs, size: size(pairs) }))
    .sort((a, b) => b.size - a.size || a.owner - b.owner)
    .slice(0, most)
    .map(({ owner, pairs }) => regionOf(moment.names, owner, pairs));
}

/** All cells of the file with this number. */
export function regionOfFile(moment: Moment, cells: Cells, number: number): FileRegion {
  const found = cellsOfOwners(moment, cells, { from: 0, to: cells.count }, number + 1);
  return regionOf(moment.names, number + 1, found.get(number + 1) ?? []);
}

function regionOf(names: FileNames, owner: number, pairs: readonly number[]): FileRegion {
  const { id, path } = names.get(owner - 1)!;
  return { id, path, cells: Uint32Array.from(pairs) };
}

/** Pairs of first cell and number of cells, for each owner. */
function cellsOfOwners(
  { blocks }: Moment,
  { blocksPerCell }: Cells,
  range: { readonly from: number; readonly to: number },
  only?: number,
): Map<number, number[]> {
  const found = new Map<number, number[]>();
  if (!blocks) return found;
  const { owners } = blocks.files.freeze();
  const [firstBlock, endBlock] = [range.from * blocksPerCell, range.to * blocksPerCell];
  const firstPage = Math.floor(firstBlock / PAGE_BLOCKS);
  for (let index = firstPage; index * PAGE_BLOCKS < endBlock && index < owners.length; index++) {
    const base = index * PAGE_BLOCKS;
    const length = Math.min(PAGE_BLOCKS, blocks.count - base);
    visitRuns(owners[index]!, 0, length, (owner, from, to) => {
      if (owner === 0 || (only !== undefined && owner !== only)) return;
      const start = Math.max(firstBlock, base + from);
      const end = Math.min(endBlock, base + to);
      if (end <= start) return;
      const pairs = found.get(owner) ?? [];
      if (pairs.length === 0) found.set(owner, pairs);
      addCells(pairs, Math.floor(start / blocksPerCell), Math.ceil(end / blocksPerCell));
    });
  }
  return found;
}

/** Adds cells that begin no earlier than the last ones. */
function addCells(pairs: number[], first: number, end: number): void {
  const last = pairs.length - 2;
  const lastEnd = last < 0 ? -1 : pairs[last]! + pairs[last + 1]!;
  if (first > lastEnd) pairs.push(first, end - first);
  else pairs[last + 1] = Math.max(lastEnd, end) - pairs[last]!;
}
