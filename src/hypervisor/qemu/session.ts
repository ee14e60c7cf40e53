/**
 * One QEMU (or qemu-storage-daemon) under our hands: its monitor, and the one place through which
 * every action passes that changes something in it.
 */
import type { Clock } from '../../base/clock.js';
import { QmpCommandError } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import type { connectNbd } from '../../nbd/index.js';
import type { ExecuteOptions, QmpClient } from './qmp-client.js';
import type { QmpCommandName, QmpCommands } from './schema.js';

/** An action that is about to change something in a host. */
export interface HostChange {
  /** Name of the hypervisor. */
  readonly host: string;
  /** The run for which it is done; absent for stop and cont. */
  readonly run?: string;
  /** The QMP command, or a word of our own for what is not one (`start-child`, `delete-file`). */
  readonly action: string;
  /** The command's arguments, or what the action is done to. */
  readonly arguments: unknown;
}

/** Is told of every change before it happens; when it throws, the change does not happen. */
export interface Journal {
  record(change: HostChange): Promise<void>;
}

/** Writes nothing. */
export const noJournal: Journal = { record: () => Promise.resolve() };

/** The longest a node name may be (QEMU: `BlockDriverState.node_name`, 32 bytes with its end). */
export const longestNodeName = 31;

/** How long QEMU may take over one step of cleaning up, in milliseconds. */
export const cleanUpTimeoutMs = 10_000;

export interface SessionOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly journal: Journal;
  readonly connectNbd: typeof connectNbd;
}

export class QemuSession {
  readonly #made = new Map<string, number>();

  constructor(
    readonly qmp: QmpClient,
    readonly options: SessionOptions,
  ) {}

  get name(): string {
    return this.options.name;
  }

  get logger(): Logger {
    return this.options.logger;
  }

  get clock(): Clock {
    return this.options.clock;
  }

  /** A new name for something that a run makes: `migrascope-RUN-PURPOSE-N`. */
  newName(run: string, purpose: string): string {
    const count = (this.#made.get(purpose) ?? 0) + 1;
    this.#made.set(purpose, count);
    return `migrascope-${run}-${purpose}-${count}`;
  }

  /** Does what changes the host, after the journal has it. */
  async act<T>(change: Omit<HostChange, 'host'>, action: () => Promise<T>): Promise<T> {
    await this.options.journal.record({ host: this.name, ...change });
    return action();
  }

  /** Executes a command that changes something. Errors as `QmpClient.execute`. */
  change<C extends QmpCommandName>(
    run: string,
    command: C,
    args: QmpCommands[C]['arguments'],
    options?: ExecuteOptions,
  ): Promise<QmpCommands[C]['returns']> {
    return this.act({ run, action: command, arguments: args }, () =>
      this.qmp.execute(command, args, options),
    );
  }

  /** As {@link change} for cleaning up: in bounded time, content when what it removes is not there. */
  async remove<C extends QmpCommandName>(
    run: string,
    command: C,
    args: QmpCommands[C]['arguments'],
  ): Promise<void> {
    try {
      await this.change(run, command, args, { timeoutMs: cleanUpTimeoutMs });
    } catch (error) {
      if (!(error instanceof QmpCommandError) || !saysNotThere(error)) throw error;
    }
  }
}

/** Whether QEMU refused because the thing named does not exist. */
export function saysNotThere(error: QmpCommandError): boolean {
  return (
    error.errorClass === 'DeviceNotFound' ||
    /not found|Cannot find|Failed to find node|does not exist/i.test(error.description)
  );
}
