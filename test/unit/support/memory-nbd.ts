/** An NBD connection to a buffer: keeps the limits that it states, takes time, and breaks on request. */
import { ConnectionLostError, LimitError } from '../../../src/base/errors.js';
import type { Clock } from '../../../src/base/clock.js';
import type {
  CommandOptions,
  ExportInfo,
  NbdConnection,
  Payload,
  PayloadPiece,
  StatusVisitor,
} from '../../../src/nbd/types.js';
import type { Faults } from './faults.js';

/** What all connections of a lab go through: bytes a second, and the time that a request takes beside. */
export class Link {
  #free = 0;

  constructor(
    private readonly clock: Clock,
    readonly bytesPerSecond: number,
    readonly latencyMs: number,
  ) {}

  /** Resolves when so many bytes have come through. Not cut short: what is under way is under way. */
  async carry(bytes: number): Promise<void> {
    const now = this.clock.now();
    this.#free = Math.max(now, this.#free) + (bytes * 1000) / this.bytesPerSecond;
    await this.clock.sleep(this.#free - now + this.latencyMs / 2);
  }
}

export interface MemoryExport {
  readonly side: 'source' | 'destination';
  readonly info: ExportInfo;
  /** Bytes of a run that is told to be a hole. */
  readonly holeBytes: number;
  /** The bytes of the export now. */
  data(): Buffer;
  /** Whether the `holeBytes` at `offset` are known to be zeroes. */
  isHole(offset: number): boolean;
  /** Is called with bytes that were written. */
  onWritten?(offset: number, length: number): void;
}

/** What a payload's memory is filled with when it was given back: whoever reads it then sends it. */
const RELEASED = 0xee;

export class MemoryConnection implements NbdConnection {
  readonly info: ExportInfo;
  closed = false;
  /** Payloads that nobody gave back. */
  outstanding = 0;
  readonly #ended = new AbortController();

  constructor(
    private readonly target: MemoryExport,
    private readonly link: Link,
    private readonly clock: Clock,
    private readonly faults: Faults,
  ) {
    this.info = target.info;
  }

  async read(offset: number, length: number, options: CommandOptions = {}): Promise<Payload> {
    this.#check(offset, length, this.info.maximumPayload);
    await this.#pass('read', options.signal);
    await this.clock.sleep(this.link.latencyMs / 2, options.signal);
    const pieces = this.#pieces(offset, length);
    const carried = pieces.reduce((sum, piece) => sum + (piece.hole ? 0 : piece.data.length), 0);
    if (this.target.side === 'source') await this.link.carry(carried);
    options.signal?.throwIfAborted();
    this.outstanding++;
    let released = false;
    return {
      length,
      pieces,
      release: () => {
        if (released) throw new Error('A payload was given back twice.');
        released = true;
        this.outstanding--;
        for (const piece of pieces) if (!piece.hole) piece.data.fill(RELEASED);
      },
    };
  }

  async write(
    offset: number,
    data: readonly Uint8Array[],
    options: CommandOptions = {},
  ): Promise<void> {
    const length = data.reduce((sum, part) => sum + part.length, 0);
    this.#check(offset, length, this.info.maximumPayload);
    await this.#pass('write', options.signal);
    await this.link.carry(0);
    this.#put(offset, Buffer.concat(data));
    options.signal?.throwIfAborted();
  }

  async writeZeroes(offset: number, length: number, options: CommandOptions = {}): Promise<void> {
    if (!this.info.canWriteZeroes) throw new Error('The export takes no request for zeroes.');
    this.#check(offset, length, Infinity);
    await this.#pass('writeZeroes', options.signal);
    await this.link.carry(0);
    this.#put(offset, Buffer.alloc(length));
    options.signal?.throwIfAborted();
  }

  trim(): Promise<void> {
    return Promise.reject(new Error('Nothing of the engine trims a destination.'));
  }

  async flush(options: CommandOptions = {}): Promise<void> {
    await this.#pass('flush', options.signal);
    await this.clock.sleep(this.link.latencyMs, options.signal);
  }

  async blockStatus(
    context: string,
    offset: number,
    length: number,
    visit: StatusVisitor,
    options: CommandOptions = {},
  ): Promise<void> {
    this.#check(offset, length, Infinity);
    if (!this.info.metaContexts.includes(context)) throw new Error(`${context} was not granted.`);
    await this.#pass('blockStatus', options.signal);
    const { holeBytes } = this.target;
    for (let at = offset; at < offset + length;) {
      const end = Math.min(offset + length, (Math.floor(at / holeBytes) + 1) * holeBytes);
      visit(at, end - at, this.target.isHole(at - (at % holeBytes)) ? 3 : 0);
      at = end;
    }
  }

  close(): Promise<void> {
    this.destroy(new ConnectionLostError('The connection was closed.'));
    return Promise.resolve();
  }

  destroy(error: Error = new ConnectionLostError('The connection was destroyed.')): void {
    this.closed = true;
    this.#ended.abort(error);
  }

  /** A request, from its start: fails when the connection has ended, or when it is told to. */
  async #pass(
    what: 'read' | 'write' | 'writeZeroes' | 'flush' | 'blockStatus',
    signal?: AbortSignal,
  ) {
    this.#ended.signal.throwIfAborted();
    signal?.throwIfAborted();
    if (this.target.side === 'source') {
      if (what === 'write' || what === 'writeZeroes') throw new Error('The source is read-only.');
      await this.faults.pass(`source.${what}`, signal);
    } else await this.faults.pass(`destination.${what}`, signal);
    this.#ended.signal.throwIfAborted();
  }

  #check(offset: number, length: number, maximum: number): void {
    const { size, minimumBlock } = this.info;
    const aligned = offset % minimumBlock === 0 && length % minimumBlock === 0;
    if (length < 1 || length > maximum || offset + length > size || !aligned)
      throw new LimitError(`A request of ${length} bytes at ${offset} passes a limit.`);
  }

  #pieces(offset: number, length: number): PayloadPiece[] {
    const { holeBytes } = this.target;
    const pieces: PayloadPiece[] = [];
    for (let at = offset; at < offset + length;) {
      const end = Math.min(offset + length, (Math.floor(at / holeBytes) + 1) * holeBytes);
      const hole = this.target.isHole(at - (at % holeBytes));
      if (hole) pieces.push({ hole, length: end - at });
      else pieces.push({ hole, data: new Uint8Array(this.target.data().subarray(at, end)) });
      at = end;
    }
    return pieces;
  }

  #put(offset: number, data: Buffer): void {
    this.#ended.signal.throwIfAborted();
    data.copy(this.target.data(), offset);
    this.target.onWritten?.(offset, data.length);
  }
}
