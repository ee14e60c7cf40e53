/** Just enough QMP to set up QEMU's NBD server in a test. */
import { once } from 'node:events';
import net from 'node:net';
import readline from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

interface Answer {
  readonly return?: unknown;
  readonly error?: { readonly class: string; readonly desc: string };
  readonly event?: string;
}

export class NbdQmp {
  readonly #answers: AsyncIterator<string>;

  private constructor(private readonly socket: net.Socket) {
    this.#answers = readline.createInterface({ input: socket })[Symbol.asyncIterator]();
  }

  static async connect(path: string): Promise<NbdQmp> {
    const socket = await connectSoon(path);
    const monitor = new NbdQmp(socket);
    await monitor.#answers.next();
    await monitor.execute('qmp_capabilities');
    return monitor;
  }

  async execute(command: string, args: object = {}): Promise<unknown> {
    this.socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    for (;;) {
      const line = await this.#answers.next();
      if (line.done) throw new Error(`QEMU left before it answered ${command}.`);
      const answer = JSON.parse(line.value) as Answer;
      if (answer.event !== undefined) continue;
      if (answer.error) throw new Error(`${command}: ${answer.error.desc}`);
      return answer.return;
    }
  }

  close(): void {
    this.socket.destroy();
  }
}

/** Connects to a socket that may be there already, although nobody listens on it yet. */
async function connectSoon(path: string): Promise<net.Socket> {
  for (let tries = 1; ; tries++) {
    const socket = net.connect(path);
    try {
      await once(socket, 'connect');
      return socket;
    } catch (error) {
      if (tries === 100) throw error;
      await delay(50);
    }
  }
}
