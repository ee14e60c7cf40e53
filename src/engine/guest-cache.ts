/**
 * The guest's page cache as the engine sees it: asks the probe, turns its reports into block sets,
 * and gives the probe up, with a word to the person, when it fails. A migration never ends because
 * of its probe.
 */
import { throwIfCancelled } from '../base/cancel.js';
import type { Clock } from '../base/clock.js';
import { messageOf, ProtocolError } from '../base/errors.js';
import type { Extent } from '../base/extent.js';
import type {
  CacheExtent,
  CacheFile,
  CacheReport,
  CacheState,
  Probe,
  ProbeDiskQuery,
} from '../probe/types.js';
import {
  type BlockSet,
  BlockSetBuilder,
  encodeRuns,
  type BlockGeometry,
} from './blockset/index.js';
import type { EventBody, EventFile } from './events.js';
import { drainsEverything, type CacheView } from './policy/index.js';

export class GuestCache {
  #probe: Probe | undefined;
  #view: CacheView | undefined;
  /** Dirty bytes whose place on the disk could not be told at the newest look. */
  #elsewhereBytes = 0;
  #lost = false;
  readonly #method: string;

  constructor(
    probe: Probe | undefined,
    private readonly query: ProbeDiskQuery,
    private readonly geometry: BlockGeometry,
    private readonly clock: Clock,
    private readonly emit: (event: EventBody) => void,
    /** How the migration goes on without the probe, a sentence. */
    private readonly without: string,
  ) {
    this.#probe = probe;
    this.#method = probe?.info.method ?? 'none';
  }

  /** The newest look; undefined without a probe. */
  get view(): CacheView | undefined {
    return this.#view;
  }

  /** How pages were found, or `none`. */
  get method(): string {
    return this.#method;
  }

  /** Whether the probe was there and was given up. */
  get lost(): boolean {
    return this.#lost;
  }

  get available(): boolean {
    return this.#probe !== undefined;
  }

  /** How long the guest lets dirty pages wait, in milliseconds; undefined without a probe. */
  get dirtyExpireMs(): number | undefined {
    return this.#probe?.info.dirtyExpireMs;
  }

