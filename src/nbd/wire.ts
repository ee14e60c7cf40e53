/**
 * One connection as a stream of bytes, below both phases of the protocol: what arrives is in
 * `inbox`, what is sent goes out in one gathered write for each turn of the event loop.
 */
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import type { Inbox } from './inbox.js';

/** Is told once that a connection ended; `cause` is the error below, if there was one. */
export type LossListener = (cause: Error | undefined) => void;

export class Wire {
  /** Is called once when the connection has ended, from whichever side; replaced by each phase. */
  onLost: LossListener = () => undefined;
  /** Is called once when the peer has ended its side; unless replaced, that ends the connection. */
  onEnd: () => void = () => this.#lose(undefined);
  #lost = false;
  #ended = false;
  #paused = false;
  #corked = false;
  #ending = false;

  constructor(
    private readonly duplex: Duplex,
    readonly inbox: Inbox,
    /** How people know the peer, for messages. */
    readonly name: string,
    /** Lets go of what was filling the inbox. */
    private readonly release: () => void = () => undefined,
  ) {
    duplex.on('error', (error) => this.#lose(error));
    duplex.on('end', () => {
      this.#ended = true;
      this.onEnd();
    });
    duplex.on('close', () => this.#lose(undefined));
    if (duplex.destroyed || duplex.readableEnded) this.#lose(undefined);
  }

  /** Whether the connection has ended. */
  get lost(): boolean {
    return this.#lost;
  }

  /** Whether the peer has ended its side. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Lets the peer wait, or go on: nothing arrives while paused. */
  pause(paused: boolean): void {
    if (paused === this.#paused || this.#lost) return;
    this.#paused = paused;
    if (paused) this.duplex.pause();
    else this.duplex.resume();
  }

  /**
   * Sends a header and the data after it, without copying.
   * @param sent is called when the memory is not needed any more, or with the error that prevents it.
   */
  send(header: Uint8Array, data: readonly Uint8Array[] = [], sent?: () => void): void {
    if (this.#lost || this.#ending) {
      if (sent) process.nextTick(sent);
      return;
    }
    if (!this.#corked) {
      this.#corked = true;
      this.duplex.cork();
      process.nextTick(() => this.#uncork());
    }
    const last = data.length - 1;
    this.duplex.write(header, last < 0 ? sent : undefined);
    for (let index = 0; index <= last; index++) {
      this.duplex.write(data[index]!, index === last ? sent : undefined);
    }
  }

  /**
   * Ends this side after all that was sent; the peer is expected to end its own.
   * @param finished is called when all has left, or when it never will.
   */
  end(finished?: () => void): void {
    if (this.#ending || this.#lost) return;
    this.#uncork();
    this.#ending = true;
    this.duplex.end(finished);
  }

  /** Ends both sides at once. */
  destroy(): void {
    this.duplex.destroy();
    this.#lose(undefined);
  }

  /** Resolves when the stream below has let go of its handle. */
  async closed(): Promise<void> {
    if (this.duplex.closed) return;
    await once(this.duplex, 'close').catch(() => undefined);
  }

  #uncork(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.duplex.uncork();
  }

  #lose(cause: Error | undefined): void {
    if (this.#lost) return;
    this.#lost = true;
    this.onLost(cause);
    this.inbox.clear();
    this.release();
    this.duplex.destroy();
  }
}
