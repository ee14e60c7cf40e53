/**
 * A simulated Linux guest: its kernel and its workload, advanced from outside. Whatever steps it is
 * advanced in, it does the same: everything happens at times of its own, in their order.
 */
import { UsageError } from '../../base/errors.js';
import { createRandom } from '../random.js';
import type { RunningWorkload, Workload } from '../workload/types.js';
import { Disk } from './disk.js';
import { DrainJob } from './drain.js';
import { Flusher } from './flusher.js';
import { Journal } from './journal.js';
import { dropPages, startWriting, type Kernel } from './kernel.js';
import { lookAt } from './look.js';
import { makeFileSystem } from './make-file-system.js';
import { PageCache } from './page-cache.js';
import { changeSettings, DEFAULT_SETTINGS, thresholdsOf } from './settings.js';
import { KernelCalls } from './system-calls.js';
import {
  PAGE_BYTES,
  type CacheLook,
  type Drain,
  type Guest,
  type GuestDevice,
  type GuestFile,
  type GuestSettings,
} from './types.js';

export interface GuestOptions {
  /** Where its disk's writes go, from the moment at which it is made: its files are laid out then. */
  readonly device: GuestDevice;
  readonly workload: Workload;
  /** What differs from `DEFAULT_SETTINGS`. */
  readonly settings?: Partial<GuestSettings>;
  /** Of the workload. */
  readonly seed: number;
  /** The lab's clock as the guest begins; 0 unless told. */
  readonly startMs?: number;
  /** Is told each line that the kernel writes to its console. */
  readonly console?: (line: string) => void;
}

/**
 * A guest that is about to begin its workload.
 * @throws UsageError when a setting or the disk's size is out of range, or the files do not fit.
 */
export function createGuest(options: GuestOptions): Guest {
  return new SimulatedGuest(options);
}

/** Of the kernel's timers for some seconds; where a step begins is as the guest happened to boot. */
const TIMER_STEP_MS = 256;

/** Things that happen in the guest, in the order in which they do at one time. */
interface Source {
  readonly nextMs: number;
  act(): void;
}

class SimulatedGuest implements Guest {
  running = true;
  readonly #kernel: Kernel;
  readonly #flusher: Flusher;
  readonly #workload: RunningWorkload;
  readonly #device: GuestDevice;
  #drain: DrainJob | undefined;
  #labMs: number;
  /** The lab's clock less the guest's. */
  #aheadMs: number;

  constructor(options: GuestOptions) {
    const { device, workload, seed, startMs = 0 } = options;
    this.#device = device;
    this.#labMs = startMs;
    this.#aheadMs = startMs;
    const kernel = makeKernel(options);
    this.#kernel = kernel;
    const timerPhaseMs = createRandom(seed, 'timers').next() * TIMER_STEP_MS;
    this.#flusher = new Flusher(kernel, timerPhaseMs);
    kernel.cache.wake = () => this.#flusher.arm();
    this.#workload = workload.start(new KernelCalls(kernel, this.#flusher), seed);
  }

  get settings(): GuestSettings {
    return this.#kernel.settings;
  }

  get monotonicMs(): number {
    return this.#kernel.nowMs;
  }

  get journal(): { readonly offset: number; readonly length: number } {
    const { first, count } = this.#kernel.files.journalPlace;
    return { offset: first * PAGE_BYTES, length: count * PAGE_BYTES };
  }

  get dirtyBytes(): number {
    const { cache, disk } = this.#kernel;
    return (cache.dirtyPages + cache.writebackPages + disk.unframedPages) * PAGE_BYTES;
  }

  get writtenBytes(): number {
    return this.#kernel.disk.writtenPages * PAGE_BYTES;
  }

