/** A relay in front of a unix socket that keeps what both sides said, a turn at a time. */
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import type { Turn } from '../recording.js';

/** What was said so far, in turns: who speaks goes on with the same turn until the other one speaks. */
export class Turns {
  readonly #turns: { by: Turn['by']; bytes: Buffer }[] = [];

  get length(): number {
    return this.#turns.length;
  }

  add(by: Turn['by'], bytes: Buffer): void {
    const last = this.#turns.at(-1);
    if (last?.by === by) last.bytes = Buffer.concat([last.bytes, bytes]);
    else this.#turns.push({ by, bytes: Buffer.from(bytes) });
  }

  get text(): Turn[] {
    return this.#turns.map(({ by, bytes }) => ({ by, text: bytes.toString('utf8') }));
  }

  get binary(): Turn[] {
    return this.#turns.map(({ by, bytes }) => ({ by, base64: bytes.toString('base64') }));
  }
}

export class Tap implements AsyncDisposable {
  readonly turns = new Turns();
  readonly #sockets = new Set<Socket>();

  private constructor(
    readonly path: string,
    private readonly server: Server,
  ) {}

  /** Listens at `path` for readers of what is said at `target`, both paths of unix sockets. */
  static async listen(path: string, target: string): Promise<Tap> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const tap = new Tap(path, server);
    server.on('connection', (reader) => tap.#join(reader, createConnection(target)));
    return tap;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  #join(reader: Socket, peer: Socket): void {
    for (const [by, from, to] of [
      ['reader', reader, peer],
      ['peer', peer, reader],
    ] as const) {
      this.#sockets.add(from);
      from.on('error', () => undefined);
      from.on('data', (bytes: Buffer) => {
        this.turns.add(by, bytes);
        to.write(bytes);
      });
      from.on('end', () => to.end());
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }
}
