/**
 * A guest in memory: writes pages to its page cache, which reach the disk after a delay, or to the
 * disk at once; all that it does follows from its seed and from the time in which it runs.
 */
import type { Random } from './random.js';

export interface GuestOptions {
  readonly random: Random;
  /** The disk, which the guest writes in place. */
  readonly disk: Buffer;
  readonly pageBytes: number;
  readonly writesPerSecond: number;
  /** Share of the disk, from its start, that is written. */
  readonly workingSet: number;
  /** Share of the writes that do not wait in the page cache. */
  readonly direct: number;
  /** How long a page waits in the page cache, in milliseconds. */
  readonly expireMs: number;
  /** How long a write is on the disk before the hypervisor notes it, in milliseconds. */
  readonly noteMs: number;
  /** Is told of each write to the disk once the hypervisor may note it. */
  readonly onNoted: (offset: number, length: number) => void;
}

/** A page in the page cache. */
interface CachedPage {
  readonly dirtiedAt: number;
  content: number;
}

export class MemoryGuest {
  running = true;
  disk: Buffer;
  /** Pages of the disk that are dirty in the page cache, oldest first. */
  readonly dirty = new Map<number, CachedPage>();
  /** How many writes reached the disk. */
  diskWrites = 0;
  /** The guest's own time: it stands while the guest does. */
  #time = 0;
  #seenAt = 0;
  #nextWrite = 0;
  #unnoted: { at: number; page: number }[] = [];
  #content = 1;
  #pace = 1;

  constructor(private readonly options: GuestOptions) {
    this.disk = options.disk;
  }

  /** Lets the guest do what it does until `now`. */
  advance(now: number): void {
    const end = this.#time + (this.running ? now - this.#seenAt : 0);
    this.#seenAt = now;
    if (!this.running) return;
    for (;;) {
      const oldest = this.dirty.entries().next().value;
      const expires = oldest ? oldest[1].dirtiedAt + this.options.expireMs : Infinity;
      const notes = (this.#unnoted[0]?.at ?? Infinity) + this.options.noteMs;
      this.#time = Math.max(this.#time, Math.min(expires, notes, this.#nextWrite, end));
      if (this.#time >= end) return;
      if (notes <= this.#time) this.#note(1);
      else if (expires <= this.#time) this.#writeBack(oldest![0]);
      else this.#write();
    }
  }

  /** Stands, with no write under way. */
  pause(now: number): void {
    this.advance(now);
    this.#note(this.#unnoted.length);
    this.running = false;
  }

  resume(now: number): void {
    this.advance(now);
    this.running = true;
  }

  /** From now on it writes `pace` times as fast as its options say. */
  setPace(now: number, pace: number): void {
    this.advance(now);
    this.#pace = pace;
    this.#nextWrite = this.#time;
  }

  /** Writes back what is dirty in the bytes. @returns how many bytes that were. */
  drain(offset: number, length: number): number {
    const { pageBytes } = this.options;
    const pages = [...this.dirty.keys()].filter(
      (page) => page * pageBytes < offset + length && (page + 1) * pageBytes > offset,
    );
    for (const page of pages) this.#writeBack(page);
    return pages.length * pageBytes;
  }

  #write(): void {
    const { random, disk, pageBytes, writesPerSecond, workingSet, direct } = this.options;
    const rate = writesPerSecond * this.#pace;
    this.#nextWrite = rate > 0 ? this.#time + (random.next() * 2000) / rate : Infinity;
    const pages = Math.floor((disk.length * workingSet) / pageBytes);
    if (pages === 0 || rate === 0) return;
    const page = Math.floor(pages * random.next() ** 2);
    const content = this.#content++;
    if (random.chance(direct)) this.#put(page, content);
    else {
      const cached = this.dirty.get(page);
      if (cached) cached.content = content;
      else this.dirty.set(page, { dirtiedAt: this.#time, content });
    }
  }

  #writeBack(page: number): void {
    const { content } = this.dirty.get(page)!;
    this.dirty.delete(page);
    this.#put(page, content);
  }

  #put(page: number, content: number): void {
    const { pageBytes } = this.options;
    const at = page * pageBytes;
    const end = Math.min(at + pageBytes, this.disk.length);
    const zeroes = content % 7 === 0;
    for (let i = at; i < end; i += 4) {
      this.disk.writeUInt32LE(zeroes ? 0 : (content * 0x10001 + i) >>> 0, i);
    }
    this.diskWrites++;
    this.#unnoted.push({ at: this.#time, page });
  }

  #note(count: number): void {
    const { pageBytes, onNoted } = this.options;
    for (const { page } of this.#unnoted.splice(0, count)) {
      const offset = page * pageBytes;
      onNoted(offset, Math.min(pageBytes, this.disk.length - offset));
    }
  }
}
