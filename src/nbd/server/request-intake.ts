/** Requests as they arrive: each waits until it is admitted, and a write until its data are there. */
import { ProtocolError } from '../../base/errors.js';
import type { Inbox, SliceSink } from '../inbox.js';
import { NBD_CMD_DISC, NBD_CMD_WRITE, NBD_REQUEST_MAGIC, REQUEST_LENGTH } from '../protocol.js';
import type { Slab } from '../slab.js';
import { LONGEST_SKIPPED, type Failure } from './judge.js';
import type { ServedRequest } from './replies.js';

/** What is done with the requests. */
export interface RequestSink {
  judge(request: ServedRequest): Failure | undefined;
  /** Takes a place for the request where there is one; asked again whenever `run` is called. */
  admit(request: ServedRequest, failure: Failure | undefined): boolean;
  /** Serves a request that was admitted; `data` holds a reference to each slab until it is released. */
  serve(request: ServedRequest, data: WriteData): void;
  /** Answers a request that was admitted. */
  refuse(request: ServedRequest, failure: Failure): void;
  /** Nothing follows. @param disconnect the client said so, by NBD_CMD_DISC. */
  leave(disconnect: boolean): void;
}

interface Part {
  readonly slab: Slab;
  readonly start: number;
  end: number;
}

/** The data of a WRITE, where they arrived. */
export class WriteData {
  #parts: Part[] = [];

  /** What arrived piece by piece in the same memory is one piece. */
  readonly add: SliceSink = (slab, start, end) => {
    const last = this.#parts.at(-1);
    if (last?.slab === slab && last.end === start) {
      last.end = end;
      slab.release();
      return;
    }
    this.#parts.push({ slab, start, end });
  };

  pieces(): Uint8Array[] {
    return this.#parts.map(({ slab, start, end }) => slab.memory.subarray(start, end));
  }

  release(): void {
    for (const { slab } of this.#parts.splice(0)) slab.release();
  }
}

/** Takes what has arrived; says whether it got on. */
type Step = () => boolean;

export class RequestIntake {
  readonly #header: Step = () => this.#takeHeader();
  #step: Step = this.#header;
  /** What was admitted and is not complete. */
  #pending: { readonly request: ServedRequest; readonly data: WriteData } | undefined;
  /** A request waits for a place; more bytes would not help. */
  blocked = false;

  constructor(
    private readonly inbox: Inbox,
    private readonly sink: RequestSink,
    private readonly client: string,
  ) {}

  /** Takes all that can be taken. @throws ProtocolError */
  run(): void {
    while (this.#step());
  }

  /** Takes nothing any more. @returns the request that was admitted and is not complete. */
  stop(): ServedRequest | undefined {
    this.#step = () => false;
    this.blocked = false;
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.data.release();
    return pending?.request;
  }

  #takeHeader(): boolean {
    const { inbox } = this;
    if (!inbox.require(REQUEST_LENGTH)) return false;
    const { memory, at } = inbox;
    const magic = memory.readUInt32BE(at);
    if (magic !== NBD_REQUEST_MAGIC) {
      throw new ProtocolError(
        `${this.client} broke the NBD protocol: it sent a request with magic 0x${magic.toString(16).padStart(8, '0')}.`,
      );
    }
    const request: ServedRequest = {
      flags: memory.readUInt16BE(at + 4),
      command: memory.readUInt16BE(at + 6),
      cookie: [memory.readUInt32BE(at + 8), memory.readUInt32BE(at + 12)],
      offset: memory.readUInt32BE(at + 16) * 2 ** 32 + memory.readUInt32BE(at + 20),
      length: memory.readUInt32BE(at + 24),
    };
    inbox.skip(REQUEST_LENGTH);
    if (request.command === NBD_CMD_DISC) {
      this.stop();
      this.sink.leave(true);
      return false;
    }
    this.#step = this.#admission(request, this.sink.judge(request));
    return true;
  }

  #admission(request: ServedRequest, failure: Failure | undefined): Step {
    return () => {
      this.blocked = !this.sink.admit(request, failure);
      if (this.blocked) return false;
      const data = new WriteData();
      this.#pending = { request, data };
      const length = request.command === NBD_CMD_WRITE ? request.length : 0;
      if (!failure) this.#step = this.#collect(request, data, length);
      else if (length > LONGEST_SKIPPED) this.#giveUp(request, failure);
      else this.#step = this.#skip(request, failure, length);
      return true;
    };
  }

  #collect(request: ServedRequest, data: WriteData, length: number): Step {
    let left = length;
    return () => {
      left -= this.inbox.move(left, data.add);
      if (left > 0) return false;
      this.#complete();
      this.sink.serve(request, data);
      return true;
    };
  }

  #skip(request: ServedRequest, failure: Failure, length: number): Step {
    let left = length;
    return () => {
      left -= this.inbox.skip(left);
      if (left > 0) return false;
      this.#complete();
      this.sink.refuse(request, failure);
      return true;
    };
  }

  #giveUp(request: ServedRequest, failure: Failure): void {
    this.stop();
    this.sink.refuse(request, failure);
    this.sink.leave(false);
  }

  #complete(): void {
    this.#pending = undefined;
    this.#step = this.#header;
  }
}
