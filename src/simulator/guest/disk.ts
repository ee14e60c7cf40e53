/** The way to the guest's disk: what is written arrives in order, at the disk's pace. */
import { PAGE_BYTES, type GuestDevice } from './types.js';

/** Writes that arrive together. */
export interface Arrival {
  /** First page and number of pages of each run, one after the other. */
  readonly runs: readonly number[];
  /** The frames of the page cache that hold them, if it does. */
  readonly frames: readonly number[];
  /** Whether they are the journal's. */
  readonly journal: boolean;
  /** Is called when they are on the disk. */
  readonly arrived?: () => void;
}

export class Disk {
  /** When all that is on its way has arrived. */
  busyUntilMs = 0;
  writtenPages = 0;
  /** Pages on their way that are in no frame. */
  unframedPages = 0;
  #queue: { readonly dueMs: number; readonly arrival: Arrival }[] = [];
  #head = 0;

  constructor(
    private readonly device: GuestDevice,
    /** In bytes a second; may change. */
    private readonly pace: () => number,
    /** Is told each frame whose write has arrived. */
    private readonly endWrite: (frame: number) => void,
  ) {}

  /** When the next write arrives; Infinity when none is on its way. */
  get nextMs(): number {
    return this.#queue[this.#head]?.dueMs ?? Infinity;
  }

  /** How long the disk takes for so many pages, in milliseconds. */
  timeOf(pages: number): number {
    return (pages * PAGE_BYTES * 1000) / this.pace();
  }

  /** Takes the disk's time, as reading does. @returns when it is done. */
  occupy(nowMs: number, pages: number): number {
    this.busyUntilMs = Math.max(nowMs, this.busyUntilMs) + this.timeOf(pages);
    return this.busyUntilMs;
  }

  /** Sends writes on their way. @returns when they arrive. */
  submit(nowMs: number, arrival: Arrival): number {
    const pages = countPages(arrival.runs);
    const dueMs = this.occupy(nowMs, pages);
    if (arrival.frames.length === 0) this.unframedPages += pages;
    this.#queue.push({ dueMs, arrival });
    return dueMs;
  }

  /** What was sent first arrives. */
  arrive(): void {
    const { arrival } = this.#queue[this.#head++]!;
    if (this.#head === this.#queue.length || this.#head > 1024) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    const { runs, frames } = arrival;
    for (let index = 0; index < runs.length; index += 2) {
      this.device.writePages(runs[index]!, runs[index + 1]!);
      this.writtenPages += runs[index + 1]!;
    }
    if (frames.length === 0) this.unframedPages -= countPages(runs);
    for (const frame of frames) this.endWrite(frame);
    arrival.arrived?.();
  }

  /** All that is on its way arrives now. */
  finish(nowMs: number): void {
    while (this.nextMs < Infinity) this.arrive();
    this.busyUntilMs = Math.min(this.busyUntilMs, nowMs);
  }

  /** What is on its way, in order. */
  *underWay(): Iterable<Arrival> {
    for (let index = this.#head; index < this.#queue.length; index++)
      yield this.#queue[index]!.arrival;
  }
}

function countPages(runs: readonly number[]): number {
  let pages = 0;
  for (let index = 1; index < runs.length; index += 2) pages += runs[index]!;
  return pages;
}
