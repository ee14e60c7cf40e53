/** What a look at a disk comes to: totals, and the files behind the pages. */
import type { CacheClass, CacheReport, CacheState } from '../probe/types.js';
import type { DiskLook } from '../reach/index.js';
import { fileName } from './view/render-inspect.js';

export type StateBytes = Record<CacheState, number>;

/** A file of the guest with pages over the disk; bytes are exact to the page. */
export interface FilePages extends StateBytes {
  readonly name: string;
  readonly fileSystem: string;
}

export interface CacheFigures {
  readonly total: StateBytes;
  readonly byClass: Readonly<Record<CacheClass, StateBytes>>;
  /** Most dirty bytes first. */
  readonly files: readonly FilePages[];
}

/** Adds up a report of the probe. */
export function cacheFigures(report: CacheReport): CacheFigures {
  const total = nothing();
  const byClass = { data: nothing(), metadata: nothing(), journal: nothing() };
  const files = report.files.map((file) => ({
    name: fileName(file),
    fileSystem: file.fileSystem,
    ...nothing(),
  }));
  for (const extent of report.extents) {
    const { state, length } = extent;
    total[state] += length;
    byClass[extent.class][state] += length;
    const file = extent.file === undefined ? undefined : files[extent.file];
    if (file) file[state] += length;
  }
  files.sort((a, b) => b.dirty - a.dirty || b.writeback - a.writeback || b.clean - a.clean);
  return { total, byClass, files };
}

/** A look as one JSON object. */
export function lookAsJson(look: DiskLook, encode: (set: DiskLook['allocated']) => number[]) {
  const { disk, geometry, allocated, allocationKnown, cache } = look;
  return {
    name: disk.name,
    aliases: disk.aliases,
    size: disk.size,
    format: disk.format,
    image: disk.image,
    readOnly: disk.readOnly,
    granularity: geometry.granularity,
    allocationKnown,
    allocatedBytes: allocated.bytes(geometry),
    allocated: encode(allocated),
    cache: cacheAsJson(cache, encode),
  };
}

function cacheAsJson(cache: DiskLook['cache'], encode: (set: DiskLook['allocated']) => number[]) {
  if (cache.state === 'unknown') return { state: cache.state, reason: cache.reason };
  const { info, report, view } = cache;
  const { total, byClass, files } = cacheFigures(report);
  return {
    state: cache.state,
    method: info.method,
    methodReasons: info.methodReasons,
    kernel: info.kernel,
    dirtyBytes: total.dirty,
    writebackBytes: total.writeback,
    cleanBytes: total.clean,
    byClass,
    unmappedBytes: report.unmappedBytes,
    files,
    dirty: encode(view.dirty),
    writeback: encode(view.writeback),
    clean: encode(view.clean),
  };
}

function nothing(): StateBytes {
  return { clean: 0, dirty: 0, writeback: 0 };
}
