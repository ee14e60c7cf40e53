/** The account of a run: what was sent, how often, what was put off. */
import { BlockSet, BlockSetBuilder, type BlockGeometry } from './blockset/index.js';
import type { Replayed } from './continuation/replay.js';
import type { SentRequest } from './transfer.js';

/** What was confirmed since the account was last settled. */
export interface Settled {
  readonly blocks: BlockSet;
  readonly bytes: number;
  readonly resentBytes: number;
  readonly zeroBytes: number;
}

export class Ledger {
  /** Every block that was sent at least once. */
  sent = BlockSet.empty;
  /** Every block that a plan put off at least once. */
  everDeferred = BlockSet.empty;
  /** Bytes of blocks sent, each time counted, zeroes included. */
  sentBytes = 0;
  /** Of these, bytes of blocks that had been sent before. */
  resentBytes = 0;
  /** Of these, bytes that went as a request for zeroes. */
  zeroBytes = 0;
  #open = new BlockSetBuilder();
  #openZeroBytes = 0;
  #anyOpen = false;

  /** @param before what was sent and put off before, by another process of the run. */
  constructor(
    private readonly geometry: BlockGeometry,
    before?: Pick<Replayed, 'sent' | 'everDeferred' | 'sums'>,
  ) {
    if (!before) return;
    this.sent = before.sent;
    this.everDeferred = before.everDeferred;
    this.sentBytes = before.sums.sentBytes;
    this.resentBytes = before.sums.resentBytes;
    this.zeroBytes = before.sums.zeroBytes;
  }

  /** Bytes of distinct blocks sent. */
  get distinctBytes(): number {
    return this.sent.bytes(this.geometry);
  }

  /** sentBytes / distinctBytes; 1 when nothing was sent. */
  get sendAmplification(): number {
    const distinct = this.distinctBytes;
    return distinct === 0 ? 1 : this.sentBytes / distinct;
  }

  /** Notes a request that the destination confirmed; no block twice before the next `settle`. */
  note(request: SentRequest): void {
    this.#open.add(request.start, request.count);
    this.#openZeroBytes += request.zeroBytes;
    this.#anyOpen = true;
  }

  /** Brings what was noted to account; undefined when there is nothing. */
  settle(): Settled | undefined {
    if (!this.#anyOpen) return undefined;
    const blocks = this.#open.build();
    const settled = {
      blocks,
      bytes: blocks.bytes(this.geometry),
      resentBytes: blocks.intersection(this.sent).bytes(this.geometry),
      zeroBytes: this.#openZeroBytes,
    };
    this.sent = this.sent.union(blocks);
    this.sentBytes += settled.bytes;
    this.resentBytes += settled.resentBytes;
    this.zeroBytes += settled.zeroBytes;
    this.#open = new BlockSetBuilder();
    this.#openZeroBytes = 0;
    this.#anyOpen = false;
    return settled;
  }
}
