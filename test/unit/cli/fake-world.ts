/** A world without a terminal, a network or time: everything that a command writes is kept as text. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair, PassThrough, Writable, type Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { throwIfCancelled } from '../../../src/base/cancel.js';
import { UsageError, type MigrascopeError } from '../../../src/base/errors.js';
import { silentLogger } from '../../../src/base/logger.js';
import {
  serveRun,
  type EngineRequest,
  type MigrationEvent,
  type MigrationOptions,
  type MigrationParts,
  type MigrationResult,
  type RunStatus,
  type SummaryEvent,
} from '../../../src/engine/index.js';
import type { EndSignal, World } from '../../../src/cli/world.js';
import type { Connections, EngineLink, RecoveryWorld } from '../../../src/reach/types.js';
import { summaryWith } from './fixtures.js';

/** A stream that keeps what is written; `isTTY` and a size can be given. */
export class KeptOutput extends Writable {
  text = '';
  isTTY = false;
  columns = 80;
  rows = 24;

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.text += chunk.toString();
    done();
  }
}

/** A keyboard. */
export class KeptInput extends PassThrough {
  isTTY = false;
  readonly rawModes: boolean[] = [];

  setRawMode(raw: boolean): this {
    this.rawModes.push(raw);
    return this;
  }
}

/** What a fake engine does with what it is given. */
export type FakeMigration = (
  options: MigrationOptions,
  parts: MigrationParts,
) => Promise<MigrationResult>;

export class FakeWorld implements World {
  readonly stdin = new KeptInput();
  readonly stdout = new KeptOutput();
  readonly stderr = new KeptOutput();
  env: Record<string, string | undefined> = {};
  readonly exits: number[] = [];
  readonly hosts: string[] = [];
  readonly opened: EngineRequest[] = [];
  closedRuns = 0;
  readonly #signals = new Set<(signal: EndSignal) => void>();
  readonly #exitListeners = new Set<() => void>();
  #time = 0;

  constructor(
    readonly migrate: FakeMigration = playing([]),
    private readonly connected: Partial<Connections> = {},
  ) {}

  readonly clock = {
    now: () => this.#time,
    sleep: async (milliseconds: number, signal?: AbortSignal) => {
      await new Promise((resolve) => setImmediate(resolve));
      this.#time += milliseconds;
      throwIfCancelled(signal, 'Sleeping');
    },
  };

  /** Makes this world a terminal of the given size. */
  asTerminal(columns = 80, rows = 24): this {
    this.stdin.isTTY = true;
    Object.assign(this.stdout, { isTTY: true, columns, rows });
    return this;
  }

  newRun(): string {
    return 'k3x9';
  }

  connections(host: string): Promise<Connections> {
    this.hosts.push(host);
    const nothing = () => Promise.reject(new Error('This world connects to nothing.'));
    return Promise.resolve({
      connectHypervisor: nothing,
      connectNbd: nothing,
      connectProbe: nothing,
      openDestination: nothing,
      ...this.connected,
    });
  }

  /** Runs the engine in this process, behind the same control socket. */
  async startEngine(request: EngineRequest): Promise<EngineLink> {
    let accept: (stream: Duplex) => void = () => undefined;
    const folder = await mkdtemp(join(tmpdir(), 'migrascope-test-'));
    await new Promise<void>((resolve, reject) => {
      this.served = serveRun(request, {
        migrate: this.migrate,
        openRun: async (asked, _logger, accepts) => {
          this.opened.push(asked);
          accept = accepts;
          const close = () => {
            this.closedRuns++;
            return rm(folder, { recursive: true });
          };
          return {
            ...(await this.connections(asked.host)),
            events: join(folder, 'events.jsonl'),
            close,
          };
        },
        onReady: resolve,
        onEndSignal: () => undefined,
        logger: silentLogger,
        clock: { now: () => performance.now(), sleep: (milliseconds) => delay(milliseconds) },
        today: () => new Date('2026-01-01T00:00:00Z'),
        version: '1.2.3',
      }).catch(reject);
    });
    this.accept = accept;
    return this.attach(request.run);
  }

  /** Takes a further controller. */
  accept: ((stream: Duplex) => void) | undefined;
  /** Resolves when the engine that was started is done. */
  served: Promise<void> = Promise.resolve();

  resume(run: string): Promise<EngineLink> {
    return this.attach(run);
  }

  attach(run: string): Promise<EngineLink> {
    if (!this.accept) return Promise.reject(new UsageError(`There is no run "${run}".`));
    const [stream, other] = duplexPair();
    this.accept(other);
    return Promise.resolve({ run, stream });
  }

  /** What `runs` gives. */
  known: readonly RunStatus[] = [];
  /** Ids of runs that were forgotten; of others, why they can't be. */
  readonly forgotten: string[] = [];
  readonly unforgettable = new Map<string, Error>();

  runs(most: number): Promise<readonly RunStatus[]> {
    return Promise.resolve(this.known.slice(-most));
  }

  forget(run: string): Promise<void> {
    const why = this.unforgettable.get(run);
    if (why) return Promise.reject(why);
    this.forgotten.push(run);
    return Promise.resolve();
  }

  /** What `recovery` gives. */
  recoveryWorld: RecoveryWorld | undefined;

  recovery(): RecoveryWorld {
    if (!this.recoveryWorld) throw new Error('This world has nothing to recover.');
    return this.recoveryWorld;
  }

  onEndSignal(listener: (signal: EndSignal) => void): () => void {
    this.#signals.add(listener);
    return () => this.#signals.delete(listener);
  }

  /** How many listen to signals now. */
  get listeners(): number {
    return this.#signals.size;
  }

  signal(signal: EndSignal = 'SIGINT'): void {
    for (const listener of this.#signals) listener(signal);
  }

  onExit(listener: () => void): () => void {
    this.#exitListeners.add(listener);
    return () => this.#exitListeners.delete(listener);
  }

  exit(code: number): void {
    for (const listener of this.#exitListeners) listener();
    this.exits.push(code);
  }
}

/** An engine that gives the events, the last of them being the summary. */
export function playing(events: readonly MigrationEvent[], error?: MigrascopeError): FakeMigration {
  return (_options, parts) => {
    for (const event of events) parts.sink(event);
    const last = events.at(-1);
    const summary: SummaryEvent = last?.type === 'summary' ? last : summaryWith({});
    return Promise.resolve({ summary, ...(error ? { error } : {}) });
  };
}
