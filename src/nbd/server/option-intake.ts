/**
 * Reading and answering options: one at a time, and the next only when the answer has left, so
 * that a client which does not read its answers makes the server hold no more of them.
 */
import { ConnectionLostError } from '../../base/errors.js';
import type { Wire } from '../wire.js';

/** Bytes that may lie unread before the client has to wait. */
const READ_AHEAD = 64 * 1024;

interface Waiting {
  /** Otherwise it waits for bytes to leave. */
  readonly forBytes: boolean;
  /** Does what is waited for when it can be done. */
  attempt(): boolean;
  reject(error: Error): void;
}

export class OptionIntake {
  #waiting: Waiting | undefined;
  #failure: ConnectionLostError | undefined;

  constructor(private readonly wire: Wire) {
    wire.inbox.onArrival = () => this.#serve();
    wire.onEnd = () => this.#serve();
    wire.onLost = (cause) => this.#fail(cause);
    if (wire.lost) this.#fail(undefined);
  }

  /** The next `count` bytes. @throws ConnectionLostError when the client leaves before they are there. */
  bytes(count: number): Promise<Buffer> {
    return this.#wait<Buffer>(true, (resolve) => {
      const { inbox } = this.wire;
      if (!inbox.require(count)) return false;
      const bytes = Buffer.from(inbox.memory.subarray(inbox.at, inbox.at + count));
      inbox.skip(count);
      resolve(bytes);
      return true;
    });
  }

  /** Drops the next `count` bytes. @throws ConnectionLostError as `bytes` does. */
  skip(count: number): Promise<void> {
    let left = count;
    return this.#wait<undefined>(true, (resolve) => {
      left -= this.wire.inbox.skip(left);
      if (left > 0) return false;
      resolve(undefined);
      return true;
    });
  }

  /** Sends all of `messages`, at least one; resolves when they have left. @throws ConnectionLostError */
  send(messages: readonly Buffer[]): Promise<void> {
    let sent = false;
    const [first, ...rest] = messages;
    this.wire.send(first!, rest, () => {
      sent = true;
      this.#serve();
    });
    return this.#wait<undefined>(false, (resolve) => {
      if (sent) resolve(undefined);
      return sent;
    });
  }

  #wait<T>(forBytes: boolean, attempt: (resolve: (value: T) => void) => boolean): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting = { forBytes, attempt: () => attempt(resolve), reject };
      this.#serve();
    });
  }

  #serve(): void {
    const waiting = this.#waiting;
    if (waiting && this.#failure) {
      this.#waiting = undefined;
      waiting.reject(this.#failure);
    } else if (waiting?.attempt()) {
      this.#waiting = undefined;
    } else if (waiting?.forBytes === true && this.wire.ended) {
      this.#fail(undefined);
    } else {
      this.wire.pause(waiting?.forBytes !== true && this.wire.inbox.length >= READ_AHEAD);
    }
  }

  #fail(cause: Error | undefined): void {
    this.#failure ??= new ConnectionLostError(
      `${this.wire.name} left during the handshake.`,
      cause ? { cause } : {},
    );
    if (this.#waiting) this.#serve();
  }
}
