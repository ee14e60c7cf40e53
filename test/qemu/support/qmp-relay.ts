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

export class QmpRelay implements AsyncDisposable {
  readonly #sockets = new Set<Socket>();
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
      if (answer) client.write(`${JSON.stringify({ ...answer, id: request.id })}\r\n`);
      else monitor.write(`${line}\r\n`);
    });
    eachLine(monitor, (line) => {
      const message = JSON.parse(line) as { id?: number; return?: unknown };
      const request = message.id === undefined ? undefined : asked.get(message.id);
      const { onReturn } = this.options;
      if (!request || message.return === undefined || !onReturn) client.write(`${line}\r\n`);
      else {
        const changed = { ...message, return: onReturn(request, message.return) };
        client.write(`${JSON.stringify(changed)}\r\n`);
      }
    });
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
