/** The image files of a simulated host: paths, and what is behind them. None is on a real disk. */
import { messageOf } from '../../base/errors.js';
import { refusal } from '../qmp/index.js';
import type { Image } from '../types.js';
import { permissionNames } from './permissions.js';
import type { Permissions } from './permissions.js';

/** Makes an image; `seed` decides what a guest's content is. */
export type MakeImage = (options: { readonly size: number; readonly seed: number }) => Image;

export interface SimulatedFile {
  /** What a disk in format raw is over it. */
  readonly image: Image;
  /** What a disk in format qcow2 is over it; undefined when it is no qcow2 file. */
  readonly qcow2: Image | undefined;
}

/** What one who has a file open holds of it. */
interface Lock {
  readonly file: SimulatedFile;
  readonly permissions: Permissions;
  readonly shared: Permissions;
}

export interface FilesOptions {
  readonly createImage: MakeImage;
  /** Of all images, so that the same version of a page is the same content on each. */
  readonly seed: number;
  /** Folders that there are, absolute and without a slash at the end; `/simulated` unless told. */
  readonly folders?: readonly string[];
  /** Who keeps the names of files instead: each is a file of this machine, that stands for an image. */
  readonly names?: FileNames;
}

/** Names of files outside of the simulation. */
export interface FileNames {
  has(path: string): boolean;
  /** Makes an empty file, or leaves the one that is there. @throws an Error with the system's words. */
  make(path: string): void;
}

/** Bytes of a file in format qcow2 that holds nothing. */
const EMPTY_QCOW2 = 192 * 1024;

export class SimulatedFiles {
  readonly #files = new Map<string, SimulatedFile>();
  readonly #locks = new Map<object, Lock>();
  readonly #refused = new Map<string, string>();
  readonly #folders: ReadonlySet<string>;

  constructor(private readonly options: FilesOptions) {
    this.#folders = new Set(options.folders ?? ['/simulated']);
  }

  /** The paths, in the order in which they were made. */
  get paths(): readonly string[] {
    return [...this.#files.keys()];
  }

  /** What is behind a path, if there is anything. */
  get(path: string): SimulatedFile | undefined {
    return this.#files.get(path);
  }

  /** A file in format raw over an image that is there already. */
  put(path: string, image: Image): void {
    this.#files.set(path, { image, qcow2: undefined });
  }

  /** Makes a file of so many bytes, or empties the one that is there. @throws QmpCommandError */
  create(path: string, size: number): void {
    this.#check('create', path);
    const { createImage, seed, names } = this.options;
    const folder = path.slice(0, path.lastIndexOf('/'));
    if (names) make(names, path);
    else if (!path.startsWith('/') || !this.#folders.has(folder)) {
      throw refusal(`Could not create '${path}': No such file or directory`);
    }
    this.put(path, createImage({ size, seed }));
  }

  /** Makes a file that is there one in format qcow2 for a disk of so many bytes. @throws QmpCommandError */
  format(path: string, size: number): void {
    this.open(path);
    const { createImage, seed } = this.options;
    const image = createImage({ size: EMPTY_QCOW2, seed });
    this.#files.set(path, { image, qcow2: createImage({ size, seed }) });
  }

  /** @throws QmpCommandError when there is no such file, or it is refused. */
  open(path: string): SimulatedFile {
    this.#check('open', path);
    if (this.#folders.has(path)) {
      throw refusal(`'file' driver requires '${path}' to be a regular file`);
    }
    const { names } = this.options;
    if (names && !names.has(path)) this.#files.delete(path);
    const file = this.#files.get(path);
    if (file) return file;
    throw refusal(
      names?.has(path)
        ? `Could not open '${path}': it is no image of this simulated host`
        : `Could not open '${path}': No such file or directory`,
    );
  }

  /** Takes the name away; who has the file open keeps it. @returns whether it was there. */
  unlink(path: string): boolean {
    return this.#files.delete(path);
  }

  /**
   * From now on, opening and making the file is refused with these words of the operating system,
   * such as `Permission denied`; undefined ends that.
   */
  refuse(path: string, words: string | undefined): void {
    if (words === undefined) this.#refused.delete(path);
    else this.#refused.set(path, words);
  }

  /** What `holder` needs of a file, and lets others have. @throws QmpCommandError when another one is in the way. */
  lock(holder: object, file: SimulatedFile, permissions: Permissions, shared: Permissions): void {
    const others = [...this.#locks].filter(
      ([other, lock]) => other !== holder && lock.file.image === file.image,
    );
    const unshared = others.reduce((all, [, lock]) => all | ~lock.shared, 0);
    const taken = others.reduce((all, [, lock]) => all | lock.permissions, 0);
    const missing = permissionNames(permissions & unshared).split(', ')[0]!;
    if (missing !== '') throw refusal(`Failed to get "${missing}" lock`);
    const inTheWay = permissionNames(taken & ~shared).split(', ')[0]!;
    if (inTheWay !== '') throw refusal(`Failed to get shared "${inTheWay}" lock`);
    this.#locks.set(holder, { file, permissions, shared });
  }

  unlock(holder: object): void {
    this.#locks.delete(holder);
  }

  #check(action: 'create' | 'open', path: string): void {
    const words = this.#refused.get(path);
    if (words !== undefined) throw refusal(`Could not ${action} '${path}': ${words}`);
  }
}

function make(names: FileNames, path: string): void {
  try {
    names.make(path);
  } catch (error) {
    throw refusal(`Could not create '${path}': ${messageOf(error)}`);
  }
}
