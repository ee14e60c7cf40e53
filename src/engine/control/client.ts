/** A controller's side of the control socket (protocol/CONTROL.md). */
import type { Duplex } from 'node:stream';
import { ConnectionLostError, LimitError, ProtocolError } from '../../base/errors.js';
import { LineReader } from '../../base/line-reader.js';
import type { MigrationEvent, SummaryEvent } from '../events.js';
import {
  CONTROL_PROTOCOL,
  errorOf,
  LONGEST_MESSAGE,
  type ControlState,
  type EndedNote,
} from './messages.js';
import {
  readEnd,
  readEvent,
  readLog,
  readMessage,
  readRefusal,
  readState,
  type Message,
} from './replies.js';
import type { SteeringCommand } from './steering.js';

/** What a controller hears. */
export interface ControlListener {
  /** Takes an event; while the promise is pending, no further one is read. */
  event(event: MigrationEvent): void | Promise<void>;
  /** Takes a warning that is no event. */
  log(message: string): void;
}

/** How a run ended. */
export interface RunEnd {
  /** Absent where the engine broke. */
  readonly summary?: SummaryEvent;
  /** Why it did not complete. */
  readonly error?: Error;
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

export class ControlClient {
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 0;
  #end: RunEnd | undefined;
  #detached = false;
  /** Resolves when the connection ends; never rejects. */
  readonly #over: Promise<Error | undefined>;

  /**
   * @param run the run's id, for errors.
   * @param stream a connection to its control socket.
   */
  constructor(
    private readonly run: string,
    private readonly stream: Duplex,
    private readonly listener: ControlListener,
  ) {
    stream.on('error', () => undefined);
    this.#over = this.#read();
  }

  /**
   * Becomes a controller: from now on the listener gets the events.
   * @param name who controls, for the other controllers.
   * @param from number of the first event that is wanted.
   * @throws ConnectionLostError, ProtocolError.
   */
  async attach(name: string, from = 0): Promise<ControlState> {
    const state = readState(await this.#ask('attach', { name, from }));
    const protocol: number = state.protocol;
    if (protocol === CONTROL_PROTOCOL) return state;
    this.destroy();
    throw new ProtocolError(
      `The run ${this.run} speaks version ${protocol} of the control protocol, and this Migrascope version ${CONTROL_PROTOCOL}.`,
      { hint: 'Use the Migrascope that started the run.' },
    );
  }

  /**
   * Tells the run something.
   * @throws ToldError as the run refuses it; ConnectionLostError.
   */
  async tell(command: SteeringCommand): Promise<void> {
    await this.#ask(command.command, paramsOf(command));
  }

  /** How the run stands. @throws ConnectionLostError, ProtocolError. */
  async state(): Promise<ControlState> {
    return readState(await this.#ask('state', {}));
  }

  /** Leaves; the run goes on. Never throws. */
  async detach(): Promise<void> {
    this.#detached = true;
    await this.#ask('detach', {}).catch(() => undefined);
    this.stream.destroy();
  }

  /**
   * Resolves when the run has ended and every event was taken; undefined after {@link detach}.
   * @throws ConnectionLostError when the engine process went away first; ProtocolError.
   */
  async ended(): Promise<RunEnd | undefined> {
    const failure = await this.#over;
    if (this.#end) return this.#end;
    if (this.#detached) return undefined;
    throw failure ?? this.#lost();
  }

  /** Lets go of the connection at once. */
  destroy(): void {
    this.stream.destroy();
  }

  #lost(): ConnectionLostError {
    return new ConnectionLostError(`The engine process of the run ${this.run} is gone.`, {
      hint: `\`migrascope recover\` says what is left and puts it right; \`migrascope resume ${this.run}\` goes on with it.`,
    });
  }

  #ask(method: string, params: object): Promise<unknown> {
    if (this.stream.destroyed || this.stream.readableEnded) return Promise.reject(this.#lost());
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.stream.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
    });
  }

  async #read(): Promise<Error | undefined> {
    const lines = new LineReader('the engine process', LONGEST_MESSAGE);
    let failure: Error | undefined;
    try {
      for await (const chunk of this.stream as AsyncIterable<Buffer>) {
        for (const line of lines.push(chunk)) await this.#take(readMessage(line));
      }
    } catch (error) {
      if (error instanceof ProtocolError || error instanceof LimitError) failure = error;
    }
    this.stream.destroy();
    for (const waiting of this.#waiting.values()) waiting.reject(failure ?? this.#lost());
    this.#waiting.clear();
    return failure;
  }

  async #take(message: Message): Promise<void> {
    const { method, params } = message;
    if (method === 'event') await this.listener.event(readEvent(params));
    else if (method === 'ended') this.#end = endOf(readEnd(params));
    else if (method === 'log') this.listener.log(readLog(params));
    else if (method === undefined) this.#settle(message);
  }

  #settle({ id, result, error }: Message): void {
    const refusal = error === undefined ? undefined : readRefusal(error);
    const waiting = typeof id === 'number' ? this.#waiting.get(id) : undefined;
    if (waiting) this.#waiting.delete(id as number);
    if (!refusal) waiting?.resolve(result);
    else if (waiting) waiting.reject(refusal.error);
    else throw new ProtocolError(`The engine process refuses: ${refusal.message}`);
  }
}

function paramsOf(command: SteeringCommand): object {
  switch (command.command) {
    case 'step':
      return { unit: command.unit };
    case 'limits':
      return command.limits;
    case 'decide':
      return { decision: command.decision };
    default:
      return {};
  }
}

function endOf({ summary, error }: EndedNote['params']): RunEnd {
  return {
    ...(summary ? { summary: summary as unknown as SummaryEvent } : {}),
    ...(error ? { error: errorOf(error) } : {}),
  };
}
