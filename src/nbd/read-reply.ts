/** The answer to a READ: content chunks in any order, put together without copying. */
import { NBD_CMD_FLAG_DF } from './protocol.js';
import { SlabPayload } from './payload.js';
import { Reply, type Settle } from './reply.js';
import type { Request } from './request.js';
import type { Slab } from './slab.js';
import type { Payload, PayloadPiece } from './types.js';

/** One content chunk; `parts` are absent for a hole. */
interface Segment {
  readonly offset: number;
  readonly length: number;
  readonly parts: Part[] | undefined;
}

interface Part {
  readonly slab: Slab;
  readonly start: number;
  end: number;
}

/**
 * The smallest content chunk that the count of chunks allows for, in bytes ("NBD_CMD_READ": chunks
 * should be a multiple of 512 bytes); it bounds what a server can make the client remember.
 */
const SMALLEST_CHUNK = 512;

export class ReadReply extends Reply {
  settled = false;
  /** Ascending by offset. */
  #segments: Segment[] = [];
  #current: Segment | undefined;
  #errorOffsets: number[] = [];

  constructor(
    request: Request,
    server: string,
    private readonly settle: Settle<Payload>,
  ) {
    super(request, server, Math.ceil(request.length / SMALLEST_CHUNK) + 1);
  }

  /**
   * Begins a chunk of data; `add` takes its bytes.
   * @throws ProtocolError when it is not inside the request, or overlaps another.
   */
  beginData(offset: number, length: number): void {
    this.#current = { offset, length, parts: [] };
    this.#insert(this.#current);
  }

  /** Takes over bytes of the chunk that was begun last, with their reference. */
  add(slab: Slab, start: number, end: number): void {
    const parts = this.#current?.parts;
    if (!parts || this.settled || this.failed) {
      slab.release();
      return;
    }
    const last = parts.at(-1);
    if (last?.slab === slab && last.end === start) {
      last.end = end;
      slab.release();
      return;
    }
    parts.push({ slab, start, end });
  }

  /** Takes a hole. @throws ProtocolError as `beginData` does. */
  addHole(offset: number, length: number): void {
    this.#insert({ offset, length, parts: undefined });
  }

  /** Notes where an error lies: no content may follow there. */
  override checkErrorOffset(offset: number): void {
    super.checkErrorOffset(offset);
    this.#errorOffsets.push(offset);
  }

  fail(error: Error): void {
    this.#releaseParts();
    if (this.settled) return;
    this.settled = true;
    this.settle.reject(error);
  }

  protected succeed(): void {
    this.#checkWhole();
    if (this.settled) return;
    this.settled = true;
    const pieces: PayloadPiece[] = [];
    const slabs: Slab[] = [];
    for (const { length, parts } of this.#segments) {
      if (!parts) pieces.push({ hole: true, length });
      for (const { slab, start, end } of parts ?? []) {
        pieces.push({ hole: false, data: slab.memory.subarray(start, end) });
        slabs.push(slab);
      }
    }
    this.#segments = [];
    this.settle.resolve(new SlabPayload(this.request.length, pieces, slabs));
  }

  #insert(segment: Segment): void {
    const { offset, length } = segment;
    const { offset: start, length: asked, flags } = this.request;
    if (offset < start || offset + length > start + asked) {
      throw this.offence(`a chunk of ${length} bytes at offset ${offset}, outside the request`);
    }
    if ((flags & NBD_CMD_FLAG_DF) !== 0 && this.#segments.length > 0) {
      throw this.offence('a second content chunk, although NBD_CMD_FLAG_DF forbade it');
    }
    const index = this.#placeOf(offset);
    const before = this.#segments[index - 1];
    const after = this.#segments[index];
    if (
      (before && before.offset + before.length > offset) ||
      (after && offset + length > after.offset) ||
      this.#errorOffsets.some((error) => error >= offset && error < offset + length)
    ) {
      throw this.offence(
        `a chunk of ${length} bytes at offset ${offset} that overlaps an earlier one`,
      );
    }
    this.#segments.splice(index, 0, segment);
  }

  /** The index in `#segments` at which a chunk at `offset` belongs. */
  #placeOf(offset: number): number {
    let low = 0;
    let high = this.#segments.length;
    if (high > 0 && this.#segments[high - 1]!.offset < offset) return high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#segments[middle]!.offset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #checkWhole(): void {
    let next = this.request.offset;
    for (const { offset, length } of this.#segments) {
      if (offset !== next) break;
      next += length;
    }
    if (next !== this.request.offset + this.request.length) {
      throw this.offence(`success, but nothing was sent for offset ${next}`);
    }
  }

  /** Lets go of the bytes; where they were is still known, so that what follows can be judged. */
  #releaseParts(): void {
    for (const { parts } of this.#segments) {
      for (const { slab } of parts?.splice(0) ?? []) slab.release();
    }
  }
}
