/** Two streams that are each other's peer, as the two ends of a socket are. */
import { Duplex } from 'node:stream';

export class StreamEnd extends Duplex {
  peer: StreamEnd | undefined;
  /** While true, what is written does not reach the peer, as if it had stopped reading. */
  #stalled = false;
  #held: (() => void)[] = [];

  override _read(): void {
    // What the peer writes is pushed at once.
  }

  override _write(bytes: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    const pass = (): void => {
      if (this.peer && !this.peer.destroyed) this.peer.push(Buffer.from(bytes));
      done();
    };
    if (this.#stalled) this.#held.push(pass);
    else pass();
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.peer && !this.peer.destroyed) this.peer.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const { peer } = this;
    if (peer && !peer.destroyed) {
      if (error) peer.destroy(error);
      else peer.push(null);
    }
    done(error);
  }

  /** Stops taking what this end writes, until `resume` is called with its result. */
  stall(): () => void {
    this.#stalled = true;
    return () => {
      this.#stalled = false;
      for (const pass of this.#held.splice(0)) pass();
    };
  }
}

export function streamPair(): [StreamEnd, StreamEnd] {
  const [one, other] = [new StreamEnd(), new StreamEnd()];
  one.peer = other;
  other.peer = one;
  return [one, other];
}
