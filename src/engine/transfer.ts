/**
 * Moves blocks from the source's NBD export to the destination's, pipelined, and compares them.
 * Payloads are passed on as they arrived; blocks that are all zero go as a request for zeroes.
 */
import { setMaxListeners } from 'node:events';
import {
  ConnectionLostError,
  DestinationError,
  NbdCommandError,
  ProtocolError,
} from '../base/errors.js';
import type { NbdConnection, Payload } from '../nbd/types.js';
import type { BlockGeometry, BlockSet } from './blockset/index.js';
import { BlockSetBuilder } from './blockset/index.js';
import type { Throttle } from './throttle.js';
import { Window } from './window.js';
import { differingBlocks, segmentsOf } from './payload.js';

/** Largest request, in bytes; larger ones are slower with a Node client. */
const REQUEST_BYTES = 512 * 1024;
/** Largest request for zeroes alone, in bytes: it has no payload. */
const ZEROES_REQUEST_BYTES = 32 * 1024 * 1024;
/** Requests in flight, at most. */
const DEPTH = 16;
/** Bytes of them, at most: more are slower, as they no longer fit the processor's cache. */
const BYTES_IN_FLIGHT = 4 * 1024 * 1024;

/** Bytes of one read after which a server's C library keeps its buffers: docs/decisions/0005. */
const PRIMING_BYTES = 1024 * 1024;

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
  /** How errors name the destination: where it listens says little. */
  readonly destinationName: string;
}

export class Transfer {
  readonly #requestBlocks: number;

  constructor(
    private readonly ends: TransferEnds,
    private readonly geometry: BlockGeometry,
    /** For each direction of the link. */
    private readonly throttles: { readonly send: Throttle; readonly readBack: Throttle },
  ) {
    const largest = Math.min(
      REQUEST_BYTES,
      ends.source.info.maximumPayload,
      ends.destination.info.maximumPayload,
    );
    this.#requestBlocks = Math.max(1, Math.floor(largest / geometry.granularity));
  }

