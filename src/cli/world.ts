/** What the command is given to work with: streams, time, signals and connections. Tests hand in their own. */
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type {
  migrate,
  MigrationOptions,
  MigrationParts,
  RecoverParts,
  RunFolder,
  RunStatus,
} from '../engine/index.js';

/** A stream that people or programs read. */
export type Output = NodeJS.WritableStream & {
  readonly isTTY?: boolean;
  /** Of the terminal, in characters. */
  readonly columns?: number;
  readonly rows?: number;
};

/** A stream that keys come from. */
export type Input = NodeJS.ReadableStream & {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
};

/** How the engine reaches a host and a destination. */
export type Connections = Pick<
  MigrationParts,
  'connectHypervisor' | 'connectNbd' | 'connectProbe' | 'uploadProbe' | 'openDestination'
>;

/** What one migration is given: its connections, the journal of what it does, the guest's guardian. */
export interface RunParts extends Connections, Pick<MigrationParts, 'journal' | 'lease'> {
  /** Lets go of the journal. Never throws. */
  close(): Promise<void>;
}

/** A migration that is about to begin. */
export interface RunRequest {
  /** An address, a name of the hosts file, or the name of a lab guest that runs. */
  readonly host: string;
  /** The run's id. */
  readonly run: string;
  readonly options: MigrationOptions;
  /** Whether a process of its own resumes a guest that this one leaves paused. */
  readonly guardian: boolean;
}

/** A run of this machine and user. */
export interface KnownRun {
  readonly folder: RunFolder;
  readonly status: RunStatus;
}

/** What `recover` works with. */
export interface RecoveryWorld extends RecoverParts {
  /** All runs of this machine and user, the oldest first. */
  runs(signal: AbortSignal): Promise<readonly KnownRun[]>;
  /**
   * The name of the hypervisor that a person means by `host`.
   * @throws UsageError when it is no address and no name of the hosts file.
   */
  hypervisorOf(host: string): Promise<string>;
}

export interface World {
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Wall-clock time. */
  today(): Date;
  /** A new run's id: 1 to 8 characters of `a-z0-9`. */
  newRun(): string;
  readonly migrate: typeof migrate;
  /** Connects nothing yet. @throws UsageError when `host` cannot be a host. */
  connections(host: string, run: string, logger: Logger): Promise<Connections>;
  /**
   * Begins a run's journal; connects nothing yet.
   * @throws UsageError when the host cannot be one; JournalError when there can be no journal.
   */
  openRun(request: RunRequest, logger: Logger): Promise<RunParts>;
  /** How the newest `most` runs of this machine and user stand, the oldest of them first. */
  runs(most: number): Promise<readonly RunStatus[]>;
  recovery(logger: Logger): RecoveryWorld;
  /** Calls `listener` for each signal that asks the process to end; the returned function ends that. */
  onEndSignal(listener: () => void): () => void;
  /** Calls `listener` when the process ends, whatever the reason; the returned function ends that. */
  onExit(listener: () => void): () => void;
  /** Ends the process at once. */
  exit(code: number): void;
}