  /** Asks the guest; afterwards `view` is new, or undefined. @throws CancelledError only. */
  async look(signal: AbortSignal): Promise<void> {
    const asked = this.clock.now();
    const looked = await this.#try('report its page cache', signal, async (probe) => {
      const report = await probe.snapshot({ disk: this.query, clean: false }, signal);
      return describeReport(report, this.geometry, this.clock.now());
    });
    this.#view = looked?.view;
    this.#elsewhereBytes = sum(Object.values(looked?.event.unmappedBytes ?? {}));
    if (looked) this.emit({ ...looked.event, tookMs: looked.view.at - asked });
  }

  /** Has the guest write back what is dirty in `blocks`. @throws CancelledError only. */
  async drain(blocks: BlockSet, signal: AbortSignal): Promise<void> {
    if (!this.#probe || blocks.isEmpty) return;
    const request = { disk: this.query, ...this.#drainExtents(blocks) };
    const result = await this.#try('write back what was deferred', signal, (probe) =>
      probe.drain(request, signal),
    );
    if (!result) return;
    const { writtenBytes, tookMs } = result;
    this.emit({ type: 'drain', askedBytes: blocks.bytes(this.geometry), writtenBytes, tookMs });
  }

  /** The blocks as extents; none where everything is to be written. */
  #drainExtents(blocks: BlockSet): { readonly extents?: readonly Extent[] } {
    const { granularity } = this.geometry;
    const dirty = this.#view?.dirty;
    if (dirty && drainsEverything(blocks, dirty, this.#elsewhereBytes, granularity)) return {};
    const extents: Extent[] = [];
    blocks.extents(this.geometry, (offset, length) => extents.push({ offset, length }));
    return { extents };
  }

  /** Has the guest discard what no file uses. @throws CancelledError only. */
  async trim(signal: AbortSignal): Promise<void> {
    const result = await this.#try('discard what no file uses', signal, (probe) =>
      probe.trim({ disk: this.query }, signal),
    );
    if (result) this.emit({ type: 'trim', trimmedBytes: result.trimmedBytes });
  }

  /** Lets go of the probe. Never throws. */
  async close(): Promise<void> {
    const probe = this.#probe;
    this.#probe = undefined;
    await probe?.close();
  }

  async #try<T>(
    what: string,
    signal: AbortSignal,
    ask: (probe: Probe) => Promise<T>,
  ): Promise<T | undefined> {
    const probe = this.#probe;
    if (!probe) return undefined;
    try {
      return await ask(probe);
    } catch (error) {
      throwIfCancelled(signal, `Having the guest ${what}`);
      this.#lost = true;
      this.#view = undefined;
      this.emit({
        type: 'probe',
        state: 'lost',
        message: `The guest's probe did not ${what}: ${messageOf(error)} ${this.without}`,
      });
      await this.close();
      return undefined;
    }
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

/** A report as block sets and as an event. */
export function describeReport(
  report: CacheReport,
  geometry: BlockGeometry,
  at: number,
): { view: CacheView; event: EventBody & { type: 'cache' } } {
  const states = collect(report, geometry);
  const [dirty, writeback] = [states.dirty.build(), states.writeback.build()];
  const view = {
    dirty,
    writeback,
    clean: states.clean.build().difference(dirty).difference(writeback),
    at,
  };
  return {
    view,
    event: {
      type: 'cache',
      sequence: report.sequence,
      method: report.method,
      dirty: encodeRuns(view.dirty),
      writeback: encodeRuns(view.writeback),
      clean: encodeRuns(view.clean),
      dirtyBytes: states.bytes.dirty,
      writebackBytes: states.bytes.writeback,
      cleanBytes: states.bytes.clean,
      unmappedBytes: { ...report.unmappedBytes },
      files: states.files.flatMap((sets, index) => {
        const file = report.files[index];
        return file ? [fileEvent(file, sets)] : [];
      }),
      tookMs: 0,
    },
  };
}

interface FileSets {
  readonly dirty: BlockSetBuilder;
  readonly clean: BlockSetBuilder;
  /** Offset on the disk, length, offset in the file, in bytes. */
  readonly extents: [number, number, number][];
}

/** The most extents of files that an event has. */
const MOST_FILE_EXTENTS = 4096;

function collect(report: CacheReport, geometry: BlockGeometry) {
  const sets: Record<CacheState, BlockSetBuilder> = {
    dirty: new BlockSetBuilder(),
    writeback: new BlockSetBuilder(),
    clean: new BlockSetBuilder(),
  };
  const bytes: Record<CacheState, number> = { dirty: 0, writeback: 0, clean: 0 };
  const files: FileSets[] = report.files.map(() => ({
    dirty: new BlockSetBuilder(),
    clean: new BlockSetBuilder(),
    extents: [],
  }));
  for (const extent of report.extents) {
    if (!(extent.length > 0))
      throw new ProtocolError(`The probe reported an extent of ${extent.length} bytes.`);
    sets[extent.state].extentVisitor(geometry)(extent.offset, extent.length);
    bytes[extent.state] += extent.length;
    const file = extent.file === undefined ? undefined : files[extent.file];
    const builder = extent.state === 'clean' ? file?.clean : file?.dirty;
    builder?.extentVisitor(geometry)(extent.offset, extent.length);
    if (file) placeInFile(file.extents, extent);
  }
  let left = MOST_FILE_EXTENTS;
  for (const { extents } of files) {
    extents.splice(left);
    left -= extents.length;
  }
  return { ...sets, bytes, files };
}

/** Adds an extent of a report, or makes the one before it longer where the file goes on alike. */
function placeInFile(extents: FileSets['extents'], { offset, length, fileOffset }: CacheExtent) {
  if (fileOffset === undefined) return;
  const last = extents.at(-1);
  const alike = last && offset >= last[0] && offset - last[0] === fileOffset - last[2];
  if (alike) last[1] = Math.max(last[1], offset - last[0] + length);
  else extents.push([offset, length, fileOffset]);
}

function fileEvent(file: CacheFile, sets: FileSets): EventFile {
  const dirty = sets.dirty.build();
  const clean = sets.clean.build();
  return {
    device: file.device,
    inode: file.inode,
    links: file.links,
    fileSystem: file.fileSystem,
    ...(file.path === undefined ? {} : { path: file.path }),
    dirty: encodeRuns(dirty),
    clean: encodeRuns(clean.difference(dirty)),
    ...(sets.extents.length > 0 ? { extents: sets.extents } : {}),
  };
}
