/** Two ends of a connection in memory: what is written to one is read from the other. */
import { Duplex } from 'node:stream';

class End extends Duplex {
  peer: End | undefined;

  override _read(): void {
    // The peer pushes.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.peer?.push(chunk);
    done();
  }

  override _final(done: () => void): void {
    this.peer?.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const peer = this.peer;
    this.peer = undefined;
    peer?.push(null);
    done(error);
  }
}

export function connectedPair(): [Duplex, Duplex] {
  const [host, guest] = [new End(), new End()];
  host.peer = guest;
  guest.peer = host;
  return [host, guest];
}
