/**
 * Moments that are kept, so that going to any other one costs the events from the nearest before it.
 * They are as far apart, in bytes of events, as keeps their number and their memory within bounds.
 */
import { bytesBeside } from './paged-words.js';
import type { KeptMoment } from './moment.js';

/** The most that are kept, and the most memory that their pages may take, in bytes. */
const MOST = 64;
const MOST_BYTES = 256 * 1024 * 1024;

/** How far apart they are at first, in bytes of events. */
const FIRST_SPACING = 64 * 1024;

/** Those around the moment that is shown, kept for steps back. */
const MOST_NEAR = 16;

interface Kept {
  readonly moment: KeptMoment;
  readonly offset: number;
}

export class Keyframes {
  #kept: Kept[] = [];
  #near: KeptMoment[] = [];
  #bytes = 0;
  #spacing = FIRST_SPACING;

  get count(): number {
    return this.#kept.length;
  }

  /** Whether a moment at this offset of the file is far enough from the newest one to be kept. */
  wants(offset: number): boolean {
    const last = this.#kept.at(-1);
    return offset - (last?.offset ?? 0) >= this.#spacing;
  }

  /** Keeps a moment that is newer than all. @param offset of the event after it. */
  keep(moment: KeptMoment, offset: number): void {
    const last = this.#kept.at(-1)?.moment;
    this.#kept.push({ moment, offset });
    this.#bytes += bytesOf(moment, last);
    while (this.#kept.length > MOST || (this.#bytes > MOST_BYTES && this.#kept.length > 1))
      this.#thin();
  }

  /** Keeps a moment on the way to one that a person goes to; the oldest of these is let go. */
  keepNear(moment: KeptMoment): void {
    if (this.#near.some(({ seq }) => seq === moment.seq)) return;
    this.#near.push(moment);
    if (this.#near.length > MOST_NEAR) this.#near.shift();
  }

  /** The newest that is kept at or before the event; undefined where none is. */
  before(seq: number): KeptMoment | undefined {
    let best: KeptMoment | undefined;
    for (const moment of [...this.#kept.map((each) => each.moment), ...this.#near])
      if (moment.seq <= seq && moment.seq > (best?.seq ?? -1)) best = moment;
    return best;
  }

  /** Those that are kept for good up to the event, the newest first. */
  upTo(seq: number): readonly KeptMoment[] {
    return this.#kept
      .map(({ moment }) => moment)
      .filter((moment) => moment.seq <= seq)
      .reverse();
  }

  #thin(): void {
    this.#spacing *= 2;
    this.#kept = this.#kept.filter((_, index) => index % 2 === 1);
    this.#bytes = 0;
    let before: KeptMoment | undefined;
    for (const { moment } of this.#kept) {
      this.#bytes += bytesOf(moment, before);
      before = moment;
    }
  }
}

function bytesOf({ blocks }: KeptMoment, before: KeptMoment | undefined): number {
  if (!blocks) return 0;
  return (
    bytesBeside(blocks.words, before?.blocks?.words) +
    bytesBeside(blocks.files.owners, before?.blocks?.files.owners) +
    bytesBeside(blocks.files.sectors, before?.blocks?.files.sectors)
  );
}
