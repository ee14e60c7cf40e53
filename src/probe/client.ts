/** The guest's probe as the engine uses it: requests that take time one after the other, a heartbeat while they do. */
import type { Clock } from '../base/clock.js';
import { cancellable } from '../base/cancel.js';
import { CancelledError, ConnectionLostError, TimeoutError } from '../base/errors.js';
import type { Extent } from '../base/extent.js';
import type { ProbeChannel, RequestOptions } from './channel.js';
import { deferred } from './deferred.js';
import { asCount, asObject } from './fields.js';
import { ReportAssembler } from './report.js';
import type {
  CacheReport,
  Probe,
  ProbeDiskQuery,
  ProbeInfo,
  SnapshotRequest,
  SteerRequest,
} from './types.js';

/** All in milliseconds. */
export interface ProbeTimeouts {
  /** For the connection below the protocol (5,000). */
  readonly connectMs: number;
  /** From the connection to the probe's hello (15,000). */
  readonly helloMs: number;
  /** For what is answered at once (10,000). */
  readonly replyMs: number;
  /** For a look at the page cache (60,000). */
  readonly snapshotMs: number;
  /** For write-back and discard (600,000); a probe that stops answering is noticed earlier. */
  readonly writeMs: number;
  /** Between two signs of life that are asked for while something is under way (4,000). */
  readonly heartbeatMs: number;
}

export const defaultTimeouts: ProbeTimeouts = {
  connectMs: 5_000,
  helloMs: 15_000,
  replyMs: 10_000,
  snapshotMs: 60_000,
  writeMs: 600_000,
  heartbeatMs: 4_000,
};

/** Numbers in one line of extents: with 16 digits and a comma each they stay below a line's limit. */
const NUMBERS_PER_LINE = 3_000;

export class ProbeClient implements Probe {
  #queue: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;
  #steering = false;
  #underWay = 0;
  #beating = false;

  constructor(
    private readonly channel: ProbeChannel,
    readonly info: ProbeInfo,
    private readonly timeouts: ProbeTimeouts,
    private readonly clock: Clock,
  ) {}

  async snapshot(request: SnapshotRequest, signal?: AbortSignal): Promise<CacheReport> {
    const assembler = new ReportAssembler();
    const params = { disk: nameDisk(request.disk), clean: request.clean, paths: true };
    const result = await this.#inTurn('snapshot', () => params, {
      what: 'Reporting the page cache',
      timeoutMs: this.timeouts.snapshotMs,
      signal,
      onPart: (message, line) => assembler.add(message, line),
    });
    return assembler.finish(result);
  }

  async drain(
    request: { readonly disk: ProbeDiskQuery; readonly extents?: readonly Extent[] },
    signal?: AbortSignal,
  ): Promise<{ writtenBytes: number; tookMs: number }> {
    const disk = nameDisk(request.disk);
    const { extents } = request;
    const options = { what: 'Writing back', timeoutMs: this.timeouts.writeMs, signal };
    const value = await this.#inTurn(
      'drain',
      async () => {
        if (!extents) return { disk };
        await this.#stage(extents, signal);
        return { disk, staged: true };
      },
      options,
    );
    const result = asObject(value, 'the result of a drain');
    return {
      writtenBytes: asCount(result['writtenBytes'], "a result with 'writtenBytes'"),
      tookMs: asCount(result['tookMs'], "a result with 'tookMs'"),
    };
  }

  async trim(
    request: { readonly disk: ProbeDiskQuery },
    signal?: AbortSignal,
  ): Promise<{ trimmedBytes: number }> {
    const params = { disk: nameDisk(request.disk) };
    const options = { what: 'Discarding', timeoutMs: this.timeouts.writeMs, signal };
    const result = asObject(
      await this.#inTurn('trim', () => params, options),
      'the result of a trim',
    );
    return { trimmedBytes: asCount(result['trimmedBytes'], "a result with 'trimmedBytes'") };
  }

  async steer(request: SteerRequest, signal?: AbortSignal): Promise<void> {
    await this.#quick('steer', { ...request }, 'Steering the write-back', signal);
    this.#steering = request.mode === 'hold';
    this.#startHeartbeat();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#steering) {
      this.#steering = false;
      await this.#quick('steer', { mode: 'release' }, 'Ending the steering').catch(() => undefined);
    }
    this.channel.destroy(
      new ConnectionLostError("The connection to the guest's probe was closed."),
    );
  }

  /** Sends extents ahead of the request that uses them; a first line without any begins anew. */
  async #stage(extents: readonly Extent[], signal: AbortSignal | undefined): Promise<void> {
    await this.#quick('stage', { extents: [], anew: true }, 'Naming what to write back', signal);
    let numbers: number[] = [];
    const send = async () => {
      if (numbers.length > 0)
        await this.#quick('stage', { extents: numbers }, 'Naming what to write back', signal);
      numbers = [];
    };
    for (const { offset, length } of extents) {
      numbers.push(offset, length);
      if (numbers.length >= NUMBERS_PER_LINE) await send();
    }
    await send();
  }

  #quick(method: string, params: object, what: string, signal?: AbortSignal): Promise<unknown> {
    const options = { what, timeoutMs: this.timeouts.replyMs, signal };
    return this.channel.request(method, params, options).result;
  }

  /** The probe carries out one request at a time: the next waits until it is done with the last. */
  async #inTurn(
    method: string,
    prepare: () => object | Promise<object>,
    options: RequestOptions,
  ): Promise<unknown> {
    const before = this.#queue;
    const turn = deferred<undefined>();
    this.#queue = turn.promise;
    let over: Promise<unknown> = before;
    this.#underWay++;
    try {
      await cancellable(before, options.signal, options.what);
      this.#startHeartbeat();
      const request = this.channel.request(method, await prepare(), options);
      over = request.over;
      return await request.result;
    } finally {
      this.#underWay--;
      void over.then(() => turn.resolve(undefined));
    }
  }

  /** Asks for a sign of life now and then: a probe that gives none is given up. */
  #startHeartbeat(): void {
    if (this.#beating) return;
    this.#beating = true;
    void this.#beat().finally(() => (this.#beating = false));
  }

  async #beat(): Promise<void> {
    const over = new AbortController();
    void this.channel.ended.then(() => over.abort());
    try {
      while (this.#underWay > 0 || this.#steering) {
        await this.clock.sleep(this.timeouts.heartbeatMs, over.signal);
        if (this.#underWay > 0 || this.#steering) await this.#quick('ping', {}, 'A sign of life');
      }
    } catch (error) {
      if (error instanceof CancelledError || error instanceof ConnectionLostError) return;
      const lost =
        error instanceof TimeoutError
          ? new TimeoutError("The guest's probe stopped answering.", { cause: error })
          : (error as Error);
      this.channel.destroy(lost);
    }
  }
}

function nameDisk(query: ProbeDiskQuery): object {
  return {
    size: query.size,
    ...(query.serial === undefined ? {} : { serial: query.serial }),
    ...(query.pci === undefined ? {} : { pci: query.pci }),
  };
}
