/** A world without a terminal, a network or time: everything that a command writes is kept as text. */
import { PassThrough, Writable } from 'node:stream';
import { throwIfCancelled } from '../../../src/base/cancel.js';
import type { MigrascopeError } from '../../../src/base/errors.js';
import type {
  MigrationEvent,
  MigrationOptions,
  MigrationParts,
  MigrationResult,
  RunStatus,
  SummaryEvent,
} from '../../../src/engine/index.js';
import type {
  Connections,
  RecoveryWorld,
  RunParts,
  RunRequest,
  World,
} from '../../../src/cli/world.js';
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
  readonly opened: RunRequest[] = [];
  closedRuns = 0;
  readonly #signals = new Set<() => void>();
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

  today(): Date {
    return new Date('2026-01-01T00:00:00Z');
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

  async openRun(request: RunRequest): Promise<RunParts> {
    this.opened.push(request);
    const close = () => {
      this.closedRuns++;
      return Promise.resolve();
    };
    return { ...(await this.connections(request.host)), close };
  }

  /** What `runs` gives. */
  known: readonly RunStatus[] = [];

  runs(most: number): Promise<readonly RunStatus[]> {
    return Promise.resolve(this.known.slice(-most));
  }

  /** What `recovery` gives. */
  recoveryWorld: RecoveryWorld | undefined;

  recovery(): RecoveryWorld {
    if (!this.recoveryWorld) throw new Error('This world has nothing to recover.');
    return this.recoveryWorld;
  }

  onEndSignal(listener: () => void): () => void {
    this.#signals.add(listener);
    return () => this.#signals.delete(listener);
  }

  /** How many listen to signals now. */
  get listeners(): number {
    return this.#signals.size;
  }

  signal(): void {
    for (const listener of this.#signals) listener();
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
