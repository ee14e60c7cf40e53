/** Generated from protocol/workload.schema.json by `npm run generate`; do not edit. */

/**
 * A name: small letters, digits and hyphens, at most 64, such as "mail-queue".
 *
 * This interface was referenced by `WorkloadDescription`'s JSON-Schema
 * via the `definition` "Name".
 */
export type Name = string;
/**
 * An absolute path of at most 255 characters; of many files with #### for the number of each, such as "/mnt/mail-####".
 */
export type Path = string;
/**
 * A size: a number and B, KiB, MiB, GiB, TiB, pages or %, such as "64 KiB" or "12.5 %".
 *
 * This interface was referenced by `WorkloadDescription`'s JSON-Schema
 * via the `definition` "Size".
 */
export type Size = string;
/**
 * A rate: a number and operations, pages, B, KiB, MiB or GiB a second, such as "200 pages/s".
 *
 * This interface was referenced by `WorkloadDescription`'s JSON-Schema
 * via the `definition` "Rate".
 */
export type Rate = string;
/**
 * A time: a number and ms, s, min or h, such as "30 s".
 *
 * This interface was referenced by `WorkloadDescription`'s JSON-Schema
 * via the `definition` "Duration".
 */
export type Duration = string;
/**
 * A place: "anywhere", "in order", "start", {"zipf": EXPONENT, "unit": SIZE} or {"hot": SHARE, "gets": SHARE, "unit": SIZE}.
 *
 * This interface was referenced by `WorkloadDescription`'s JSON-Schema
 * via the `definition` "Where".
 */
export type Where = SimplePlace | ZipfPlace | HotPlace;
/**
 * "anywhere" (each place as likely), "in order" (on from the last place, and from the end back to the start) or "start".
 *
 * This interface was referenced by `WorkloadDescription`'s JSON-Schema
 * via the `definition` "Simple".
 */
export type SimplePlace = 'anywhere' | 'in order' | 'start';
/**
 * A share from 0 % to 100 %, such as "25 %".
 *
 * This interface was referenced by `WorkloadDescription`'s JSON-Schema
 * via the `definition` "Share".
 */
export type Share = string;
/**
 * A step does one of: write, append, create, read, fsync, fdatasync, truncate, rename, delete.
 *
 * This interface was referenced by `WorkloadDescription`'s JSON-Schema
 * via the `definition` "Step".
 */
export type Step =
  | WriteStep
  | AppendStep
  | CreateStep
  | ReadStep
  | FsyncStep
  | FdatasyncStep
  | TruncateStep
  | RenameStep
  | DeleteStep;
/**
 * The name of an entry of `files`, such as "mail-queue".
 *
 * This interface was referenced by `WorkloadDescription`'s JSON-Schema
 * via the `definition` "FilesName".
 */
export type FilesName = string;
/**
 * A size, or the smallest and the largest, such as ["4 KiB", "64 KiB"]; % is of the file's size.
 *
 * This interface was referenced by `WorkloadDescription`'s JSON-Schema
 * via the `definition` "Sizes".
 */
export type Sizes = Size | SizeRange;
/**
 * From the first size to the second, each as likely.
 *
 * @minItems 2
 * @maxItems 2
 *
 * This interface was referenced by `WorkloadDescription`'s JSON-Schema
 * via the `definition` "SizeRange".
 */
export type SizeRange = [Size, Size];
/**
 * So often in one operation, each time in a place of its own.
 *
 * This interface was referenced by `WorkloadDescription`'s JSON-Schema
 * via the `definition` "Times".
 */
export type Times = number;
/**
 * The step is taken in every Nth operation only, from the Nth on.
 *
 * This interface was referenced by `WorkloadDescription`'s JSON-Schema
 * via the `definition` "Each".
 */
export type Each = number;

/**
 * What the programs of a simulated guest do to its disk. protocol/WORKLOAD.md is the prose.
 */
export interface WorkloadDescription {
  /**
   * For editors; means nothing here.
   */
  $schema?: string;
  name: Name;
  /**
   * One sentence for people.
   */
  description: string;
  /**
   * What real systems do, and why the numbers are what they are.
   */
  background?: string;
  /**
   * What is on the disk, or can be: together at most 90 % of it.
   *
   * @maxItems 1000
   */
  files: Files[];
  /**
   * The programs; each goes its own way, and waits only for its own calls.
   *
   * @maxItems 100
   */
  writers: Writer[];
}
/**
 * A file, or many alike.
 *
 * This interface was referenced by `WorkloadDescription`'s JSON-Schema
 * via the `definition` "Files".
 */
