/** The parts of a simulated guest, and what they ask of each other. Times are milliseconds. */

/** Bytes of a page of the guest, and the smallest thing that its disk keeps. */
export const PAGE_BYTES = 4096;

/**
 * The guest's disk, as the guest writes it; in whole pages. What is behind it (images, dirty
 * bitmaps, a mirror) is the machine's business, and may change while the guest stands.
 */
export interface GuestDevice {
  /** In bytes; a multiple of a page. */
  readonly size: number;
  /** The guest's content of so many pages is on the disk from now on. */
  writePages(first: number, count: number): void;
  /** Their content is not needed any more; they are holes from now on. */
  discardPages(first: number, count: number): void;
}

/** What the guest's kernel is set to, and the machine that it runs on. */
export interface GuestSettings {
  /** Memory that pages of files can take, in bytes (what the kernel calls dirtyable). */
  readonly cacheBytes: number;
  /** `vm.dirty_background_ratio` and `vm.dirty_ratio`, in percent of `cacheBytes`. */
  readonly dirtyBackgroundRatio: number;
  readonly dirtyRatio: number;
  /** `vm.dirty_writeback_centisecs` and `vm.dirty_expire_centisecs`. */
  readonly dirtyWritebackCentisecs: number;
  readonly dirtyExpireCentisecs: number;
  /** How often the file system commits its journal, in milliseconds (ext4: `commit=5`). */
  readonly journalCommitMs: number;
  /** What the disk takes, in bytes a second, and how long one flush of it takes, in milliseconds. */
  readonly diskBytesPerSecond: number;
  readonly diskFlushMs: number;
}

export type CacheState = 'clean' | 'dirty' | 'writeback';
export type CacheClass = 'data' | 'metadata' | 'journal';

/** A run of pages of the disk that the page cache holds. */
export interface CachedRun {
  /** In bytes of the disk. */
  readonly offset: number;
  readonly length: number;
  readonly state: CacheState;
  readonly class: CacheClass;
  /** The file's inode number; absent for metadata and journal. */
  readonly inode?: number;
  /** In bytes; with `inode`. */
  readonly fileOffset?: number;
  /** Since the inode was first dirtied; absent where nothing of it is dirty. */
  readonly ageMs?: number;
}

/** A look at the page cache; runs ascend by offset and do not overlap. */
export interface CacheLook {
  readonly runs: readonly CachedRun[];
  /** Dirty bytes that have no place on the disk yet: allocation is delayed until they are written. */
  readonly delayedBytes: number;
}

/** A file of the guest, as people see it. */
export interface GuestFile {
  readonly inode: number;
  /** Absent for a file that was unlinked. */
  readonly path?: string;
  /** In bytes. */
  readonly size: number;
  /** Where it lies, ascending by offset in the file; bytes. */
  readonly extents: readonly {
    readonly fileOffset: number;
    readonly offset: number;
    readonly length: number;
  }[];
}

/** A write-back that was asked for. */
export interface Drain {
  /** When it will be done as far as can be told now, on the clock given to `advance`. */
  readonly dueMs: number;
  readonly done: boolean;
  readonly writtenBytes: number;
  /** Named and dirty, but of a kind that can't be written alone. */
  readonly skippedBytes: number;
}

/** What a guest's kernel and its workload do, in the lab's time. */
export interface Guest {
  readonly settings: GuestSettings;
  readonly running: boolean;
  /** On the guest's own monotonic clock, which stands while the guest does. */
  readonly monotonicMs: number;
  /** Lets it do what it does until `nowMs` of the lab's clock; never goes back. */
  advance(nowMs: number): void;
  /** Its processors stand from `nowMs` on; what is on its way to the disk arrives. */
  pause(nowMs: number): void;
  resume(nowMs: number): void;
  /** As of the last `advance`. */
  look(options: { readonly clean: boolean }): CacheLook;
  /**
   * What a probe does to the guest by a look: it opens every file that is dirty (with `clean`, every
   * one that is cached) to learn where it lies, and closes it. ext4 writes what a file holds on the
   * first close after it was cut to nothing (`auto_da_alloc`). Absent where that changes nothing.
   */
  closeLookedAt?(options: { readonly clean: boolean }): void;
  /** The file with that inode number; it may be gone. */
  file(inode: number): GuestFile | undefined;
  /** All files, by their paths. */
  files(): Iterable<GuestFile>;
  /** Where the journal lies, in bytes of the disk. */
  readonly journal: { readonly offset: number; readonly length: number };
  /**
   * Begins to write back what is dirty in these bytes of the disk, or everything; it goes on as the
   * guest is advanced. One at a time; another one takes its place.
   */
  drain(extents?: readonly { readonly offset: number; readonly length: number }[]): Drain;
  /** Discards what no file uses. @returns how many bytes that were. */
  trim(): number;
  /** Changes what the kernel is set to; only what is given. */
  set(change: Partial<GuestSettings>): void;
  /** Bytes that are dirty or under write-back in the page cache. */
  readonly dirtyBytes: number;
  /** Bytes that were written to the disk since the guest began. */
  readonly writtenBytes: number;
}
