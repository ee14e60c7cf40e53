/**
 * Which guest file a block belongs to, by the newest look at the page cache that named it, and where
 * in the file: kept in pages like the words, so that every moment has its own.
 */
import {
  BlockSet,
  blockCount,
  decodeRuns,
  type BlockGeometry,
  type EventFile,
  type MigrationEvent,
} from '../../engine/index.js';
import { PagedWords, type Pages } from './paged-words.js';

type CacheEvent = Extract<MigrationEvent, { type: 'cache' }>;

/** Offsets in files are kept in sectors, so that 32 bits reach to 2 TiB. */
const SECTOR = 512;
const MOST_SECTORS = 2 ** 32 - 2;

/** A guest file that a look at the page cache named. */
export interface KnownFile {
  /** Device and inode. */
  readonly id: string;
  readonly path: string;
  readonly fileSystem: string;
  readonly inode: number;
}

/** Every file that was named so far, whatever moment is shown; a file keeps its number. */
export class FileNames {
  readonly #files: KnownFile[] = [];
  readonly #numbers = new Map<string, number>();

  /** Number of the file; it is made known where it is not. */
  numberOf(file: EventFile): number {
    const id = fileId(file);
    const path = file.path ?? `inode ${file.inode} of ${file.device}`;
    const known: KnownFile = { id, path, fileSystem: file.fileSystem, inode: file.inode };
    const number = this.#numbers.get(id) ?? this.#files.length;
    const before = this.#files[number];
    if (!before || file.path !== undefined) this.#files[number] = known;
    this.#numbers.set(id, number);
    return number;
  }

  get(number: number): KnownFile | undefined {
    return this.#files[number];
  }

  find(id: string): number | undefined {
    return this.#numbers.get(id);
  }

  get count(): number {
    return this.#files.length;
  }
}

/** What tells a file from others. */
export function fileId({ device, inode }: Pick<EventFile, 'device' | 'inode'>): string {
  return `${device}/${inode}`;
}

/** Whose the blocks are at one moment; a value. */
export interface FileMapMoment {
  /** Number of the file + 1; 0 where none is known. */
  readonly owners: Pages;
  /** Sector of the file at which the block begins + 1; 0 where it was not told. */
  readonly sectors: Pages;
}

export class FileMap {
  readonly #owners: PagedWords;
  readonly #sectors: PagedWords;
  readonly #blocks: number;

  constructor(
    private readonly geometry: BlockGeometry,
    private readonly names: FileNames,
    moment?: FileMapMoment,
  ) {
    this.#blocks = blockCount(geometry);
    this.#owners = new PagedWords(this.#blocks, moment?.owners);
    this.#sectors = new PagedWords(this.#blocks, moment?.sectors);
  }

  freeze(): FileMapMoment {
    return { owners: this.#owners.freeze(), sectors: this.#sectors.freeze() };
  }

  /** Number of the block's file + 1; 0 where none is known. */
  ownerAt(block: number): number {
    return this.#owners.get(block);
  }

  /** The file of a block. */
  fileAt(block: number): KnownFile | undefined {
    return this.names.get(this.#owners.get(block) - 1);
  }

  /** Offset in its file of the block's first byte that is known, in bytes. */
  offsetAt(block: number): number | undefined {
    const sector = this.#sectors.get(block);
    return sector === 0 ? undefined : (sector - 1) * SECTOR;
  }

  /** Takes a look at the page cache. @throws ProtocolError when it does not fit the disk. */
  look({ files }: CacheEvent): void {
    for (const file of files) {
      const blocks = this.#blocksOf(file);
      const owner = this.names.numberOf(file) + 1;
      blocks.runs((start, count) => this.#own(start, count, owner));
      for (const extent of file.extents ?? []) this.#place(blocks, extent);
    }
  }

  #own(start: number, count: number, owner: number): void {
    for (let block = start; block < start + count; block++) {
      if (this.#owners.get(block) !== owner) this.#sectors.change(block, 1, () => 0);
    }
    this.#owners.change(start, count, () => owner);
  }

  #blocksOf({ dirty, clean }: EventFile): BlockSet {
    const limits = { blocks: this.#blocks };
    return decodeRuns(dirty, limits).union(decodeRuns(clean, limits));
  }

  /** Notes where the blocks of an extent begin in their file. */
  #place(blocks: BlockSet, [offset, length, fileOffset]: readonly number[]): void {
    if (offset === undefined || length === undefined || fileOffset === undefined) return;
    const { granularity } = this.geometry;
    const first = Math.floor(offset / granularity);
    const end = Math.min(this.#blocks, Math.ceil((offset + length) / granularity));
    if (!(first >= 0 && end > first)) return;
    BlockSet.range(first, end - first)
      .intersection(blocks)
      .runs((start, count) => {
        for (let block = start; block < start + count; block++) {
          const within = Math.max(0, block * granularity - offset);
          const sector = Math.floor((fileOffset + within) / SECTOR);
          if (sector > MOST_SECTORS) return;
          this.#sectors.change(block, 1, () => sector + 1);
        }
      });
  }
}
