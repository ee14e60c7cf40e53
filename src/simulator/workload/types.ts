/** What a workload can do in a guest, and what it is to the guest. */

/** A file that a workload has open. */
export interface OpenFile {
  readonly inode: number;
  /** Its length in pages, as it is now. */
  readonly pages: number;
}

/**
 * The system calls of a workload. Each returns how long the caller waits for it, in milliseconds:
 * 0 where it only touches the page cache. Places in files are in pages. What needs room on the disk
 * throws NoSpaceError where there is none; a write has then written as much as had room.
 */
export interface SystemCalls {
  /** Makes a file, or empties the one that is there. */
  create(path: string): OpenFile;
  /** @returns undefined when there is no such file. */
  open(path: string): OpenFile | undefined;
  /** Through the page cache; past the end it makes the file longer. */
  write(file: OpenFile, first: number, count: number): number;
  /** Past the page cache (O_DIRECT); within the file. */
  writeDirect(file: OpenFile, first: number, count: number): number;
  /** Within the file; what is read is in the page cache afterwards. */
  read(file: OpenFile, first: number, count: number): number;
  /** fdatasync, or fsync with `metadata`: waits until what is dirty of it is on the disk. */
  sync(file: OpenFile, metadata: boolean): number;
  /** Makes it shorter, or longer by a hole; in pages. */
  truncate(file: OpenFile, pages: number): number;
  rename(from: string, to: string): void;
  unlink(path: string): void;
}

/** A workload as it runs in a guest: every act is at a time of the guest's own clock. */
export interface RunningWorkload {
  /** When it acts next, in milliseconds since it began; Infinity when it never does. */
  readonly nextMs: number;
  /** Does what is due at `nextMs`, and so moves `nextMs` on. */
  act(): void;
}

/** A file that is there, and on the disk, before a workload begins. */
export interface LaidOutFile {
  /** Absolute. */
  readonly path: string;
  /** In pages. */
  readonly pages: number;
}

/** A workload for a disk of a certain size. The same seed gives the same acts, whatever else happens. */
export interface Workload {
  readonly name: string;
  /** One sentence for people. */
  readonly description: string;
  readonly files: readonly LaidOutFile[];
  start(calls: SystemCalls, seed: number): RunningWorkload;
}
