/**
 * The transmission phase of one client; reached by NBD_OPT_GO or NBD_OPT_EXPORT_NAME. Requests run
 * at the same time and are answered as they end. As many are taken as have places and memory: the
 * others stay where the client sent them from.
 */
import { setMaxListeners } from 'node:events';
import type { Clock } from '../../base/clock.js';
import { CancelledError, messageOf } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import { NBD_ESHUTDOWN } from '../protocol.js';
import { describeRequest } from '../request.js';
import type { Wire } from '../wire.js';
import { carryOut, failureOf, payloadOf } from './commands.js';
import { judge, type Failure } from './judge.js';
import { leave } from './leave.js';
import type { Agreement } from './negotiation.js';
import { encodeFailure, type Reply, type ServedRequest } from './replies.js';
import { RequestIntake, type RequestSink, type WriteData } from './request-intake.js';

/** Bounds of one connection. */
export interface TransmissionLimits {
  /** Requests that are not answered, or whose answers have not left. */
  readonly requests: number;
  /** Bytes of their payloads; one request alone may have more. */
  readonly bytes: number;
}

/** Bytes that may lie unread before a client whose request waits for a place has to wait as well. */
const READ_AHEAD = 64 * 1024;

const SHUTTING_DOWN: Failure = {
  errno: NBD_ESHUTDOWN,
  message: 'The export is being taken away.',
};

export class Transmission implements RequestSink {
  readonly #intake: RequestIntake;
  readonly #abort = new AbortController();
  /** What is not answered yet, and the bytes of its payload. */
  readonly #open = new Map<ServedRequest, number>();
  /** Places that are taken: by what is open, and by answers that have not left. */
  #places = 0;
  #bytes = 0;
  /** Calls of the storage that have not ended. */
  #running = 0;
  #leaving: { readonly peerIsDone: boolean } | undefined;
  #parted: Promise<void> | undefined;
  #onIdle: () => void = () => undefined;
  #resolveEnd: () => void = () => undefined;
  readonly #end = new Promise<void>((resolve) => (this.#resolveEnd = resolve));

  constructor(
    private readonly wire: Wire,
    private readonly agreement: Agreement,
    private readonly limits: TransmissionLimits,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {
    setMaxListeners(0, this.#abort.signal);
    this.#intake = new RequestIntake(wire.inbox, this, wire.name);
  }

  /** Serves until the client is gone and nothing that it asked for still runs; never rejects. */
  async run(): Promise<void> {
    const { wire } = this;
    wire.inbox.onArrival = () => this.#run();
    wire.onEnd = () => this.#run();
    wire.onLost = () => this.#lose();
    if (wire.lost) this.#lose();
    else this.#run();
    await this.#end;
    await this.#idle();
  }

  /**
   * Answers what is open by NBD_ESHUTDOWN and sends the client away.
   * @returns when the storage is not asked for anything any more.
   */
  async shutDown(): Promise<void> {
    for (const request of this.#open.keys())
      this.#answer(request, this.#failed(request, SHUTTING_DOWN));
    this.#intake.stop();
    this.#abort.abort(new CancelledError(`${this.wire.name} was sent away.`));
    this.leave(false);
    await this.#idle();
  }

  judge(request: ServedRequest): Failure | undefined {
    return judge(request, this.agreement);
  }

  admit(request: ServedRequest, failure: Failure | undefined): boolean {
    const bytes = failure ? 0 : payloadOf(request, this.agreement);
    const { limits } = this;
    if (this.#places > 0) {
      if (this.#places >= limits.requests || this.#bytes + bytes > limits.bytes) return false;
    }
    this.#places++;
    this.#bytes += bytes;
    this.#open.set(request, bytes);
    return true;
  }

  serve(request: ServedRequest, data: WriteData): void {
    this.#running++;
    void this.#carryOut(request, data);
  }

  refuse(request: ServedRequest, failure: Failure): void {
    this.logger.log('debug', `${this.wire.name}: ${failure.message}`);
    this.#answer(request, this.#failed(request, failure));
  }

  leave(disconnect: boolean): void {
    this.#leaving ??= { peerIsDone: disconnect };
    this.wire.inbox.clear();
    this.#leaveIfDone();
  }

  async #carryOut(request: ServedRequest, data: WriteData): Promise<void> {
    let reply: Reply;
    try {
      reply = await carryOut(request, data.pieces(), this.agreement, this.#abort.signal);
    } catch (error) {
      const failure = failureOf(error, request);
      const { wire, logger } = this;
      logger.log('info', `${wire.name}: ${describeRequest(request)} failed: ${failure.message}`);
      reply = this.#failed(request, failure);
    }
    data.release();
    this.#running--;
    this.#answer(request, reply);
    if (this.#running === 0) this.#onIdle();
  }

  /** Answers a request, unless that was done. */
  #answer(request: ServedRequest, [header, ...data]: Reply): void {
    const bytes = this.#open.get(request);
    if (bytes === undefined) return;
    this.#open.delete(request);
    this.wire.send(header, data, () => {
      this.#places--;
      this.#bytes -= bytes;
      this.#run();
    });
    this.#leaveIfDone();
  }

  #failed(request: ServedRequest, failure: Failure): Reply {
    return encodeFailure(request, this.agreement.structured, failure);
  }

  /** Takes what can be taken, and lets the client wait where nothing can. */
  #run(): void {
    const { wire } = this;
    if (wire.lost || this.#isLeaving()) return;
    try {
      this.#intake.run();
    } catch (error) {
      this.logger.log('warn', messageOf(error));
      wire.destroy();
      return;
    }
    if (this.#isLeaving()) return;
    const { blocked } = this.#intake;
    wire.pause(blocked && wire.inbox.length >= READ_AHEAD);
    if (wire.ended && !blocked) this.#endInput();
  }

  #isLeaving(): boolean {
    return this.#leaving !== undefined;
  }

  /** The client ended its side without NBD_CMD_DISC: what is complete is served. */
  #endInput(): void {
    const incomplete = this.#intake.stop();
    if (incomplete) this.#open.delete(incomplete);
    this.leave(true);
  }

  #leaveIfDone(): void {
    if (!this.#leaving || this.#open.size > 0 || this.#parted) return;
    this.#parted = leave(this.wire, this.clock, this.#leaving.peerIsDone);
    void this.#parted.then(() => this.#lose());
  }

  #lose(): void {
    this.#intake.stop();
    this.#open.clear();
    this.#abort.abort(new CancelledError(`${this.wire.name} is gone.`));
    this.#resolveEnd();
  }

  /** Resolves when no call of the storage is under way. */
  async #idle(): Promise<void> {
    while (this.#running > 0) {
      const before = this.#onIdle;
      await new Promise<void>((resolve) => {
        this.#onIdle = () => {
          before();
          resolve();
        };
      });
    }
  }
}
