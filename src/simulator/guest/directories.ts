/** The folders of the guest, and the pages that hold their entries. */
import type { InodeNumbers } from './inode-numbers.js';
import type { Layout, PageRun } from './layout.js';

const ROOT_INODE = 2;
/** Where the disk is mounted (protocol/WORKLOAD.md): its files are in the root of their file system. */
const MOUNT_POINT = '/mnt';
/** Entries of a page of a folder, about. */
const ENTRIES = 60;

interface Directory {
  readonly inode: number;
  readonly group: number;
  readonly pages: number[];
  entries: number;
}

export interface DirectoryOptions {
  readonly layout: Layout;
  readonly inodes: InodeNumbers;
  /** Takes one page near another. */
  readonly takePage: (goal: number) => PageRun;
  /** A page of metadata changes. */
  readonly touch: (page: number) => void;
}

export class Directories {
  readonly #byPath = new Map<string, Directory>();

  constructor(private readonly options: DirectoryOptions) {
    const root = this.#make(ROOT_INODE, 0);
    this.#byPath.set('/', root).set(MOUNT_POINT, root);
  }

  /** The group of the disk in which the files of a path's folder lie. */
  groupFor(path: string): number {
    return this.#parent(path).group;
  }

  /** How many pages it takes to enter a name, of its folder and of folders that are missing. */
  pagesFor(path: string): number {
    const folder = folderOf(path);
    const known = this.#byPath.get(folder);
    if (!known) return 1 + this.pagesFor(folder);
    return known.entries < known.pages.length * ENTRIES ? 0 : 1;
  }

  /** Enters a name. */
  enter(path: string): void {
    const parent = this.#parent(path);
    parent.entries++;
    if (parent.entries > parent.pages.length * ENTRIES)
      parent.pages.push(this.options.takePage(parent.pages.at(-1)! + 1).first);
    this.#touch(parent, path);
  }

  /** Takes a name out. */
  leave(path: string): void {
    const parent = this.#parent(path);
    parent.entries--;
    this.#touch(parent, path);
  }

  #touch(directory: Directory, path: string): void {
    const page = directory.pages[hash(path) % directory.pages.length]!;
    this.options.touch(page);
    this.options.touch(this.options.layout.inodePage(directory.inode));
  }

  /** The folder of a path; folders are made as they are needed. */
  #parent(path: string): Directory {
    const folder = folderOf(path);
    const known = this.#byPath.get(folder);
    if (known) return known;
    const above = this.#parent(folder);
    const { layout, inodes, touch } = this.options;
    const isTop = above.inode === ROOT_INODE;
    const inode = inodes.take(isTop ? hash(folder) % layout.groups : above.group);
    const made = this.#make(inode, layout.groupOfInode(inode));
    this.#byPath.set(folder, made);
    this.enter(folder);
    touch(layout.inodeBitmap(made.group));
    return made;
  }

  #make(inode: number, group: number): Directory {
    const page = this.options.takePage(this.options.layout.inodePage(inode) + 1).first;
    this.options.touch(page);
    this.options.touch(this.options.layout.inodePage(inode));
    return { inode, group, pages: [page], entries: 0 };
  }
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

/** FNV-1a. */
function hash(text: string): number {
  let state = 0x811c9dc5;
  for (let index = 0; index < text.length; index++)
    state = Math.imul(state ^ text.charCodeAt(index), 0x01000193);
  return state >>> 0;
}
