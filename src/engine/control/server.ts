/** Serves a run to its controllers (protocol/CONTROL.md): what they ask is done, and each gets the events at its own pace. */
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.js';
import { LimitError, messageOf } from '../../base/errors.js';
import { LineReader } from '../../base/line-reader.js';
import type { MigrationResult } from '../migrate.js';
import type { EventLog } from './event-log.js';
import {
  CODES,
  CONTROL_PROTOCOL,
  faultOf,
  LONGEST_REQUEST,
  parseRequest,
  RequestError,
  type ControlRequest,
  type ControlState,
  type EndedNote,
} from './messages.js';
import type { Steering } from './steering.js';

/** The most connections at once; a further one is told so and closed. */
const MOST_CONNECTIONS = 64;
/** What may wait for a controller that does not read, beside events, in bytes; more of the log is left out. */
const LARGEST_BACKLOG = 1024 * 1024;
/** After the run's end, a controller that reads nothing for so long is left, in milliseconds. */
const PATIENCE_MS = 10_000;
const PATIENCE_STEPS = 50;

/** The events of a run, for those who follow them. */
export type FollowedEvents = Pick<EventLog, 'count' | 'end' | 'follow'>;

export interface ControlServerOptions {
  readonly run: string;
  /** Of Migrascope. */
  readonly version: string;
  readonly steering: Steering;
  readonly events: FollowedEvents;
  readonly clock: Clock;
}

export class ControlServer {
  readonly #sessions = new Set<Session>();
  #ended: EndedNote['params'] | undefined;
  #closed = false;
  #greet: () => void = () => undefined;
  /** Resolves when the first controller attaches: whoever starts a run comes a little later. */
  readonly #greeted = new Promise<void>((resolve) => (this.#greet = resolve));

  constructor(readonly options: ControlServerOptions) {}

