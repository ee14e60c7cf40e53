/**
 * The probe's conversation with one host, from its connection to its end:
 *
 *   unprompted hello → a line after the other is read and answered → the stream ends
 *
 * What takes time (snapshot, drain, trim) is carried out beside the reading, one at a time. Nothing
 * is read while what was answered is not taken, and nothing goes on while the guest stands.
 */
import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.js';
import { CancelledError } from '../../base/errors.js';
import type { Extent } from '../../base/extent.js';
import type { Guest } from '../guest/types.js';
import { Bell } from './bell.js';
import type { ProbeFaults, ProbeMishap } from './faults.js';
import { LineCutter, lineOf, TOO_LONG } from './lines.js';
import {
  addExtents,
  findDisk,
  isRefusal,
  readHold,
  readRequest,
  refusal,
  type Refusal,
  type Request,
  type RequestId,
} from './requests.js';
import type { Steering } from './steering.js';
import type { SimulatedDisk } from './types.js';
import { cannotDiscard, drain, drainNothing, snapshot, trim, type Work } from './work.js';

/** What is queued for a host that does not read, in bytes, beyond one line. */
const QUEUE_BYTES = 256 * 1024;

/** What is read ahead, so that the end of a host is noticed while the probe does nothing; in bytes. */
const INBOX_BYTES = 64 * 1024;

const tooLong = refusal('bad-request', 'The line is longer than the probe takes.');

/** What a session needs of the probe that it is of. */
export interface SessionHost {
  readonly guest: Guest;
  readonly clock: Clock;
  readonly faults: ProbeFaults;
  readonly steering: Steering;
  readonly disks: readonly SimulatedDisk[];
  readonly canLook: boolean;
  readonly canDiscard: boolean;
  /** Is rung when it may go on. */
  readonly bell: Bell;
  /** Whether the probe is there, and its processor runs. */
  readonly isAwake: boolean;
  hello(): object;
  /** What reports say beside their numbers. */
  reportHeader(disk: SimulatedDisk): object;
  /** Numbers the snapshots, from 1 on. */
  nextSequence(): number;
  /** Something goes wrong now. */
  strike(mishap: ProbeMishap): void;
}

interface Job {
  readonly id: RequestId;
  readonly over: AbortController;
}

export class ProbeSession {
  readonly #over = new AbortController();
  readonly #arrived = new Bell();
  readonly #inbox: Buffer[] = [];
  #inboxBytes = 0;
  /** The host has ended its side. */
  #hasEnded = false;
  #greeting: Promise<void> | undefined;
  #job: Job | undefined;
  #staged: Extent[] = [];
  #failure: Error | undefined;

