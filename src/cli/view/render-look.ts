/** A look at a disk as a person reads it: totals, files, and the map. */
import { formatBytes, formatDuration, formatShare } from '../../base/units.js';
import type { DiskLook } from '../../reach/index.js';
import { cacheFigures, type CacheFigures, type StateBytes } from '../look-figures.js';
import type { BlockSet } from '../../engine/index.js';
import { PartCounts, partsOf } from './cells.js';
import { describeCell, renderCells, renderLegend, type BlockMap } from './map.js';
import { clip, clipMiddle, printable, wrap, type Style } from './style.js';
import { renderTable, type Column } from './table.js';

const MOST_FILES = 10;
const MAP_ROWS = 12;
const LABEL = 14;

export interface LookRendering {
  /** In characters; 60 at least are used. */
  readonly width: number;
  /** Whether clean pages were asked for. */
  readonly clean: boolean;
  readonly style: Style;
}

/** The disk as lines of at most `width` characters. */
export function renderLook(look: DiskLook, options: LookRendering): string[] {
  const { style } = options;
  const width = Math.max(60, options.width);
  const { disk } = look;
  const title = `${printable(disk.name)}   ${formatBytes(disk.size)}${disk.readOnly ? ', read-only' : ''}`;
  const figures = look.cache.state === 'seen' ? cacheFigures(look.cache.report) : undefined;
  return [
    style.strong(clip(title, width)),
    ...rows(totals(look, figures, options.clean), width, style),
    ...(figures ? ['', ...renderFiles(figures, width, style)] : []),
    '',
    ...renderMap(lookMap(look, options), width, style),
  ];
}

type Row = readonly [label: string, text: string];

function totals(look: DiskLook, figures: CacheFigures | undefined, clean: boolean): Row[] {
  const { disk, geometry, allocated, allocationKnown, cache } = look;
  const bytes = allocated.bytes(geometry);
  const allocation = allocationKnown
    ? `${formatBytes(bytes)}, ${formatShare(bytes, disk.size)} of the disk`
    : 'not told by the hypervisor; every block counts as allocated';
  const rows: Row[] = [
    ['image', `${printable(disk.image)} (${printable(disk.format)})`],
    ['allocated', allocation],
  ];
  if (cache.state === 'unknown' || !figures) {
    const reason = cache.state === 'unknown' ? printable(cache.reason) : '';
    rows.push(['page cache', `not known. ${reason} This shows the allocation only.`]);
    return rows;
  }
  const { info, report } = cache;
  const took = formatDuration(report.endMs - report.startMs);
  const { total } = figures;
  rows.push(
    ['probe', `${info.method}, kernel ${printable(info.kernel)}, looked for ${took} of guest time`],
    ...info.methodReasons.map((reason): Row => ['', printable(reason)]),
    ['page cache', stateText(total, clean)],
  );
  for (const kind of ['data', 'metadata', 'journal'] as const) {
    const part = figures.byClass[kind];
    if (part.dirty + part.writeback + part.clean > 0)
      rows.push([`  ${kind}`, stateText(part, clean)]);
  }
  for (const [reason, unmapped] of Object.entries(report.unmappedBytes)) {
    if (unmapped > 0)
      rows.push(['  no place', `${formatBytes(unmapped)} dirty: ${printable(reason)}`]);
  }
  if (report.truncated) rows.push(['  not whole', printable(report.truncated)]);
  if (report.givenUp > 0)
    rows.push(['  not seen', `${report.givenUp} lists of the kernel changed too fast`]);
  return rows;
}

function stateText({ dirty, writeback, clean }: StateBytes, withClean: boolean): string {
  const words = `${formatBytes(dirty)} dirty, ${formatBytes(writeback)} in writeback`;
  return withClean ? `${words}, ${formatBytes(clean)} clean` : words;
}

function rows(list: readonly Row[], width: number, style: Style): string[] {
  return list.flatMap(([label, text]) =>
    wrap(text, width - LABEL).map(
      (line, i) => `${style.quiet((i === 0 ? label : '').padEnd(LABEL))}${line}`,
    ),
  );
}

function renderFiles(figures: CacheFigures, width: number, style: Style): string[] {
  const known = figures.files.filter(({ dirty, writeback }) => dirty + writeback > 0);
  if (known.length === 0) return [style.quiet('No file has dirty pages.')];
  const name = width - 33;
  const columns: Column[] = [
    { title: 'dirty', width: 10, align: 'right' },
    { title: 'writeback', width: 11, align: 'right' },
    { title: '  system', width: 11, align: 'left' },
    { title: 'file', width: name + 1, align: 'left' },
  ];
  const shown = known
    .slice(0, MOST_FILES)
    .map((file) => [
      formatBytes(file.dirty),
      formatBytes(file.writeback),
      `  ${printable(file.fileSystem)}`,
      clipMiddle(file.name, name),
    ]);
  const more = known.length - shown.length;
  const rest = more > 0 ? [style.quiet(`and ${more} more files with dirty pages`)] : [];
  return [...renderTable(columns, shown, style), ...rest];
}

function renderMap(map: BlockMap, width: number, style: Style): string[] {
  return [
    ...renderCells(map, width, MAP_ROWS),
    ...renderLegend(map, width, style),
    style.quiet(
      clip(`${describeCell(map, width, MAP_ROWS)}; a block is dirty when a page of it is`, width),
    ),
  ];
}

function lookMap(look: DiskLook, { clean, style }: LookRendering): BlockMap {
  const { geometry, allocated, cache } = look;
  const parts = partsOf(Math.ceil(geometry.size / geometry.granularity));
  const layer = (blocks: BlockSet, glyph: string, label: string, paint: Style['strong']) => {
    const counts = new PartCounts(parts);
    counts.add(blocks);
    const count = (from: number, to: number) => counts.sum(from, to);
    return { glyph, label, paint, bytes: blocks.bytes(geometry), count };
  };
  const { cell } = style;
  const layers = [];
  let rest = allocated;
  if (cache.state === 'seen') {
    const { view } = cache;
    const writeback = view.writeback.difference(view.dirty);
    const cleanOnly = view.clean.difference(view.dirty).difference(writeback);
    rest = allocated.difference(view.dirty).difference(writeback);
    layers.push(layer(view.dirty, '*', 'dirty', cell.dirty));
    layers.push(layer(writeback, 'w', 'writeback', cell.writeback));
    if (clean) {
      rest = rest.difference(cleanOnly);
      layers.push(layer(cleanOnly, '█', 'clean', cell.clean));
    }
  }
  const label = cache.state === 'unknown' ? 'allocated' : clean ? 'not cached' : 'other';
  layers.push(layer(rest, '░', label, cell.uncached));
  const used = layers.reduce((sum, { bytes }) => sum + bytes, 0);
  const free = { glyph: '·', label: 'free', paint: cell.free, bytes: geometry.size - used };
  return { parts, granularity: geometry.granularity, layers, free };
}
