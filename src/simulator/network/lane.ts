/**
 * One direction of a connection: what is sent is on its way for as long as its network takes, and
 * arrives in order. A writer waits while too much is on its way, a reader takes it by and by.
 */
import type { Clock } from '../../base/clock.js';
import { CancelledError } from '../../base/errors.js';
import type { Link } from './network.js';

/** What may be on its way before more waits for its turn, in bytes, and a chunk beyond. */
const WINDOW_BYTES = 4 * 1024 * 1024;

/** Small chunks that are sent together arrive together, up to so many bytes. */
const TOGETHER_BYTES = 64 * 1024;

/** Times that differ by less are the same, in milliseconds. */
const SAME_MS = 1e-6;

/** The reader's end. */
export interface Receiver {
  /** Takes bytes. @returns whether it takes more now; if not, it calls `Lane.wanted` when it does. */
  arrive(bytes: Uint8Array): boolean;
  /** No more comes. */
  arriveEnd(): void;
  /** The connection is broken. */
  arriveReset(): void;
}

/** The way over a network; without one everything arrives at once. */
export interface Route {
  readonly clock: Clock;
  readonly link: Link;
}

/** Bytes, or the end after them. */
type Parcel = Uint8Array | 'end';

interface Sent {
  readonly atMs: number;
  readonly parcel: Parcel;
}

const lengthOf = (parcel: Parcel) => (parcel === 'end' ? 0 : parcel.length);

export class Lane {
  /** Not on its way yet. */
  #backlog: Parcel[] = [];
  #underWay: Sent[] = [];
  /** How many of them, from the first on, have been delivered. */
  #delivered = 0;
  #bytesUnderWay = 0;
  readonly #over = new AbortController();
  #lastMs = -Infinity;
  #isRunning = false;
  #isEnded = false;
  /** Of the write that waits. */
  #written: (() => void) | undefined;
  #goOn: (() => void) | undefined;

  /** @param refuse is called when bytes can't arrive because the reader is gone. */
  constructor(
    private readonly receiver: Receiver,
    private readonly route: Route | undefined,
    private readonly refuse: () => void,
  ) {}

  /** Sends bytes, whose memory must stay as it is; `written` is called when more may be sent. */
  send(pieces: readonly Uint8Array[], written: () => void): void {
    this.#written = written;
    if (this.#isClosed) this.refuse();
    else this.#add(...pieces);
  }

  /** Nothing more is sent. Idempotent. */
  end(): void {
    if (!this.#isEnded && !this.#isClosed) this.#add('end');
    this.#isEnded = true;
  }

  /** Tells the reader that the connection is broken, whether it reads or not. */
  reset(): void {
    void this.#untilArrived(this.#arrival(0)).then(() => {
      if (!this.#isClosed) this.receiver.arriveReset();
    });
  }

  /** The reader takes more. */
  wanted(): void {
    const goOn = this.#goOn;
    this.#goOn = undefined;
    goOn?.();
  }

  /** The reader is gone: whatever is on its way is lost. */
  close(): void {
    const lost = this.#backlog.length + this.#underWay.length - this.#delivered;
    const isEndAlone = lost === 1 && this.#isEnded;
    this.#backlog = [];
    this.#underWay = [];
    this.#delivered = 0;
    this.#over.abort();
    this.wanted();
    if (lost > 0 && !isEndAlone) this.refuse();
  }

  get #isClosed(): boolean {
    return this.#over.signal.aborted;
  }

  #add(...parcels: readonly Parcel[]): void {
    this.#backlog.push(...parcels);
    this.#admit();
    if (!this.#isRunning) void this.#run();
  }

  /** Puts on its way what may be, and lets the writer go on when all is. */
  #admit(): void {
    let next = 0;
    while (next < this.#backlog.length && this.#bytesUnderWay < WINDOW_BYTES) {
      const first = next;
      let bytes = 0;
      do bytes += lengthOf(this.#backlog[next++]!);
      while (
        next < this.#backlog.length &&
        bytes + lengthOf(this.#backlog[next]!) <= TOGETHER_BYTES
      );
      const atMs = this.#arrival(bytes);
      this.#bytesUnderWay += bytes;
      for (const parcel of this.#backlog.slice(first, next)) this.#underWay.push({ atMs, parcel });
    }
    this.#backlog.splice(0, next);
    const written = this.#written;
    if (!written || this.#backlog.length > 0 || this.#bytesUnderWay >= WINDOW_BYTES) return;
    this.#written = undefined;
    process.nextTick(written);
  }

  #arrival(length: number): number {
    const atMs = this.route?.link.send(length) ?? 0;
    this.#lastMs = Math.max(this.#lastMs, atMs);
    return this.#lastMs;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (let next = this.#first(); next; next = this.#first()) {
      // Never within the call that sends it.
      await this.#untilArrived(next.atMs);
      if (this.#isClosed) return;
      if (this.#leftMs(next.atMs) <= SAME_MS) await this.#deliver(next.parcel);
    }
    // At once: what is sent from now on begins anew.
    this.#isRunning = false;
  }

  #first(): Sent | undefined {
    return this.#underWay[this.#delivered];
  }

  async #deliver(parcel: Parcel): Promise<void> {
    this.#delivered++;
    if (this.#delivered >= this.#underWay.length / 2) {
      this.#underWay.splice(0, this.#delivered);
      this.#delivered = 0;
    }
    this.#bytesUnderWay -= lengthOf(parcel);
    const takesMore = parcel === 'end' || this.receiver.arrive(parcel);
    if (parcel === 'end') this.receiver.arriveEnd();
    this.#admit();
    if (!takesMore && !this.#isClosed) await this.#untilWanted();
  }

  #leftMs(atMs: number): number {
    return this.route ? atMs - this.route.clock.now() : 0;
  }

  async #untilArrived(atMs: number): Promise<void> {
    const leftMs = this.#leftMs(atMs);
    if (!this.route || leftMs <= SAME_MS) return;
    try {
      await this.route.clock.sleep(leftMs, this.#over.signal);
    } catch (error) {
      if (!(error instanceof CancelledError)) throw error;
    }
  }

  #untilWanted(): Promise<void> {
    return new Promise((resolve) => (this.#goOn = resolve));
  }
}
