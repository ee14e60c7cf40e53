/** A relay in front of a QMP monitor, which can be cut, and which can change what passes. */
import { createConnection, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';

export interface Request {
  readonly execute: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
  readonly id: number;
}

export interface RelayOptions {
  /** Is told of each command before QEMU gets it. Gives an answer of its own, or undefined to pass it on. */
  readonly onRequest?: (request: Request) => object | undefined;
  /** Changes the value that QEMU returned. */
  readonly onReturn?: (request: Request, value: unknown) => unknown;
}

/** A command at which a relay stands still. */
export interface Stop {
  /** Resolves once the command came. */
  readonly reached: Promise<void>;
  /** Lets what waited pass. */
  release(): void;
}

interface Waiting {
  readonly command: string;
  readonly side: 'before' | 'after';
  reach(lane: Lane): void;
}

export class QmpRelay implements AsyncDisposable {
  readonly #sockets = new Set<Socket>();
  readonly #waiting = new Set<Waiting>();
  #stalled = false;

  private constructor(
    readonly path: string,
    private readonly target: string,
    private readonly options: RelayOptions,
    private readonly server: Server,
  ) {
    server.on('connection', (client) => this.#join(client));
  }

  /** Listens at `path` for clients of the monitor at `target`, both paths of unix sockets. */
  static async listen(path: string, target: string, options: RelayOptions = {}): Promise<QmpRelay> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    return new QmpRelay(path, target.replace('unix:', ''), options, server);
  }

  /** The relay as the address of a host. */
  get host(): string {
    return `unix:${this.path}`;
  }

  /** Passes on nothing any more, as a QEMU that hangs. */
  stall(): void {
    this.#stalled = true;
  }

  /**
   * Stands still at the next such command: `before` QEMU gets it, or `after`, when QEMU has it and
   * nothing of what it says comes back. Other connections are not held up.
   */
  standAt(command: string, side: 'before' | 'after'): Stop {
    let held: Lane | undefined;
    const reached = new Promise<void>((resolve) => {
      const waiting: Waiting = {
        command,
        side,
        reach: (lane) => {
          this.#waiting.delete(waiting);
          held = lane;
          lane.block();
          resolve();
        },
      };
      this.#waiting.add(waiting);
    });
    return { reached, release: () => held?.release() };
  }

  /** Ends all connections; the next ones get through again. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  #join(client: Socket): void {
    const monitor = createConnection(this.target);
    const asked = new Map<number, Request>();
    const forth = new Lane(monitor);
    const back = new Lane(client);
    for (const [socket, other] of [
      [client, monitor],
      [monitor, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    eachLine(client, (line) => {
      if (this.#stalled) return;
      const request = JSON.parse(line) as Request;
      asked.set(request.id, request);
      const answer = this.options.onRequest?.(request);
      const stop = [...this.#waiting].find(({ command }) => command === request.execute);
      stop?.reach(stop.side === 'before' ? forth : back);
      if (answer) back.pass(JSON.stringify({ ...answer, id: request.id }));
      else forth.pass(line);
    });
    eachLine(monitor, (line) => {
      const message = JSON.parse(line) as { id?: number; return?: unknown };
      const request = message.id === undefined ? undefined : asked.get(message.id);
      const { onReturn } = this.options;
      if (!request || message.return === undefined || !onReturn) back.pass(line);
      else {
        const changed = { ...message, return: onReturn(request, message.return) };
        back.pass(JSON.stringify(changed));
      }
    });
  }
}

/** One direction of a connection. */
class Lane {
  #held: string[] | undefined;

  constructor(private readonly to: Socket) {}

  pass(line: string): void {
    if (this.#held) this.#held.push(line);
    else this.to.write(`${line}\r\n`);
  }

  block(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const line of held) this.pass(line);
  }
}

function eachLine(socket: Socket, take: (line: string) => void): void {
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (text + chunk).split('\n');
    text = lines.pop()!;
    for (const line of lines.map((each) => each.trim())) if (line !== '') take(line);
  });
}
