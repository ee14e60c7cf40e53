/**
 * Where an ext4-like file system keeps what is not data: block groups of 32,768 pages, sixteen of
 * which keep their bitmaps and inode tables together at the beginning of the first; the superblock
 * and the group descriptors at the beginning of the disk, with copies in some groups.
 */
import { PAGE_BYTES } from './types.js';

export const GROUP_PAGES = 32_768;
const FLEX_GROUPS = 16;
const INODE_BYTES = 256;
const DESCRIPTOR_BYTES = 64;
const INODES_OF_A_PAGE = PAGE_BYTES / INODE_BYTES;
/** A last group that is smaller is not used. */
const SMALLEST_GROUP = 1024;

const [MIB, GIB, TIB] = [1024 ** 2, 1024 ** 3, 1024 ** 4];

/** A run of pages of the disk. */
export interface PageRun {
  readonly first: number;
  readonly count: number;
}

export class Layout {
  readonly groups: number;
  readonly inodesOfGroup: number;
  readonly #tablePages: number;
  readonly #descriptorPages: number;
  /** Where the metadata of each sixteen groups begins. */
  readonly #flexStarts: readonly number[];

  /** @param pages of the disk. */
  constructor(readonly pages: number) {
    const whole = Math.floor(pages / GROUP_PAGES);
    const rest = pages - whole * GROUP_PAGES;
    this.groups = whole + (rest >= SMALLEST_GROUP || whole === 0 ? 1 : 0);
    const inodes = (pages * PAGE_BYTES) / bytesOfInode(pages * PAGE_BYTES) / this.groups;
    this.inodesOfGroup = Math.max(4, Math.ceil(inodes / INODES_OF_A_PAGE)) * INODES_OF_A_PAGE;
    this.#tablePages = this.inodesOfGroup / INODES_OF_A_PAGE;
    this.#descriptorPages = Math.ceil((this.groups * DESCRIPTOR_BYTES) / PAGE_BYTES);
    this.#flexStarts = Array.from({ length: Math.ceil(this.groups / FLEX_GROUPS) }, (_, flex) => {
      const first = flex * FLEX_GROUPS;
      return first * GROUP_PAGES + (hasCopy(first) ? 1 + this.#descriptorPages : 0);
    });
  }

  /** Of the journal; as mke2fs sizes it, at most 128 MiB. */
  get journalPages(): number {
    const bytes = this.pages * PAGE_BYTES;
    if (bytes < 32 * MIB) return MIB / PAGE_BYTES;
    if (bytes < 256 * MIB) return (4 * MIB) / PAGE_BYTES;
    if (bytes < 512 * MIB) return (8 * MIB) / PAGE_BYTES;
    if (bytes < GIB) return (16 * MIB) / PAGE_BYTES;
    if (bytes < 2 * GIB) return (32 * MIB) / PAGE_BYTES;
    return ((bytes < 16 * GIB ? 64 : 128) * MIB) / PAGE_BYTES;
  }

  get superblock(): number {
    return 0;
  }

  groupOf(page: number): number {
    return Math.min(this.groups - 1, Math.floor(page / GROUP_PAGES));
  }

  descriptor(group: number): number {
    return 1 + Math.floor((group * DESCRIPTOR_BYTES) / PAGE_BYTES);
  }

  blockBitmap(group: number): number {
    return this.#flexStart(group) + (group % FLEX_GROUPS);
  }

  inodeBitmap(group: number): number {
    return this.#flexStart(group) + this.#flexCount(group) + (group % FLEX_GROUPS);
  }

  /**
   * Where the data of files of a group begins: ext4 leaves the first of the groups that keep their
   * metadata together to folders.
   */
  dataGroup(group: number): number {
    const first = group - (group % FLEX_GROUPS);
    return first + 1 < this.groups ? first + 1 : group;
  }

  groupOfInode(inode: number): number {
    return Math.floor((inode - 1) / this.inodesOfGroup);
  }

  /** The page that holds an inode. */
  inodePage(inode: number): number {
    const group = this.groupOfInode(inode);
    const tables = this.#flexStart(group) + 2 * this.#flexCount(group);
    const within = Math.floor(((inode - 1) % this.inodesOfGroup) / INODES_OF_A_PAGE);
    return tables + (group % FLEX_GROUPS) * this.#tablePages + within;
  }

  /** Superblock and descriptors, with their copies. */
  copies(): PageRun[] {
    const runs: PageRun[] = [];
    for (let group = 0; group < this.groups; group++)
      if (hasCopy(group))
        runs.push({ first: group * GROUP_PAGES, count: 1 + this.#descriptorPages });
    return runs;
  }

  /** The runs that files can have, ascending. */
  free(): PageRun[] {
    const runs: PageRun[] = [];
    let at = 0;
    for (const taken of this.#taken()) {
      if (taken.first > at) runs.push({ first: at, count: taken.first - at });
      at = taken.first + taken.count;
    }
    const end = Math.min(this.pages, this.groups * GROUP_PAGES);
    if (end > at) runs.push({ first: at, count: end - at });
    return runs;
  }

  /** What is taken by metadata, ascending. */
  #taken(): PageRun[] {
    const runs = this.copies();
    for (let group = 0; group < this.groups; group += FLEX_GROUPS) {
      const count = this.#flexCount(group) * (2 + this.#tablePages);
      runs.push({ first: this.#flexStart(group), count });
    }
    return runs.sort((one, other) => one.first - other.first);
  }

  #flexStart(group: number): number {
    return this.#flexStarts[Math.floor(group / FLEX_GROUPS)]!;
  }

  #flexCount(group: number): number {
    return Math.min(FLEX_GROUPS, this.groups - (group - (group % FLEX_GROUPS)));
  }
}

/** As mke2fs.conf has it. */
function bytesOfInode(diskBytes: number): number {
  if (diskBytes < 512 * MIB) return 4096;
  return diskBytes < 4 * TIB ? 16_384 : 32_768;
}

function hasCopy(group: number): boolean {
  return group <= 1 || [3, 5, 7].some((base) => isPower(group, base));
}

function isPower(number: number, base: number): boolean {
  let power = base;
  while (power < number) power *= base;
  return power === number;
}
