/** A QMP server in memory, and a clock that goes only when it is told to. */
import { duplexPair } from 'node:stream';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../../src/base/clock.js';
import { CancelledError } from '../../../src/base/errors.js';
import { silentLogger } from '../../../src/base/logger.js';
import type { QmpClient, QmpOptions } from '../../../src/hypervisor/index.js';
import { openQmp } from '../../../src/hypervisor/index.js';

export const greeting =
  '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "Debian"}, "capabilities": ["oob"]}}\r\n';

export class ManualClock implements Clock {
  #now = 0;
  #timers: { due: number; fire: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = { due: this.#now + milliseconds, fire: resolve };
      this.#timers.push(timer);
      const cancel = (): void => {
        this.#timers = this.#timers.filter((other) => other !== timer);
        reject(new CancelledError('Waiting was cancelled.'));
      };
      if (signal?.aborted) cancel();
      signal?.addEventListener('abort', cancel, { once: true });
    });
  }

  advance(milliseconds: number): void {
    this.#now += milliseconds;
    const due = this.#timers.filter((timer) => timer.due <= this.#now);
    this.#timers = this.#timers.filter((timer) => timer.due > this.#now);
    for (const timer of due) timer.fire();
  }

  get waiting(): number {
    return this.#timers.length;
  }
}

export interface Received {
  readonly execute: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly id: number;
}

/** The server's end of a connection in memory. */
export class FakeQmp {
  readonly client: Duplex;
  readonly stream: Duplex;
  readonly clock = new ManualClock();
  readonly #received: Received[] = [];
  #arrived: (() => void) | undefined;
  #text = '';

  constructor() {
    [this.client, this.stream] = duplexPair();
    this.stream.on('error', () => undefined);
    this.stream.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString();
      const lines = this.#text.split('\r\n');
      this.#text = lines.pop()!;
      for (const line of lines) this.#received.push(JSON.parse(line) as Received);
      this.#arrived?.();
    });
  }

  options(more: Partial<QmpOptions> = {}): QmpOptions {
    return { name: 'unix:/vm.qmp', clock: this.clock, logger: silentLogger, ...more };
  }

  send(message: unknown): void {
    this.stream.write(`${JSON.stringify(message)}\r\n`);
  }

  event(event: string, data?: unknown): void {
    this.send({ event, data, timestamp: { seconds: 1, microseconds: 2 } });
  }

  /** The next command that comes. */
  async next(): Promise<Received> {
    while (this.#received.length === 0) {
      await new Promise<void>((resolve) => (this.#arrived = resolve));
    }
    return this.#received.shift()!;
  }

  /** Awaits a command and answers it. */
  async answer(value: unknown = {}): Promise<Received> {
    const command = await this.next();
    this.send({ return: value, id: command.id });
    return command;
  }

  /** A client that has negotiated. */
  async running(more: Partial<QmpOptions> = {}): Promise<QmpClient> {
    const opening = openQmp(this.client, this.options(more));
    this.stream.write(greeting);
    await this.answer();
    return opening;
  }
}

/** Lets everything run that can run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
