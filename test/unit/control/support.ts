/** A run's control server and its controllers, over in-memory pipes. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair, type Duplex } from 'node:stream';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import {
  ControlServer,
  EventLog,
  Steering,
  type MigrationEvent,
  type RunHandle,
  type SteeringOptions,
} from '../../../src/engine/index.js';
import { isSaidByRun } from './schema.js';

/** Two ends of a connection; one that is destroyed before it ended cuts the other off. */
export function controlPipe(): [Duplex, Duplex] {
  const [a, b] = duplexPair();
  const cut = (end: Duplex, other: Duplex) =>
    end.once('close', () => {
      if (!end.writableFinished) other.destroy();
    });
  cut(a, b);
  cut(b, a);
  return [a, b];
}

export type Message = Record<string, unknown>;

/** A run that does nothing but take what it is told. */
export class ControlledRun implements RunHandle {
  limits = { maxBandwidth: null as number | null, downtimeLimitMs: 300, maxRounds: 30 };
  readonly troubles: string[] = [];
  readonly steering: Steering;
  readonly server: ControlServer;
  #seq = 0;

  private constructor(
    readonly events: EventLog,
    private readonly folder: string,
    options: SteeringOptions,
  ) {
    this.steering = new Steering(options);
    this.steering.begin(this);
    this.server = new ControlServer({
      run: 'k3x9',
      version: '1.2.3',
      steering: this.steering,
      events,
      clock: { now: () => performance.now(), sleep: () => delay(2) },
    });
  }

  static async create(options: Partial<SteeringOptions> = {}): Promise<ControlledRun> {
    const folder = await mkdtemp(join(tmpdir(), 'migrascope-test-'));
    const troubles: string[] = [];
    const events = await EventLog.create(join(folder, 'events.jsonl'), (message) =>
      troubles.push(message),
    );
    const run = new ControlledRun(events, folder, { held: false, onLimit: 'ask', ...options });
    return run;
  }

  changeLimits(change: Partial<RunHandle['limits']>): void {
    this.limits = { ...this.limits, ...change };
  }

  emit(body: object): void {
    this.events.append({ seq: this.#seq++, t: 0, ...body } as MigrationEvent);
  }

  connect(): Duplex {
    const [mine, its] = controlPipe();
    this.server.accept(its);
    return mine;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.end({});
    await this.events.close();
    await rm(this.folder, { recursive: true });
  }

  /** A controller that speaks the protocol by hand. */
  dial(): Dialled {
    return new Dialled(this.connect());
  }
}

export class Dialled {
  readonly heard: Message[] = [];
  /** Resolves when the other side ends. */
  readonly closed: Promise<void>;

  constructor(readonly stream: Duplex) {
    const lines = createInterface(stream);
    lines.on('line', (line) => {
      const message = JSON.parse(line) as Message;
      if (!isSaidByRun(message)) throw new Error(`This is not of the protocol: ${line}`);
      this.heard.push(message);
    });
    this.closed = new Promise((resolve) => stream.once('end', resolve).once('close', resolve));
    stream.on('error', () => undefined);
  }

  say(id: number, method: string, params?: object): void {
    this.write(JSON.stringify({ jsonrpc: '2.0', id, method, ...(params ? { params } : {}) }));
  }

  write(line: string): void {
    this.stream.write(`${line}\n`);
  }

  /** The events heard so far. */
  get events(): readonly MigrationEvent[] {
    return this.heard.flatMap(({ method, params }) =>
      method === 'event' ? [params as MigrationEvent] : [],
    );
  }
}

/** Waits, for as many turns as it takes, until something holds. */
export async function until(holds: () => boolean): Promise<void> {
  for (let turns = 0; !holds(); turns++) {
    if (turns > 3000) throw new Error('It never came to hold.');
    await delay(1);
  }
}