export interface Files {
  name: Name;
  path: Path;
  size?: Size;
  together?: Size;
  /**
   * How many there are; 1 unless told.
   */
  count?: number;
  /**
   * The number of the first; 1 unless told.
   */
  firstNumber?: number;
  /**
   * What is there before the workload begins: true (all, in full size; unless told), "empty" (all, without content), or false (none).
   */
  laidOut?: true | 'empty' | false;
}
/**
 * A program: what one operation of it is, and how often it does that.
 *
 * This interface was referenced by `WorkloadDescription`'s JSON-Schema
 * via the `definition` "Writer".
 */
export interface Writer {
  name: Name;
  rate?: Rate;
  every?: Duration;
  /**
   * When it is at work, in the order of time; always, unless told.
   *
   * @minItems 1
   * @maxItems 100
   */
  phases?: [Phase, ...Phase[]];
  repeat?: Duration;
  /**
   * Whether each turn stands for itself: what it did beyond its share is not taken off the next turn's, and `each` counts anew. The real lab's programs are like that. False unless told.
   */
  turnsApart?: boolean;
  pick?: Where;
  /**
   * One operation: its steps, one after the other.
   *
   * @minItems 1
   * @maxItems 50
   */
  do: [Step, ...Step[]];
}
/**
 * A time in which the writer is at work.
 *
 * This interface was referenced by `WorkloadDescription`'s JSON-Schema
 * via the `definition` "Phase".
 */
export interface Phase {
  from?: Duration;
  to?: Duration;
  rate?: Rate;
}
/**
 * Some places far more often than others: the one of rank r in proportion to 1 / r^zipf; ranks are scattered.
 *
 * This interface was referenced by `WorkloadDescription`'s JSON-Schema
 * via the `definition` "Zipf".
 */
export interface ZipfPlace {
  /**
   * The exponent: 0 is uniform, 1 is usual.
   */
  zipf: number;
  unit?: Size;
}
/**
 * A part gets most of it; the part is scattered.
 *
 * This interface was referenced by `WorkloadDescription`'s JSON-Schema
 * via the `definition` "Hot".
 */
export interface HotPlace {
  hot: Share;
  gets: Share;
  unit?: Size;
}
/**
 * Writes in the file, through the page cache or past it.
 *
 * This interface was referenced by `WorkloadDescription`'s JSON-Schema
 * via the `definition` "Write".
 */
export interface WriteStep {
  write: FilesName;
  where?: Where;
  size?: Sizes;
  times?: Times;
  /**
   * Past the page cache (O_DIRECT), within the file as long as it is.
   */
  direct?: boolean;
  each?: Each;
  chance?: Share;
}
/**
 * Writes at the end; a file that is full (its size in `files`) is emptied first.
 *
 * This interface was referenced by `WorkloadDescription`'s JSON-Schema
 * via the `definition` "Append".
 */
export interface AppendStep {
  append: FilesName;
  size?: Sizes;
  times?: Times;
  each?: Each;
  chance?: Share;
}
/**
 * Makes the file, or empties it, and writes that much; the whole unless told.
 *
 * This interface was referenced by `WorkloadDescription`'s JSON-Schema
 * via the `definition` "Create".
 */
export interface CreateStep {
  create: FilesName;
  size?: Sizes;
  each?: Each;
  chance?: Share;
}
/**
 * Reads within the file.
 *
 * This interface was referenced by `WorkloadDescription`'s JSON-Schema
 * via the `definition` "Read".
 */
export interface ReadStep {
  read: FilesName;
  where?: Where;
  size?: Sizes;
  times?: Times;
  each?: Each;
  chance?: Share;
}
/**
 * Waits until the file's data and metadata are on the disk.
 *
 * This interface was referenced by `WorkloadDescription`'s JSON-Schema
 * via the `definition` "Fsync".
 */
export interface FsyncStep {
  fsync: FilesName;
  after?: Size;
  each?: Each;
  chance?: Share;
}
/**
 * Waits until the file's data are on the disk.
 *
 * This interface was referenced by `WorkloadDescription`'s JSON-Schema
 * via the `definition` "Fdatasync".
 */
export interface FdatasyncStep {
  fdatasync: FilesName;
  after?: Size;
  each?: Each;
  chance?: Share;
}
/**
 * Cuts the file; to nothing unless told.
 *
 * This interface was referenced by `WorkloadDescription`'s JSON-Schema
 * via the `definition` "Truncate".
 */
export interface TruncateStep {
  truncate: FilesName;
  to?: Size;
  each?: Each;
  chance?: Share;
}
/**
 * Renames the file over another one.
 *
 * This interface was referenced by `WorkloadDescription`'s JSON-Schema
 * via the `definition` "Rename".
 */
export interface RenameStep {
  rename: FilesName;
  to: FilesName;
  each?: Each;
  chance?: Share;
}
/**
 * Unlinks the file.
 *
 * This interface was referenced by `WorkloadDescription`'s JSON-Schema
 * via the `definition` "Delete".
 */
export interface DeleteStep {
  delete: FilesName;
  each?: Each;
  chance?: Share;
}
