/** A storage in memory for an NBD server: bytes, which of its pages are allocated, and which are dirty. */
import {
  BASE_ALLOCATION,
  NBD_ENOTSUP,
  NBD_STATE_DIRTY,
  NBD_STATE_HOLE,
  NBD_STATE_ZERO,
  NbdServerError,
  type ExportStorage,
  type PayloadPiece,
} from '../../../../src/nbd/index.js';

export const PAGE = 4096;

export class MemoryStorage implements ExportStorage {
  readonly bytes: Buffer;
  /** Every call: `write 0+512 fua`. */
  readonly calls: string[] = [];
  /** The data of the last write, as they were given. */
  written: readonly Uint8Array[] = [];
  /** Whether zeroes are as slow as data. */
  slowZeroes = false;
  /** Is asked at each call, and may wait or throw. */
  onCall: (call: string, signal: AbortSignal) => void | Promise<void> = () => undefined;
  readonly #allocated = new Set<number>();
  readonly #dirty = new Set<number>();

  constructor(readonly size: number) {
    this.bytes = Buffer.alloc(size);
  }

  /** Puts bytes there as if a guest had written them. */
  put(offset: number, data: Uint8Array): void {
    this.bytes.set(data, offset);
    this.#mark(offset, data.length, true);
  }

  async read(offset: number, length: number, signal: AbortSignal): Promise<PayloadPiece[]> {
    await this.#enter(`read ${offset}+${length}`, signal);
    const pieces: PayloadPiece[] = [];
    for (let at = offset; at < offset + length;) {
      const end = Math.min(offset + length, (Math.floor(at / PAGE) + 1) * PAGE);
      const hole = !this.#allocated.has(Math.floor(at / PAGE));
      pieces.push(
        hole
          ? { hole, length: end - at }
          : { hole, data: Uint8Array.prototype.slice.call(this.bytes, at, end) },
      );
      at = end;
    }
    return pieces;
  }

  async write(
    offset: number,
    data: readonly Uint8Array[],
    { fua }: { readonly fua: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    const length = data.reduce((sum, piece) => sum + piece.length, 0);
    this.written = data;
    await this.#enter(`write ${offset}+${length}${fua ? ' fua' : ''}`, signal);
    let at = offset;
    for (const piece of data) {
      this.bytes.set(piece, at);
      at += piece.length;
    }
    this.#mark(offset, length, true);
  }

  async writeZeroes(
    offset: number,
    length: number,
    options: { readonly fua: boolean; readonly mayTrim: boolean; readonly fast: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    const flags = Object.entries(options).filter(([, set]) => set);
    const told = flags.map(([name]) => ` ${name}`).join('');
    await this.#enter(`zeroes ${offset}+${length}${told}`, signal);
    if (options.fast && this.slowZeroes)
      throw new NbdServerError('Zeroes are written as data here.', NBD_ENOTSUP);
    this.bytes.fill(0, offset, offset + length);
    this.#mark(offset, length, !options.mayTrim);
  }

  async trim(
    offset: number,
    length: number,
    { fua }: { readonly fua: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    await this.#enter(`trim ${offset}+${length}${fua ? ' fua' : ''}`, signal);
    const start = Math.ceil(offset / PAGE) * PAGE;
    const end = Math.floor((offset + length) / PAGE) * PAGE;
    if (end <= start) return;
    this.bytes.fill(0, start, end);
    this.#mark(start, end - start, false);
  }

  async flush(signal: AbortSignal): Promise<void> {
    await this.#enter('flush', signal);
  }

  async status(
    context: string,
    offset: number,
    length: number,
    visit: (offset: number, length: number, flags: number) => boolean,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#enter(`status ${offset}+${length} ${context}`, signal);
    for (let at = offset; at < offset + length;) {
      const page = Math.floor(at / PAGE);
      const end = Math.min(this.size, (page + 1) * PAGE);
      if (!visit(at, end - at, this.flagsOf(context, page))) return;
      at = end;
    }
  }

  /** What a meta context says of a page. */
  flagsOf(context: string, page: number): number {
    if (context !== BASE_ALLOCATION) return this.#dirty.has(page) ? NBD_STATE_DIRTY : 0;
    return this.#allocated.has(page) ? 0 : NBD_STATE_HOLE | NBD_STATE_ZERO;
  }

  async #enter(call: string, signal: AbortSignal): Promise<void> {
    this.calls.push(call);
    await this.onCall(call, signal);
  }

  /** Whole pages become holes; what is partly zeroed stays as it is allocated. */
  #mark(offset: number, length: number, allocated: boolean): void {
    for (let page = Math.floor(offset / PAGE); page * PAGE < offset + length; page++) {
      const whole = offset <= page * PAGE && (page + 1) * PAGE <= offset + length;
      this.#dirty.add(page);
      if (allocated) this.#allocated.add(page);
      else if (whole) this.#allocated.delete(page);
    }
  }
}
