/**
 * The transmission phase as its users see it: each command is checked against what the server
 * stated, cut where one request can't say it, and sent.
 */
import { NbdCommandError } from '../base/errors.js';
import type { StatusVisitor } from './types.js';
import type { Exchange } from './exchange.js';
import type { HandshakeResult } from './handshake.js';
import { checkAllowed, checkPayload, checkRange, checkWritable, LONGEST_EFFECT } from './limits.js';
import {
  MAXIMUM_UNFRAGMENTED,
  NBD_CMD_BLOCK_STATUS,
  NBD_CMD_FLAG_DF,
  NBD_CMD_FLAG_FUA,
  NBD_CMD_FLAG_NO_HOLE,
  NBD_CMD_FLUSH,
  NBD_CMD_READ,
  NBD_CMD_TRIM,
  NBD_CMD_WRITE,
  NBD_CMD_WRITE_ZEROES,
  NBD_EINVAL,
  NBD_EOVERFLOW,
} from './protocol.js';
import { ReadReply } from './read-reply.js';
import { PlainReply, WriteReply } from './reply.js';
import type { Request } from './request.js';
import { StatusReply, type StatusExtents } from './status-reply.js';
import { StatusRuns } from './status-runs.js';
import type { CommandOptions, ExportInfo, NbdConnection, Payload, ReadOptions } from './types.js';

export class ClientConnection implements NbdConnection {
  readonly info: ExportInfo;
  readonly #contexts: ReadonlyMap<string, number>;

  constructor(
    agreed: HandshakeResult,
    private readonly exchange: Exchange,
  ) {
    this.info = agreed.info;
    this.#contexts = agreed.contexts;
  }

  async read(offset: number, length: number, options: ReadOptions = {}): Promise<Payload> {
    const { info } = this;
    const whole = options.dontFragment === true && info.canDontFragment;
    const request = { command: NBD_CMD_READ, flags: whole ? NBD_CMD_FLAG_DF : 0, offset, length };
    checkRange(request, info, this.exchange.server);
    checkPayload(request, info, this.exchange.server);
    try {
      return await this.#read(request, options.signal);
    } catch (error) {
      if (!whole || length <= MAXIMUM_UNFRAGMENTED || !failedWith(error, NBD_EOVERFLOW))
        throw error;
      return this.#read({ ...request, flags: 0 }, options.signal);
    }
  }

  async write(
    offset: number,
    data: readonly Uint8Array[],
    options: CommandOptions & { readonly fua?: boolean } = {},
  ): Promise<void> {
    const length = data.reduce((sum, piece) => sum + piece.length, 0);
    const flags = options.fua ? NBD_CMD_FLAG_FUA : 0;
    const request = { command: NBD_CMD_WRITE, flags, offset, length };
    const { server } = this.exchange;
    this.#checkEffect(request);
    checkPayload(request, this.info, server);
    await this.exchange.request(
      request,
      (settle) => new WriteReply(request, server, settle),
      options.signal,
      data.filter((piece) => piece.length > 0),
    );
  }

  async writeZeroes(
    offset: number,
    length: number,
    options: CommandOptions & { readonly fua?: boolean; readonly mayTrim?: boolean } = {},
  ): Promise<void> {
    const { server } = this.exchange;
    checkAllowed(this.info.canWriteZeroes, 'WRITE_ZEROES', server, 'Write zeroes as data instead.');
    const flags =
      (options.fua ? NBD_CMD_FLAG_FUA : 0) | (options.mayTrim ? 0 : NBD_CMD_FLAG_NO_HOLE);
    await this.#effect({ command: NBD_CMD_WRITE_ZEROES, flags, offset, length }, options.signal);
  }

  async trim(
    offset: number,
    length: number,
    options: CommandOptions & { readonly fua?: boolean } = {},
  ): Promise<void> {
    checkAllowed(this.info.canTrim, 'TRIM', this.exchange.server);
    const flags = options.fua ? NBD_CMD_FLAG_FUA : 0;
    await this.#effect({ command: NBD_CMD_TRIM, flags, offset, length }, options.signal);
  }

  async flush(options: CommandOptions = {}): Promise<void> {
    checkAllowed(this.info.canFlush, 'FLUSH', this.exchange.server);
    await this.#plain({ command: NBD_CMD_FLUSH, flags: 0, offset: 0, length: 0 }, options.signal);
  }

  async blockStatus(
    context: string,
    offset: number,
    length: number,
    visit: StatusVisitor,
    options: CommandOptions = {},
  ): Promise<void> {
    const whole = { command: NBD_CMD_BLOCK_STATUS, flags: 0, offset, length };
    const { server } = this.exchange;
    const wanted = this.#contexts.get(context);
    checkAllowed(
      wanted !== undefined,
      `the meta context ${JSON.stringify(context)}`,
      server,
      'Ask for it when connecting, and check info.metaContexts for what was granted.',
    );
    checkRange(whole, this.info, server);
    const runs = new StatusRuns(offset, visit);
    const end = offset + length;
    for (let at = offset; at < end;) {
      const request = { ...whole, offset: at, length: Math.min(end - at, LONGEST_EFFECT) };
      const extents = await this.#status(request, wanted!, options.signal);
      runs.add(extents);
      at += extents.covered;
    }
    runs.end();
  }

  close(): Promise<void> {
    return this.exchange.close();
  }

  destroy(error?: Error): void {
    this.exchange.destroy(error);
  }

  #read(request: Request, signal: AbortSignal | undefined): Promise<Payload> {
    const { server } = this.exchange;
    return this.exchange.request<Payload>(
      request,
      (settle) => new ReadReply(request, server, settle),
      signal,
    );
  }

  #plain(request: Request, signal: AbortSignal | undefined): Promise<void> {
    const { server } = this.exchange;
    return this.exchange.request(
      request,
      (settle) => new PlainReply(request, server, settle),
      signal,
    );
  }

  #status(
    request: Request,
    wanted: number,
    signal: AbortSignal | undefined,
  ): Promise<StatusExtents> {
    const { minimumBlock, size } = this.info;
    const contexts = [...this.#contexts.values()];
    const question = { contexts, wanted, exportSize: size, minimumBlock };
    const { server } = this.exchange;
    return this.exchange.request<StatusExtents>(
      request,
      (settle) => new StatusReply(request, server, question, settle),
      signal,
    );
  }

  /**
   * Carries out a command without data over a range of any length. A server may refuse a long one
   * ("Size constraints"): then it gets pieces of the maximum payload.
   */
  async #effect(whole: Request, signal: AbortSignal | undefined): Promise<void> {
    this.#checkEffect(whole);
    const end = whole.offset + whole.length;
    let step = LONGEST_EFFECT;
    for (let at = whole.offset; at < end;) {
      const length = Math.min(end - at, step);
      try {
        await this.#plain({ ...whole, offset: at, length }, signal);
        at += length;
      } catch (error) {
        const { maximumPayload } = this.info;
        const tooLong = length > maximumPayload && failedWith(error, NBD_EOVERFLOW, NBD_EINVAL);
        if (!tooLong) throw error;
        step = maximumPayload;
      }
    }
  }

  #checkEffect(request: Request): void {
    const { server } = this.exchange;
    checkWritable(request, this.info, server);
    checkRange(request, this.info, server);
    if ((request.flags & NBD_CMD_FLAG_FUA) !== 0) {
      checkAllowed(this.info.canFua, 'FUA', server, 'Flush after the command instead.');
    }
  }
}

function failedWith(error: unknown, ...numbers: number[]): boolean {
  return error instanceof NbdCommandError && numbers.includes(error.errno);
}
