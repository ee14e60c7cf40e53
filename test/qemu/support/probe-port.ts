/** What a test has in place of the host's end of the probe's port. */
import { createConnection, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { systemClock } from '../../../src/base/clock.js';
import type { MigrationParts } from '../../../src/engine/index.js';
import { connectProbe } from '../../../src/probe/index.js';

export class ProbePort implements AsyncDisposable {
  readonly #clients = new Set<Socket>();
  /** Connects here, whatever address it is given. */
  readonly connect: MigrationParts['connectProbe'];

  private constructor(
    path: string,
    private readonly server: Server,
    onClient: (client: Socket) => void,
  ) {
    server.on('connection', (client) => {
      this.#clients.add(client.on('error', () => undefined));
      onClient(client);
    });
    this.connect = (_, signal) =>
      connectProbe({ type: 'unix', path }, { clock: systemClock, signal });
  }

  static async listen(path: string, onClient: (client: Socket) => void): Promise<ProbePort> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    return new ProbePort(path, server, onClient);
  }

  /** A port that leads to the real probe, at the address `probe`. */
  static relay(path: string, probe: string): Promise<ProbePort> {
    return ProbePort.listen(path, (client) => {
      const real = createConnection(probe.replace('unix:', '')).on('error', () => undefined);
      client.pipe(real).pipe(client);
      client.on('close', () => real.destroy());
    });
  }

  /** Says something to whoever is connected, in the probe's place. */
  say(text: string): void {
    for (const client of this.#clients) client.write(text);
  }

  cut(): void {
    for (const client of this.#clients) client.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}
