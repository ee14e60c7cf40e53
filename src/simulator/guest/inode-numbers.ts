/** Numbers of inodes: each group of the disk has its share, the lowest free number is used first. */
import { NoSpaceError } from '../workload/no-space.js';
import type { Layout } from './layout.js';

/** The first number that is not the file system's own. */
const FIRST = 12;

interface Group {
  next: number;
  readonly freed: number[];
}

export class InodeNumbers {
  readonly #groups = new Map<number, Group>();

  constructor(private readonly layout: Layout) {}

  /** Takes a number of this group, or of the next that has one. @throws NoSpaceError when there is none. */
  take(group: number): number {
    for (let step = 0; step < this.layout.groups; step++) {
      const taken = this.#takeOf((group + step) % this.layout.groups);
      if (taken !== undefined) return taken;
    }
    throw new NoSpaceError("The guest's file system has no inode left for another file");
  }

  give(inode: number): void {
    this.#group(this.layout.groupOfInode(inode)).freed.push(inode);
  }

  #takeOf(number: number): number | undefined {
    const group = this.#group(number);
    const freed = group.freed.pop();
    if (freed !== undefined) return freed;
    return group.next <= (number + 1) * this.layout.inodesOfGroup ? group.next++ : undefined;
  }

  #group(number: number): Group {
    let group = this.#groups.get(number);
    if (!group) {
      const first = number * this.layout.inodesOfGroup + 1;
      group = { next: number === 0 ? FIRST : first, freed: [] };
      this.#groups.set(number, group);
    }
    return group;
  }
}
