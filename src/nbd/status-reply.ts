/** The answer to a BLOCK_STATUS: one chunk of extents for each negotiated meta context. */
import { MAXIMUM_STATUS_EXTENTS } from './protocol.js';
import { Reply, type Settle } from './reply.js';
import type { Request } from './request.js';

/** The extents of one context from the request's offset on, without gaps. */
export interface StatusExtents {
  /** Length and flags alternate. */
  readonly values: Uint32Array;
  /** Bytes of the request that they cover: at least one minimum block, a multiple of it. */
  readonly covered: number;
}

/** What the answer is judged by. */
export interface StatusQuestion {
  /** The ids of all negotiated contexts: each gets a chunk. */
  readonly contexts: readonly number[];
  /** The id of the one whose extents are wanted. */
  readonly wanted: number;
  /** In bytes: no extent may reach beyond it. */
  readonly exportSize: number;
  /** In bytes: the next request begins at a multiple of it. */
  readonly minimumBlock: number;
}

/** Extents for which there is room at once; more room is made as they come, whatever a header promises. */
const FIRST_ROOM = 4096;

export class StatusReply extends Reply {
  settled = false;
  #answered = new Set<number>();
  #extents: Uint32Array | undefined;
  #storing = false;
  #stored = 0;
  #covered = 0;
  #wantedCovered = 0;

  constructor(
    request: Request,
    server: string,
    private readonly question: StatusQuestion,
    private readonly settle: Settle<StatusExtents>,
  ) {
    super(request, server, question.contexts.length);
  }

  /**
   * Begins the chunk of a context, with `count` extents.
   * @throws ProtocolError when the context was not negotiated or has been answered, or has too many.
   */
  begin(context: number, count: number): void {
    if (!this.question.contexts.includes(context)) {
      throw this.offence(`extents of meta context ${context}, which was not negotiated`);
    }
    if (this.#answered.has(context)) throw this.offence(`meta context ${context} twice`);
    if (count > MAXIMUM_STATUS_EXTENTS) {
      throw this.offence(`${count} extents, where ${MAXIMUM_STATUS_EXTENTS} are the most`);
    }
    this.#answered.add(context);
    this.#covered = 0;
    this.#storing = context === this.question.wanted && !this.settled;
    if (this.#storing) this.#extents = new Uint32Array(2 * Math.min(count, FIRST_ROOM));
  }

  /** Takes the next extent of the chunk. @throws ProtocolError when it can't be there. */
  addExtent(length: number, flags: number): void {
    const { offset, length: asked } = this.request;
    const start = offset + this.#covered;
    if (length === 0) throw this.offence(`an extent without length at offset ${start}`);
    if (this.#covered >= asked) {
      throw this.offence(`an extent at offset ${start}, beyond the request`);
    }
    if (start + length > this.question.exportSize) {
      throw this.offence(`an extent to offset ${start + length}, beyond the export`);
    }
    this.#covered += length;
    if (!this.#storing || !this.#extents) return;
    this.#wantedCovered = Math.min(this.#covered, asked);
    if (this.#stored === this.#extents.length) {
      const room = new Uint32Array(2 * this.#extents.length);
      room.set(this.#extents);
      this.#extents = room;
    }
    this.#extents[this.#stored++] = length;
    this.#extents[this.#stored++] = flags;
  }

  fail(error: Error): void {
    this.#extents = undefined;
    if (this.settled) return;
    this.settled = true;
    this.settle.reject(error);
  }

  protected succeed(): void {
    const missing = this.question.contexts.find((context) => !this.#answered.has(context));
    if (missing !== undefined) {
      throw this.offence(`success, but nothing was sent for meta context ${missing}`);
    }
    if (this.settled || !this.#extents) return;
    const { minimumBlock } = this.question;
    const covered = this.#wantedCovered - (this.#wantedCovered % minimumBlock);
    if (covered === 0) throw this.offence('extents that end before the first block does');
    this.settled = true;
    this.settle.resolve({ values: this.#extents.subarray(0, this.#stored), covered });
  }
}