  /**
   * Reads a little from both sides, once, which makes most servers faster from then on. A server that
   * refuses is left as it is: whatever is needed of it is asked for again.
   * @throws ConnectionLostError, ProtocolError or CancelledError.
   */
  async prime(signal: AbortSignal): Promise<void> {
    const { source, destination } = this.ends;
    await primed(source, this.geometry.size, signal);
    await this.#asked(primed(destination, this.geometry.size, signal));
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
      await this.throttles.send.take(length, laneSignal);
      const payload = await this.ends.source.read(offset, length, {
        signal: laneSignal,
        dontFragment: true,
      });
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
    if (blocks.isEmpty) return;
    const { granularity } = this.geometry;
    const stale = await this.#asked(notZeroes(this.ends.destination, this.geometry, signal));
    const work = (start: number, count: number, laneSignal: AbortSignal) =>
      this.#writeZeroes(start * granularity, this.#bytes(start, count), laneSignal);
    const largest = this.ends.destination.info.canWriteZeroes
      ? Math.max(1, Math.floor(ZEROES_REQUEST_BYTES / granularity))
      : this.#requestBlocks;
    await this.#pipeline(blocks.intersection(stale), signal, work, largest);
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
      await this.throttles.readBack.take(length, laneSignal);
      const [source, destination] = await Promise.allSettled([
        this.ends.source.read(offset, length, { signal: laneSignal }),
        this.#asked(this.ends.destination.read(offset, length, { signal: laneSignal })),
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

  /** Has the source's host write what it holds back, so that stopping the guest has little of it to do. */
  async flushSource(signal: AbortSignal): Promise<void> {
    const { source } = this.ends;
    if (source.info.canFlush) await source.flush({ signal });
  }

  /** Waits until all that was written is stable at the destination. */
  async flush(signal: AbortSignal): Promise<void> {
    const { destination } = this.ends;
    if (destination.info.canFlush) await this.#asked(destination.flush({ signal }));
  }

  /** What was asked of the destination; a failure of it names the destination. */
  async #asked<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      throw failureOf(this.ends.destinationName, error);
    }
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
      if (segment.data)
        writes.push(this.#asked(this.ends.destination.write(at, segment.data, { signal })));
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
      await this.#asked(destination.writeZeroes(offset, length, { signal, mayTrim: true }));
      return;
    }
    for (let at = 0; at < length; at += ZEROES.length) {
      const part = ZEROES.subarray(0, Math.min(ZEROES.length, length - at));
      await this.#asked(destination.write(offset + at, [part], { signal }));
    }
  }

  /** Runs `work` over the blocks in requests of bounded size, several at once; the first failure ends all. */
  async #pipeline(
    blocks: BlockSet,
    signal: AbortSignal,
    work: (start: number, count: number, signal: AbortSignal) => Promise<void>,
    largest = this.#requestBlocks,
  ): Promise<void> {
    const requests = requestsOf(blocks, largest);
    const failed = new AbortController();
    const laneSignal = AbortSignal.any([signal, failed.signal]);
    setMaxListeners(0, laneSignal);
    const window = new Window(BYTES_IN_FLIGHT);
    const lane = async () => {
      for (const [start, count] of requests) {
        const bytes = this.#bytes(start, Math.min(count, this.#requestBlocks));
        await window.take(bytes);
        try {
          laneSignal.throwIfAborted();
          await work(start, count, laneSignal);
        } finally {
          window.give(bytes);
        }
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

async function primed(connection: NbdConnection, size: number, signal: AbortSignal): Promise<void> {
  const length = Math.min(PRIMING_BYTES, connection.info.maximumPayload, size);
  if (length === 0) return;
  try {
    const payload = await connection.read(0, length, { signal, dontFragment: true });
    payload.release();
  } catch (error) {
    if (!(error instanceof NbdCommandError)) throw error;
  }
}

/** What the far side failed, as the destination's failure; anything else as it is. */
function failureOf(destination: string, error: unknown): unknown {
  const byFarSide =
    error instanceof NbdCommandError ||
    error instanceof ConnectionLostError ||
    error instanceof ProtocolError;
  if (!byFarSide) return error;
  return new DestinationError(`The destination ${destination} failed: ${error.message}`, {
    cause: error,
    hint: error.hint ?? 'Look after the destination, then start the migration again.',
  });
}

/** The meta context that tells what is allocated and what is zeroes (NBD specification). */
export const ALLOCATION = 'base:allocation';
/** NBD_STATE_ZERO (NBD specification, "base:allocation metadata context"). */
const ZERO_STATE = 2;

/** The blocks of which the server does not say that they are zeroes; all, where it says nothing. */
export async function notZeroes(
  connection: NbdConnection,
  geometry: BlockGeometry,
  signal: AbortSignal,
): Promise<BlockSet> {
  const { size } = geometry;
  const builder = new BlockSetBuilder();
  const mark = builder.extentVisitor(geometry);
  const visit = (offset: number, length: number, flags: number) => {
    if ((flags & ZERO_STATE) === 0) mark(offset, length);
  };
  if (!connection.info.metaContexts.includes(ALLOCATION)) mark(0, size);
  else if (size > 0) await connection.blockStatus(ALLOCATION, 0, size, visit, { signal });
  return builder.build();
}

const ZEROES = new Uint8Array(REQUEST_BYTES);

/** How many blocks are laid out in runs at a time: what bounds the memory for it. */
const LAID_OUT_BLOCKS = 65_536;

/** The blocks in runs of at most `largest`, ascending. */
function* requestsOf(blocks: BlockSet, largest: number): Generator<[number, number]> {
  for (let rest = blocks; !rest.isEmpty;) {
    const part = rest.take(LAID_OUT_BLOCKS);
    rest = rest.difference(part);
    const runs: [number, number][] = [];
    part.runs((start, count) => runs.push([start, count]));
    for (const [start, count] of runs) {
      for (let at = start; at < start + count; at += largest) {
        yield [at, Math.min(largest, start + count - at)];
      }
    }
  }
}