  /** Serves one connection until it ends. Never throws. */
  accept(stream: Duplex): void {
    if (this.#closed) {
      stream.destroy();
      return;
    }
    if (this.#sessions.size >= MOST_CONNECTIONS) {
      const message = `This run has ${MOST_CONNECTIONS} connections already.`;
      stream.on('error', () => undefined);
      stream.end(asLine({ id: null, error: { code: CODES.refused, message } }));
      return;
    }
    const session = new Session(stream, this);
    this.#sessions.add(session);
    void session.done.then(() => this.#sessions.delete(session));
  }

  /** Tells every controller something that is no event. */
  note(level: 'warn' | 'error', message: string): void {
    const line = asLine({ method: 'log', params: { level, message } });
    for (const session of this.#sessions) session.note(line);
  }

  /** A controller attached. */
  greet(): void {
    this.#greet();
  }

  /** How the run stands. */
  get state(): ControlState {
    const { run, version, steering, events } = this.options;
    const { limits } = steering;
    const attached = [...this.#sessions].flatMap(({ name }) => (name === undefined ? [] : [name]));
    return {
      protocol: CONTROL_PROTOCOL,
      run,
      pid: process.pid,
      version,
      events: events.count,
      held: steering.gate.held,
      ended: this.#ended !== undefined,
      controllers: attached,
      asks: steering.verdict !== undefined,
      ...(limits ? { limits: { ...limits } } : {}),
    };
  }

  /** How the run ended, once it has. */
  get ended(): EndedNote['params'] | undefined {
    return this.#ended;
  }

  /**
   * The run is over: resolves when each controller has all events and knows how it ended, or read
   * nothing for ten seconds; who started the run has as long to come. Never throws.
   */
  async end(result: Partial<MigrationResult> | { readonly error: unknown }): Promise<void> {
    const { steering, events, clock } = this.options;
    this.#ended = {
      ...('summary' in result ? { summary: { ...result.summary } } : {}),
      ...(result.error === undefined ? {} : { error: faultOf(result.error) }),
    };
    steering.end();
    events.end();
    await Promise.race([this.#greeted, clock.sleep(PATIENCE_MS)]);
    await Promise.all([...this.#sessions].map((session) => this.#leave(session)));
    this.#closed = true;
    for (const session of this.#sessions) session.destroy();
  }

  async #leave(session: Session): Promise<void> {
    const { clock } = this.options;
    if (session.name === undefined) session.destroy();
    let patience = PATIENCE_STEPS;
    for (let progress = session.progress; !session.closed && patience > 0; patience--) {
      await Promise.race([session.done, clock.sleep(PATIENCE_MS / PATIENCE_STEPS)]);
      if (session.progress !== progress) patience = PATIENCE_STEPS;
      progress = session.progress;
    }
    session.destroy();
  }
}

/** One connection. */
class Session {
  /** Once attached. */
  name: string | undefined;
  closed = false;
  readonly done: Promise<void>;
  readonly #gone = new AbortController();
  #following: Promise<void> | undefined;
  #taken = 0;

  constructor(
    private readonly stream: Duplex,
    private readonly server: ControlServer,
  ) {
    stream.on('error', () => this.destroy());
    stream.on('close', () => this.destroy());
    this.done = this.#serve();
  }

  /** Grows while the controller reads. */
  get progress(): number {
    return this.#taken;
  }

  note(line: string): void {
    if (this.name !== undefined && this.stream.writableLength < LARGEST_BACKLOG)
      this.stream.write(line);
  }

  destroy(): void {
    this.closed = true;
    this.#gone.abort();
    this.stream.destroy();
  }

  async #serve(): Promise<void> {
    const lines = new LineReader('a controller', LONGEST_REQUEST);
    try {
      // What can't be read is answered yet: the stream has to outlive the loop.
      for await (const chunk of this.stream.iterator({ destroyOnReturn: false })) {
        for (const line of lines.push(chunk as Buffer)) await this.#answer(line);
      }
      await this.#following;
    } catch (error) {
      await this.#refuseAll(error).catch(() => undefined);
    } finally {
      if (this.name !== undefined) this.#leave();
      this.destroy();
    }
  }

  async #refuseAll(error: unknown): Promise<void> {
    if (this.closed) return;
    const code = error instanceof LimitError ? CODES.request : CODES.parse;
    await this.#write(asLine({ id: null, error: { code, message: messageOf(error) } }));
    await new Promise<void>((resolve) => this.stream.end(resolve));
  }

  async #answer(line: string): Promise<void> {
    let id: number | null = null;
    let reply: object;
    let then: (() => void) | undefined;
    try {
      const parsed = parseRequest(line);
      id = parsed.id;
      const { result, after } = this.#do(parsed.request);
      reply = { id, result };
      then = after;
    } catch (error) {
      reply = { id: error instanceof RequestError ? error.id : id, error: refusalOf(error) };
    }
    await this.#write(asLine(reply));
    then?.();
  }

  #do(request: ControlRequest): { result: object; after?: () => void } {
    const { steering } = this.server.options;
    switch (request.method) {
      case 'state':
        return { result: this.server.state };
      case 'detach':
        return { result: {}, after: () => this.stream.end(() => this.destroy()) };
      case 'attach':
        return this.#attach(request.name, request.from);
      case 'tell':
        steering.tell(this.name ?? 'an unnamed controller', request.command);
        return { result: {} };
    }
  }

  #attach(name: string, from: number): { result: object; after: () => void } {
    if (this.#following)
      throw new RequestError(CODES.request, 'This connection is attached already.', null);
    this.name = name;
    this.server.greet();
    if (!this.server.ended) this.server.options.steering.tell(name, { command: 'attach' });
    const after = () => {
      this.#following = this.#follow(from);
    };
    return { result: this.server.state, after };
  }

  async #follow(from: number): Promise<void> {
    try {
      for await (const line of this.server.options.events.follow(from, this.#gone.signal)) {
        await this.#write(EVENT_START, line, EVENT_END);
      }
      await this.#write(asLine({ method: 'ended', params: this.server.ended ?? {} }));
      this.stream.end(() => this.destroy());
    } catch {
      this.destroy();
    }
  }

  #leave(): void {
    if (!this.server.ended) this.server.options.steering.tell(this.name!, { command: 'detach' });
    this.name = undefined;
  }

  async #write(...parts: readonly (string | Buffer)[]): Promise<void> {
    let room = true;
    for (const part of parts) room = this.stream.write(part);
    if (!room && !this.closed) await once(this.stream, 'drain', { signal: this.#gone.signal });
    this.#taken++;
  }
}

const EVENT_START = '{"jsonrpc":"2.0","method":"event","params":';
const EVENT_END = '}\n';

function asLine(message: object): string {
  return `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`;
}

function refusalOf(error: unknown): object {
  if (error instanceof RequestError) return { code: error.code, message: error.message };
  return { code: CODES.refused, message: messageOf(error), data: faultOf(error) };
}
