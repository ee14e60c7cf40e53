/**
 * One QEMU (or qemu-storage-daemon) under our hands: its monitor, and the one place through which
 * every action passes that changes something in it.
 */
import type { Clock } from '../../base/clock.js';
import {
  ConnectError,
  ConnectionLostError,
  QmpCommandError,
  messageOf,
} from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import type { NbdMeans } from '../nbd-means.js';
import type { HostChange, Journal } from '../types.js';
import { UndoStack } from '../undo.js';
import type { Made } from '../undo.js';
import type { ExecuteOptions, QmpClient } from './qmp-client.js';
import type { QmpCommandName, QmpCommands } from './schema.js';

/** Writes nothing. */
export const noJournal: Journal = { record: () => Promise.resolve() };

/** The longest a node name may be (QEMU: `BlockDriverState.node_name`, 32 bytes with its end). */
export const longestNodeName = 31;

/** How long QEMU may take over one step of cleaning up, in milliseconds. */
export const cleanUpTimeoutMs = 10_000;

/**
 * How often, and after which pauses in milliseconds, a monitor is tried that was lost. While QEMU is
 * still at a command of the old connection, it greets nobody, leaves the new connection without an
 * answer, or sends it the old one's (seen with 7.2); a moment later it is fine.
 */
const mostReconnects = 5;
const reconnectPauseMs = 100;

/** How a change is made, and what the journal needs to know of it. */
export type ChangeOptions = ExecuteOptions & Pick<HostChange, 'routine' | 'undoes'>;

export interface SessionOptions extends NbdMeans {
  readonly name: string;
  readonly journal: Journal;
  /** Connects anew after a loss, to clean up. */
  readonly reconnect?: () => Promise<QmpClient>;
}

export class QemuSession {
  readonly #counts = new Map<string, number>();
  readonly #runs = new Set<string>();
  #qmp: QmpClient;
  #resumes = 0;
  #reconnecting: Promise<void> | undefined;

  constructor(
    qmp: QmpClient,
    readonly options: SessionOptions,
  ) {
    this.#qmp = qmp;
    qmp.on('RESUME', () => (this.#resumes += 1));
  }

  /** The monitor; another one after {@link reachAgain}. */
  get qmp(): QmpClient {
    return this.#qmp;
  }

  get name(): string {
    return this.options.name;
  }

  get logger(): Logger {
    return this.options.logger;
  }

  get clock(): Clock {
    return this.options.clock;
  }

  /** The runs for which something was changed. */
  get runs(): ReadonlySet<string> {
    return this.#runs;
  }

  /** How often the guest was resumed, by whomever, as far as the first connection told. */
  get resumes(): number {
    return this.#resumes;
  }

  /** Whether the first connection was lost. */
  get wasLost(): boolean {
    return this.#reconnecting !== undefined;
  }

  /** A new name for something that a run makes: `migrascope-RUN-PURPOSE-N`. */
  newName(run: string, purpose: string): string {
    const count = (this.#counts.get(purpose) ?? 0) + 1;
    this.#counts.set(purpose, count);
    return `migrascope-${run}-${purpose}-${count}`;
  }

  /** From here on, new names of that purpose have numbers above `count`. */
  countFrom(purpose: string, count: number): void {
    this.#counts.set(purpose, count);
  }

  /** Does what changes the host, after the journal has it. What puts back is done though the journal fails. */
  async act<T>(change: Omit<HostChange, 'host'>, action: () => Promise<T>): Promise<T> {
    if (change.run !== undefined) this.#runs.add(change.run);
    try {
      await this.options.journal.record({ host: this.name, ...change });
    } catch (error) {
      if (!change.undoes) throw error;
      const what = `${change.action} on ${this.name}`;
      this.logger.log('warn', `The journal does not tell of ${what}: ${messageOf(error)}`);
    }
    return action();
  }

  /** Executes a command that changes something. Errors as `QmpClient.execute`, and the journal's. */
  change<C extends QmpCommandName>(
    run: string,
    command: C,
    args: QmpCommands[C]['arguments'],
    { routine, undoes, ...options }: ChangeOptions = {},
  ): Promise<QmpCommands[C]['returns']> {
    const manner = { ...(routine ? { routine } : {}), ...(undoes ? { undoes } : {}) };
    return this.act({ run, action: command, arguments: args, ...manner }, () =>
      this.qmp.execute(command, args, options),
    );
  }

  /**
   * As {@link change} for a command that makes something: what undoes it is known before, since a
   * command may be done though its answer never came. A refusal made nothing.
   */
  async make<C extends QmpCommandName>(
    run: string,
    command: C,
    args: QmpCommands[C]['arguments'],
    { stack, what, by }: { stack: UndoStack; what: string; by: () => Promise<void> },
  ): Promise<Made> {
    const made = stack.add(what, by);
    try {
      await this.change(run, command, args);
    } catch (error) {
      if (error instanceof QmpCommandError) made.forget();
      throw error;
    }
    return made;
  }

  /** As {@link change} for cleaning up: in bounded time, content when what it removes is not there. */
  async remove<C extends QmpCommandName>(
    run: string,
    command: C,
    args: QmpCommands[C]['arguments'],
    manner: Pick<ChangeOptions, 'routine'> = {},
  ): Promise<void> {
    const options = { ...manner, undoes: true, timeoutMs: cleanUpTimeoutMs } as const;
    try {
      await this.change(run, command, args, options);
    } catch (error) {
      if (!(error instanceof QmpCommandError) || !saysNotThere(error)) throw error;
    }
  }

  /**
   * When the monitor was lost, connects anew, once, so that nothing stays in a QEMU that lives on.
   * Never throws.
   * @returns whether QEMU can be asked now.
   */
  async reachAgain(): Promise<boolean> {
    if (this.#qmp.state === 'closed' && this.options.reconnect) {
      this.#reconnecting ??= this.#connectAgain(this.options.reconnect);
      await this.#reconnecting;
    }
    return this.#qmp.state === 'running';
  }

  /**
   * Undoes what a command may have done although its answer never came: where `error` is the loss of
   * the connection, and QEMU can be reached again. Never throws.
   * @param what names it, for the log.
   */
  async undoIfLost(error: unknown, what: string, undo: () => Promise<void>): Promise<void> {
    if (!(error instanceof ConnectionLostError) || !(await this.reachAgain())) return;
    try {
      await undo();
    } catch (second) {
      this.logger.log('warn', `Removing ${what} failed: ${messageOf(second)}`);
    }
  }

  /** An empty stack for what is made here; it connects anew where that is needed. */
  undoStack(): UndoStack {
    return new UndoStack(this.logger, () => this.reachAgain());
  }

  async #connectAgain(reconnect: () => Promise<QmpClient>): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        this.#qmp = await reconnect();
        this.logger.log('info', `${this.name} is reached again, to clean up.`);
        return;
      } catch (error) {
        const gone = error instanceof ConnectError && error.kind === 'connect';
        if (gone || attempt === mostReconnects) {
          this.logger.log('warn', `${this.name} can't be reached to clean up: ${messageOf(error)}`);
          return;
        }
        await this.clock.sleep(reconnectPauseMs * attempt);
      }
    }
  }
}

/** Whether QEMU refused because the thing named does not exist. */
export function saysNotThere(error: QmpCommandError): boolean {
  return (
    error.errorClass === 'DeviceNotFound' ||
    /not found|Cannot find|Failed to find node|does not exist|not running/i.test(error.description)
  );
}