  constructor(
    private readonly stream: Duplex,
    private readonly host: SessionHost,
  ) {
    stream.once('close', () => this.#over.abort());
    stream.once('end', () => {
      this.#hasEnded = true;
      this.#arrived.ring();
      host.bell.ring();
    });
  }

  /** Serves the host until the stream has ended, which it has when this settles. */
  async run(): Promise<void> {
    try {
      this.stream.on('data', (chunk: Buffer) => this.#receive(chunk));
      await this.#converse();
    } finally {
      this.#over.abort();
      this.#endRequests();
      this.stream.destroy();
    }
    if (this.#failure) throw this.#failure;
  }

  /** Says the unprompted hello, of a probe that knows of nothing that was asked before. */
  sayHello(): Promise<void> {
    this.#endRequests();
    this.#greeting ??= this.#greet().finally(() => (this.#greeting = undefined));
    return this.#greeting;
  }

  async #greet(): Promise<void> {
    const { signal } = this.#over;
    await this.#untilAwake(signal);
    if (signal.aborted) return;
    const line = lineOf({ hello: this.host.hello() });
    await this.#put(Buffer.concat([Buffer.from('\n'), line]), signal);
  }

  #receive(chunk: Buffer): void {
    this.#inbox.push(chunk);
    this.#inboxBytes += chunk.length;
    if (this.#inboxBytes >= INBOX_BYTES) this.stream.pause();
    this.#arrived.ring();
  }

  async #converse(): Promise<void> {
    const { signal } = this.#over;
    const cutter = new LineCutter();
    await this.sayHello();
    while (!signal.aborted) {
      const chunk = this.#inbox.shift();
      if (chunk) {
        this.#inboxBytes -= chunk.length;
        if (this.stream.isPaused() && this.#inboxBytes < INBOX_BYTES) this.stream.resume();
        await this.#untilAwake(signal);
        this.host.steering.heard();
        for (const line of cutter.push(chunk)) await this.#takeLine(line);
      } else if (this.#hasEnded) return;
      else await this.#arrived.wait(signal);
    }
  }

  /** What one host asked for does not concern the next. */
  #endRequests(): void {
    this.#job?.over.abort();
    this.#job = undefined;
    this.#staged = [];
    this.host.steering.release();
  }

  async #takeLine(line: Buffer | typeof TOO_LONG): Promise<void> {
    if (line !== TOO_LONG && line.length === 0) return;
    const { signal } = this.#over;
    await this.#untilAwake(signal);
    await this.#greeting;
    if (signal.aborted) return;
    const request = line === TOO_LONG ? tooLong : readRequest(line);
    if (isRefusal(request)) await this.#send(null, request);
    else await this.#carryOut(request);
  }

  async #carryOut(request: Request): Promise<void> {
    const { id, method } = request;
    if (method === 'cancel') await this.#cancel(request);
    else if (method === 'snapshot' || method === 'drain' || method === 'trim') {
      const work = this.#choose(method, request);
      if (method === 'drain') this.#staged = [];
      if (isRefusal(work)) await this.#send(id, work);
      else this.#start(id, work, method);
    } else await this.#send(id, this.#reply(request));
  }

