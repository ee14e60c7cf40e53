/**
 * Moves blocks from the source's NBD export to the destination's, pipelined, and compares them.
 * Payloads are passed on as they arrived; blocks that are all zero go as a request for zeroes.
 */
import type { NbdConnection, Payload } from '../nbd/types.js';
import type { BlockGeometry, BlockSet } from './blockset/index.js';
import { BlockSetBuilder } from './blockset/index.js';
import type { Throttle } from './throttle.js';
import { differingBlocks, segmentsOf } from './payload.js';

/** Largest request, in bytes; larger ones are slower with a Node client. */
const REQUEST_BYTES = 256 * 1024;
/** Requests in flight. */
const DEPTH = 16;

/** What was confirmed by the destination. */
export interface SentRequest {
  /** First block. */
  readonly start: number;
  /** Blocks. */
  readonly count: number;
  /** Bytes of them that went as a request for zeroes. */
  readonly zeroBytes: number;
}

/** Both ends of a migration's data. */
export interface TransferEnds {
  readonly source: NbdConnection;
  readonly destination: NbdConnection;
}

export class Transfer {
  readonly #requestBlocks: number;

  constructor(
    private readonly ends: TransferEnds,
    private readonly geometry: BlockGeometry,
    private readonly throttle: Throttle,
  ) {
    const largest = Math.min(
      REQUEST_BYTES,
      ends.source.info.maximumPayload,
      ends.destination.info.maximumPayload,
    );
    this.#requestBlocks = Math.max(1, Math.floor(largest / geometry.granularity));
  }

  /**
   * Sends the blocks; `onSent` is called for each request that the destination confirmed.
   * @throws the first error of either connection, or CancelledError; what is in flight settles first.
   */
  async send(
    blocks: BlockSet,
    onSent: (request: SentRequest) => void,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#pipeline(blocks, signal, async (start, count, laneSignal) => {
      const offset = start * this.geometry.granularity;
      const length = this.#bytes(start, count);
      await this.throttle.take(length, laneSignal);
      const payload = await this.ends.source.read(offset, length, { signal: laneSignal });
      try {
        onSent({ start, count, zeroBytes: await this.#write(offset, payload, laneSignal) });
      } finally {
        payload.release();
      }
    });
  }

  /**
   * Writes zeroes over the blocks, where the destination does not read as zeroes already.
   * @throws as `send`.
   */
  async zero(blocks: BlockSet, signal: AbortSignal): Promise<void> {
    const { destination } = this.ends;
    const stale = new BlockSetBuilder();
    const mark = stale.extentVisitor(this.geometry);
    const known = destination.info.metaContexts.includes('base:allocation');
    const extents: { offset: number; length: number }[] = [];
    blocks.extents(this.geometry, (offset, length) => extents.push({ offset, length }));
    for (const { offset, length } of extents) {
      if (!known) mark(offset, length);
      else
        await destination.blockStatus(
          'base:allocation',
          offset,
          length,
          (at, bytes, flags) => {
            if ((flags & ZERO_STATE) === 0) mark(at, bytes);
          },
          { signal },
        );
    }
    await this.#pipeline(stale.build().intersection(blocks), signal, (start, count, laneSignal) =>
      this.#writeZeroes(start * this.geometry.granularity, this.#bytes(start, count), laneSignal),
    );
  }

  /**
   * Reads the blocks from both sides.
   * @returns the blocks that differ.
   * @throws as `send`.
   */
  async compare(
    blocks: BlockSet,
    onChecked: (bytes: number) => void,
    signal: AbortSignal,
  ): Promise<BlockSet> {
    const differing = new BlockSetBuilder();
    await this.#pipeline(blocks, signal, async (start, count, laneSignal) => {
      const offset = start * this.geometry.granularity;
      const length = this.#bytes(start, count);
      await this.throttle.take(length, laneSignal);
      const [source, destination] = await Promise.allSettled([
        this.ends.source.read(offset, length, { signal: laneSignal }),
        this.ends.destination.read(offset, length, { signal: laneSignal }),
      ]);
      try {
        if (source.status === 'rejected') throw source.reason;
        if (destination.status === 'rejected') throw destination.reason;
        differingBlocks(source.value, destination.value, this.geometry.granularity, (block) =>
          differing.add(start + block, 1),
        );
        onChecked(length);
      } finally {
        if (source.status === 'fulfilled') source.value.release();
        if (destination.status === 'fulfilled') destination.value.release();
      }
    });
    return differing.build();
  }

  /** Waits until all that was written is stable at the destination. */
  async flush(signal: AbortSignal): Promise<void> {
    if (this.ends.destination.info.canFlush) await this.ends.destination.flush({ signal });
  }

  #bytes(start: number, count: number): number {
    const { granularity, size } = this.geometry;
    return Math.min(count * granularity, size - start * granularity);
  }

  /** @returns the bytes that went as zeroes. */
  async #write(offset: number, payload: Payload, signal: AbortSignal): Promise<number> {
    let zeroBytes = 0;
    const writes: Promise<void>[] = [];
    for (const segment of segmentsOf(payload, this.geometry.granularity)) {
      const at = offset + segment.offset;
      if (segment.data) writes.push(this.ends.destination.write(at, segment.data, { signal }));
      else {
        zeroBytes += segment.length;
        writes.push(this.#writeZeroes(at, segment.length, signal));
      }
    }
    const failed = (await Promise.allSettled(writes)).find((write) => write.status === 'rejected');
    if (failed) throw failed.reason;
    return zeroBytes;
  }

  async #writeZeroes(offset: number, length: number, signal: AbortSignal): Promise<void> {
    const { destination } = this.ends;
    if (destination.info.canWriteZeroes) {
      await destination.writeZeroes(offset, length, { signal, mayTrim: true });
      return;
    }
    for (let at = 0; at < length; at += ZEROES.length) {
      const part = ZEROES.subarray(0, Math.min(ZEROES.length, length - at));
      await destination.write(offset + at, [part], { signal });
    }
  }

  /** Runs `work` over the blocks in requests of bounded size, several at once; the first failure ends all. */
  async #pipeline(
    blocks: BlockSet,
    signal: AbortSignal,
    work: (start: number, count: number, signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const requests = requestsOf(blocks, this.#requestBlocks);
    const failed = new AbortController();
    const laneSignal = AbortSignal.any([signal, failed.signal]);
    const lane = async () => {
      for (const [start, count] of requests) {
        laneSignal.throwIfAborted();
        await work(start, count, laneSignal);
      }
    };
    const errors: unknown[] = [];
    const guarded = () =>
      lane().catch((error: unknown) => {
        errors.push(error);
        failed.abort(error);
      });
    await Promise.all(Array.from({ length: DEPTH }, guarded));
    signal.throwIfAborted();
    if (errors.length > 0) throw errors[0];
  }
}

/** NBD_STATE_ZERO (NBD specification, "base:allocation metadata context"). */
export const ZERO_STATE = 2;

const ZEROES = new Uint8Array(REQUEST_BYTES);

/** The blocks in runs of at most `largest`, ascending. */
function requestsOf(blocks: BlockSet, largest: number): IterableIterator<[number, number]> {
  const runs: number[] = [];
  blocks.runs((start, count) => runs.push(start, count));
  return (function* () {
    for (let i = 0; i < runs.length; i += 2) {
      const end = runs[i]! + runs[i + 1]!;
      for (let start = runs[i]!; start < end; start += largest) {
        yield [start, Math.min(largest, end - start)];
      }
    }
  })();
}