  advance(nowMs: number): void {
    if (!(nowMs >= this.#labMs) || nowMs === Infinity)
      throw new UsageError(
        `The guest can't be advanced to ${nowMs} ms: its time is at ${this.#labMs} ms and never goes back.`,
      );
    this.#labMs = nowMs;
    if (!this.running) return;
    const targetMs = Math.max(this.#kernel.nowMs, nowMs - this.#aheadMs);
    for (;;) {
      const next = this.#next();
      if (next.nextMs > targetMs) break;
      this.#kernel.nowMs = Math.max(this.#kernel.nowMs, next.nextMs);
      next.act();
    }
    this.#kernel.nowMs = targetMs;
  }

  pause(nowMs: number): void {
    this.advance(nowMs);
    if (!this.running) return;
    this.running = false;
    this.#kernel.disk.finish(this.#kernel.nowMs);
  }

  resume(nowMs: number): void {
    this.advance(nowMs);
    if (this.running) return;
    this.running = true;
    this.#aheadMs = nowMs - this.#kernel.nowMs;
  }

  look({ clean }: { readonly clean: boolean }): CacheLook {
    return lookAt(this.#kernel.cache, this.#kernel.disk, this.#kernel.nowMs, clean);
  }

  closeLookedAt({ clean }: { readonly clean: boolean }): void {
    for (const { options, dirtyPages } of [...this.#kernel.cache.inodes()]) {
      const file =
        options.number === undefined ? undefined : this.#kernel.files.byInode(options.number);
      if (!file?.emptied || (dirtyPages === 0 && !clean)) continue;
      file.emptied = false;
      startWriting(this.#kernel, file.cached, false);
    }
  }

  file(inode: number): GuestFile | undefined {
    return this.#kernel.files.byInode(inode)?.describe();
  }

  *files(): Iterable<GuestFile> {
    const { files } = this.#kernel.files;
    for (const path of [...files.keys()].sort()) yield files.get(path)!.describe();
  }

  drain(extents?: readonly { readonly offset: number; readonly length: number }[]): Drain {
    const job = new DrainJob(this.#kernel, extents, (guestMs) => guestMs + this.#aheadMs);
    this.#drain = job;
    return job;
  }

  trim(): number {
    const pages = this.#kernel.files.trim((first, count) =>
      this.#device.discardPages(first, count),
    );
    return pages * PAGE_BYTES;
  }

  set(change: Partial<GuestSettings>): void {
    const kernel = this.#kernel;
    const before = kernel.settings;
    kernel.settings = changeSettings(before, change);
    kernel.thresholds = thresholdsOf(kernel.settings);
    kernel.cache.resize(pagesOf(kernel.settings));
    if (kernel.settings.dirtyWritebackCentisecs !== before.dirtyWritebackCentisecs)
      this.#flusher.rearm();
  }

  /** What happens next; of several at one time the one that comes first here. */
  #next(): Source {
    const { disk, journal } = this.#kernel;
    let next: Source = { nextMs: disk.nextMs, act: () => disk.arrive() };
    if (journal.nextMs < next.nextMs)
      next = { nextMs: journal.nextMs, act: () => void journal.commit() };
    for (const source of [this.#flusher, this.#drain, this.#workload])
      if (source && source.nextMs < next.nextMs) next = source;
    return next;
  }
}

function pagesOf(settings: GuestSettings): number {
  return Math.floor(settings.cacheBytes / PAGE_BYTES);
}

function makeKernel({ device, workload, console, ...options }: GuestOptions): Kernel {
  const settings = changeSettings(DEFAULT_SETTINGS, options.settings ?? {});
  const cache = new PageCache(pagesOf(settings));
  const files = makeFileSystem(device, workload.files, (file, from) => {
    dropPages(kernel, file, from);
    if (file.removed) cache.passed(file.cached, kernel.nowMs);
  });
  const disk = new Disk(
    device,
    () => kernel.settings.diskBytesPerSecond,
    (frame) => cache.endWrite(frame),
  );
  const journal = new Journal({
    place: files.journalPlace,
    cache,
    disk,
    now: () => kernel.nowMs,
    commitMs: () => kernel.settings.journalCommitMs,
    release: (freed) => files.release(freed),
  });
  files.log = journal;
  const thresholds = thresholdsOf(settings);
  const tell = consoleOf(() => kernel.nowMs, console);
  const kernel: Kernel = { nowMs: 0, settings, thresholds, cache, disk, files, journal, tell };
  return kernel;
}

/** Says each thing once, with the time before it as a kernel writes it. */
function consoleOf(
  now: () => number,
  write: ((line: string) => void) | undefined,
): (subject: string, line: string) => void {
  const told = new Set<string>();
  return (subject, line) => {
    if (told.has(subject)) return;
    told.add(subject);
    write?.(`[${(now() / 1000).toFixed(6).padStart(12)}] ${line}`);
  };
}