  /** What is answered at once. */
  #reply(request: Request): object {
    switch (request.method) {
      case 'hello':
        this.#endRequests();
        return this.host.hello();
      case 'ping':
        return this.#ping();
      case 'stage':
        return this.#stage(request);
      case 'steer':
        return this.#steer(request);
      default:
        return refusal('unknown-method', 'The probe has no such method.');
    }
  }

  #ping(): object {
    const { guest, steering } = this.host;
    return { monotonicMs: Math.floor(guest.monotonicMs), steering: steering.isHeld };
  }

  #stage({ params }: Request): object {
    if (params['anew'] === true) this.#staged = [];
    const wrong = addExtents(this.#staged, params['extents']);
    if (wrong) this.#staged = [];
    return wrong ?? { staged: this.#staged.length };
  }

  #steer({ params }: Request): object {
    const { steering } = this.host;
    if (params['mode'] === 'release') {
      steering.release();
      return {};
    }
    if (params['mode'] !== 'hold')
      return refusal('bad-request', "'mode' must be 'hold' or 'release'.");
    const hold = readHold(params);
    if (!isRefusal(hold)) steering.hold(hold);
    return isRefusal(hold) ? hold : {};
  }

  async #cancel({ id, params }: Request): Promise<void> {
    const job = this.#job;
    if (job && job.id === params['id']) {
      job.over.abort();
      this.#job = undefined;
      await this.#send(job.id, refusal('cancelled', 'The host cancelled the request.'));
    }
    await this.#send(id, {});
  }

  /** Looks whether a request that takes time can be carried out, and how. */
  #choose(method: ProbeMishap['during'], { id, params }: Request): Work | Refusal {
    const { host } = this;
    const sequence = method === 'snapshot' ? host.nextSequence() : 0;
    const isNamed = params['extents'] !== undefined || params['staged'] === true;
    const wrong =
      method === 'drain' && params['extents'] !== undefined
        ? addExtents(this.#staged, params['extents'])
        : undefined;
    if (wrong) return wrong;
    if (this.#job) return refusal('busy', 'Another request is being carried out.');
    const disk = findDisk(params['disk'], host.disks);
    if (isRefusal(disk)) return disk;
    const isGuests = disk === host.disks[0];
    if (method === 'trim') return isGuests && host.canDiscard ? trim(host) : cannotDiscard;
    if (!host.canLook && (method === 'snapshot' || isNamed))
      return refusal('unsupported', "The page cache of this guest can't be seen.");
    if (method === 'drain') {
      if (!isGuests || (isNamed && this.#staged.length === 0)) return drainNothing();
      return drain(host, disk, isNamed ? this.#staged : undefined);
    }
    return snapshot(host, {
      id,
      sequence,
      clean: params['clean'] === true,
      paths: params['paths'] === true,
      isGuests,
      header: host.reportHeader(disk),
    });
  }

  #start(id: RequestId, work: Work, method: ProbeMishap['during']): void {
    const job: Job = { id, over: new AbortController() };
    this.#job = job;
    this.#work(job, work, method).catch((error: unknown) => {
      if (error instanceof CancelledError && job.over.signal.aborted) return;
      this.#failure ??= error as Error;
      this.stream.destroy();
    });
  }

  async #work(job: Job, work: Work, method: ProbeMishap['during']): Promise<void> {
    const { signal } = job.over;
    let told = 0;
    const send = async (line: Buffer) => {
      if (told++ === 0) await this.#beLate(signal);
      if (!(await this.#put(line, signal))) throw new CancelledError('The request has ended.');
    };
    const midway = () => {
      const { mishap } = this.host.faults;
      if (mishap?.during === method) this.host.strike(mishap);
    };
    const result = await work({ signal, send, midway, untilAwake: () => this.#untilAwake(signal) });
    if (told === 0) await this.#beLate(signal);
    if (!(await this.#untilPossible(signal))) return;
    this.#job = undefined;
    this.stream.write(lineOf({ id: job.id, result }));
  }

  async #send(id: RequestId | null, result: object): Promise<void> {
    const { signal } = this.#over;
    await this.#beLate(signal);
    await this.#put(lineOf(isRefusal(result) ? { id, error: result } : { id, result }), signal);
  }

  /** @returns whether it was written; not when `signal` aborts first. */
  async #put(line: Buffer, signal: AbortSignal): Promise<boolean> {
    const possible = await this.#untilPossible(signal);
    if (possible) this.stream.write(line);
    return possible;
  }

  async #beLate(signal: AbortSignal): Promise<void> {
    const { lateMs } = this.host.faults;
    if (lateMs <= 0 || signal.aborted) return;
    try {
      await this.host.clock.sleep(lateMs, signal);
    } catch (error) {
      if (!(error instanceof CancelledError)) throw error;
    }
  }

  /** Waits until a line can be written. @returns false when `signal` aborts first. */
  async #untilPossible(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      if (!this.host.isAwake) await this.#untilRung(signal);
      else if (this.#isFull()) await this.#untilDrained(signal);
      else return true;
    }
    return false;
  }

  /** Waits until the probe can do something, and lets the guest come to the present. */
  async #untilAwake(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.host.isAwake) await this.#untilRung(signal);
    this.host.guest.advance(this.host.clock.now());
  }

  /** A host that has ended its side does not wait for a probe that does nothing. */
  async #untilRung(signal: AbortSignal): Promise<void> {
    if (this.#hasEnded) this.#over.abort();
    else await this.host.bell.wait(signal);
  }

  #isFull(): boolean {
    return this.stream.writableNeedDrain && this.stream.writableLength >= QUEUE_BYTES;
  }

  #untilDrained(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const go = () => {
        this.stream.off('drain', go);
        signal.removeEventListener('abort', go);
        resolve();
      };
      this.stream.once('drain', go);
      signal.addEventListener('abort', go, { once: true });
    });
  }
}
