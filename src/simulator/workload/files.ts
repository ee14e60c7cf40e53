/** The files of a workload: how large they are on a disk of some size, and what became of them. */
import type { Files } from './description.generated.js';
import type { LaidOutFile, OpenFile, SystemCalls } from './types.js';
import { parseSize, wholePages } from './units.js';

/** What an entry of `files` is on a certain disk. */
export interface FileSet {
  readonly name: string;
  readonly count: number;
  /** The full size of each, in pages. */
  readonly pages: number;
  readonly laidOut: NonNullable<Files['laidOut']>;
  /** @param index from 0 on. */
  path(index: number): string;
}

/** A path with the number in the place of `####`. */
function numbered(pattern: string, number: number): string {
  return pattern.replace(/#+/, (signs) => String(number).padStart(signs.length, '0'));
}

/** The entry's paths, without a need for the disk's size. */
export function pathsOf(files: Files): (index: number) => string {
  const first = files.firstNumber ?? 1;
  return (index) => numbered(files.path, first + index);
}

/** The entry on a disk of `diskPages`. */
export function layOut(files: Files, diskPages: number): FileSet {
  const count = files.count ?? 1;
  const pages =
    files.size === undefined
      ? Math.max(1, Math.floor(wholePages(parseSize(files.together!), diskPages) / count))
      : wholePages(parseSize(files.size), diskPages);
  return { name: files.name, count, pages, laidOut: files.laidOut ?? true, path: pathsOf(files) };
}

/** The set's files that are there before a workload begins. */
export function laidOutFiles(set: FileSet): LaidOutFile[] {
  const count = set.laidOut === false ? 0 : set.count;
  const pages = set.laidOut === 'empty' ? 0 : set.pages;
  return Array.from({ length: count }, (_, index) => ({
    path: set.path(index),
    pages,
  }));
}

/** A file as the workload left it; kept here so that nothing depends on what calls return. */
export class LiveFile {
  exists: boolean;
  /** How many pages it has now. */
  present: number;
  #open: OpenFile | undefined;

  constructor(
    readonly path: string,
    /** Its full size, in pages. */
    readonly pages: number,
    laidOut: FileSet['laidOut'],
  ) {
    this.exists = laidOut !== false;
    this.present = laidOut === true ? pages : 0;
  }

  /** Opens it; makes it where it is not there. */
  open(calls: SystemCalls): OpenFile {
    if (!this.#open) {
      this.#open = (this.exists ? calls.open(this.path) : undefined) ?? calls.create(this.path);
      this.exists = true;
    }
    return this.#open;
  }

  /** Makes it, or empties it. */
  create(calls: SystemCalls): void {
    this.#open = calls.create(this.path);
    this.exists = true;
    this.present = 0;
  }

  /** It is not there any more. */
  unlink(calls: SystemCalls): void {
    calls.unlink(this.path);
    this.#gone();
  }

  /** It takes the place of `other`. */
  renameTo(other: LiveFile, calls: SystemCalls): void {
    calls.rename(this.path, other.path);
    other.#open = this.#open;
    other.present = this.present;
    other.exists = true;
    this.#gone();
  }

  #gone(): void {
    this.#open = undefined;
    this.exists = false;
    this.present = 0;
  }
}

/** All files of a running workload; each is made when it is first used. */
export class LiveFiles {
  readonly #files = new Map<FileSet, (LiveFile | undefined)[]>();

  /** The set's file of that index. */
  of(set: FileSet, index: number): LiveFile {
    let files = this.#files.get(set);
    if (!files) this.#files.set(set, (files = new Array<LiveFile | undefined>(set.count)));
    return (files[index] ??= new LiveFile(set.path(index), set.pages, set.laidOut));
  }
}
