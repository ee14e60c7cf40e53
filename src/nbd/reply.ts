/**
 * What waits for the answer to one request: it takes the answer's parts, judges whether they are
 * whole, and settles its promise once. An answer may come after its caller gave up; it is judged
 * all the same, and its bytes are dropped.
 */
import { NbdCommandError, ProtocolError } from '../base/errors.js';
import {
  errorName,
  NBD_CMD_FLUSH,
  NBD_EINVAL,
  NBD_ENOSPC,
  NBD_EOVERFLOW,
  NBD_EPERM,
  NBD_ESHUTDOWN,
} from './protocol.js';
import { describeRequest, type Request } from './request.js';

/** Takes the outcome of a request. */
export interface Settle<T> {
  resolve(value: T): void;
  reject(error: Error): void;
}

/** Chunks that any answer may have beyond those that its content needs. */
const SPARE_CHUNKS = 16;

export abstract class Reply {
  /** Whether a structured chunk has arrived. */
  started = false;
  #chunks = 0;
  #error: { errno: number; text: string } | undefined;

  constructor(
    readonly request: Request,
    /** How people know the server. */
    readonly server: string,
    /** How many chunks the content of the answer may take. */
    private readonly contentChunks: number,
  ) {}

  /** Whether the caller has been answered, or has given up. */
  abstract readonly settled: boolean;
  /** Rejects the caller at once, and lets go of what has arrived. */
  abstract fail(error: Error): void;

  /** Rejects the caller as soon as nothing of the request is needed any more. */
  refuse(error: Error): void {
    this.fail(error);
  }

  /** Settles the caller when the answer was a success; @throws ProtocolError when it is not whole. */
  protected abstract succeed(): void;

  /** Whether the server has reported an error for this request. */
  get failed(): boolean {
    return this.#error !== undefined;
  }

  /** @throws ProtocolError when the server sends more chunks than any honest answer has. */
  countChunk(): void {
    this.started = true;
    this.#chunks++;
    if (this.#chunks > this.contentChunks + SPARE_CHUNKS) {
      throw this.offence(`${this.#chunks} chunks and no end`);
    }
  }

  /** Takes an error; the first one counts. */
  takeError(errno: number, text: string): void {
    this.#error ??= { errno, text };
  }

  /** @throws ProtocolError unless the answer may carry an offset with its error. */
  checkErrorOffset(offset: number): void {
    const { command, offset: start, length } = this.request;
    if (command === NBD_CMD_FLUSH) throw this.offence('an error with an offset');
    if (offset < start || offset >= start + length) {
      throw this.offence(`an error at offset ${offset}, outside the request`);
    }
  }

  /** Takes the end of the answer. */
  finish(): void {
    if (this.#error) this.refuse(this.#commandError(this.#error.errno, this.#error.text));
    else this.succeed();
  }

  /** The server broke the protocol in its answer to this request. */
  offence(what: string): ProtocolError {
    return new ProtocolError(
      `${this.server} broke the NBD protocol in its answer to ${describeRequest(this.request)}: ${what}.`,
    );
  }

  #commandError(errno: number, text: string): NbdCommandError {
    const said = text === '' ? '' : `: ${text}`;
    const hint = errorHint(errno);
    return new NbdCommandError(
      `${describeRequest(this.request)} failed on ${this.server}: ${errorName(errno)}${said}`,
      errno,
      hint === undefined ? {} : { hint },
    );
  }
}

/** An answer without content: success or an error. */
export class PlainReply extends Reply {
  settled = false;

  constructor(
    request: Request,
    server: string,
    private readonly settle: Settle<void>,
  ) {
    super(request, server, 1);
  }

  fail(error: Error): void {
    if (this.settled) return;
    this.settled = true;
    this.settle.reject(error);
  }

  protected succeed(): void {
    if (this.settled) return;
    this.settled = true;
    this.settle.resolve();
  }
}

/**
 * The answer to a request with data. A refusal settles only when the data have left, because the
 * caller may use their memory for something else then. A success says by itself that they have.
 */
export class WriteReply extends PlainReply {
  /** Whether the data have left. */
  sent = false;
  #refusal: Error | undefined;

  /** Is called when the data have left. */
  onSent(): void {
    this.sent = true;
    if (this.#refusal) super.fail(this.#refusal);
  }

  override fail(error: Error): void {
    super.fail(this.#refusal ?? error);
  }

  override refuse(error: Error): void {
    if (this.sent) this.fail(error);
    else this.#refusal ??= error;
  }
}

function errorHint(errno: number): string | undefined {
  switch (errno) {
    case NBD_EPERM:
      return 'The server does not allow this; check that the export is writable and not in use.';
    case NBD_ENOSPC:
      return 'Make room where the server keeps the export, or choose another destination.';
    case NBD_EINVAL:
    case NBD_EOVERFLOW:
      return 'The server takes no such request; check the limits of the server and its filters.';
    case NBD_ESHUTDOWN:
      return 'The server is shutting down; start it again and connect anew.';
    default:
      return undefined;
  }
}
