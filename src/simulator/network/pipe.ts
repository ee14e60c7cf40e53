/** Connections in memory that behave as sockets do, with or without a network between their ends. */
import { Duplex } from 'node:stream';
import { Lane, type Receiver, type Route } from './lane.js';
import type { SimulatedNetwork } from './network.js';

/** Of what has arrived and was not read, in bytes; one chunk more at most. */
const READ_AHEAD = 64 * 1024;

export interface PipeOptions {
  /** What lies between the ends; they are side by side unless given. */
  readonly network?: SimulatedNetwork;
  /** Whether a side stays open when the other one has ended (false, as of sockets). */
  readonly allowHalfOpen?: boolean;
}

class End extends Duplex implements Receiver {
  /** What this side sends, and what it gets. */
  lanes!: { readonly out: Lane; readonly in: Lane };

  constructor(allowHalfOpen: boolean) {
    super({ allowHalfOpen, highWaterMark: READ_AHEAD });
  }

  arrive(bytes: Uint8Array): boolean {
    return this.push(bytes);
  }

  arriveEnd(): void {
    this.push(null);
    // Where nothing is left to read the end shows whether somebody reads or not, as of a socket.
    this.read(0);
  }

  arriveReset(): void {
    this.destroy(lost());
  }

  override _read(): void {
    this.lanes.in.wanted();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.lanes.out.send([chunk], done);
  }

  override _writev(chunks: { readonly chunk: Buffer }[], done: () => void): void {
    this.lanes.out.send(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: () => void): void {
    this.lanes.out.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.lanes.out.end();
    this.lanes.in.close();
    done(error);
  }
}

/**
 * Makes a connection. Chunks are handed over as they are, without a copy: a writer leaves their
 * memory as it is. Destroying one end gives the other one its end, after what was sent before; if
 * that one has sent what nobody read, or sends anything, it is destroyed with the code ECONNRESET.
 */
export function createPipe(options: PipeOptions = {}): [Duplex, Duplex] {
  const { network, allowHalfOpen = false } = options;
  const [first, second] = [new End(allowHalfOpen), new End(allowHalfOpen)];
  const over = (link: SimulatedNetwork['forth'] | undefined): Route | undefined =>
    network && link && { clock: network.clock, link };
  const forth: Lane = new Lane(second, over(network?.forth), () => back.reset());
  const back: Lane = new Lane(first, over(network?.back), () => forth.reset());
  first.lanes = { out: forth, in: back };
  second.lanes = { out: back, in: forth };
  if (network) joinNetwork(network, first, second);
  return [first, second];
}

function joinNetwork(network: SimulatedNetwork, first: End, second: End): void {
  const leave = network.join({
    break: () => {
      for (const end of [first, second]) end.arriveReset();
    },
  });
  const onClose = () => {
    if (first.closed && second.closed) leave();
  };
  first.once('close', onClose);
  second.once('close', onClose);
}

function lost(): Error {
  return Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' });
}
