/** What the command is given to work with: streams, time, signals and connections. Tests hand in their own. */
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { EngineRequest, RunStatus } from '../engine/index.js';
import type { Connections, EngineLink, RecoveryWorld, ResumeOptions } from '../reach/types.js';

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

/** A signal that asks a process to end; SIGHUP where its terminal is gone. */
export type EndSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

export interface World {
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** A new run's id: 1 to 8 characters of `a-z0-9`. */
  newRun(): string;
  /** Connects nothing yet. @throws UsageError when `host` cannot be a host. */
  connections(host: string, run: string, logger: Logger): Promise<Connections>;
  /**
   * Starts the engine process of a run.
   * @throws UsageError when the host cannot be one, and as the run can't begin; CancelledError.
   */
  startEngine(request: EngineRequest, signal: AbortSignal): Promise<EngineLink>;
  /**
   * Reaches the run of that id, or the one whose id begins so; of one that ended, what it said.
   * @throws UsageError when there is none, or it is dead; CancelledError.
   */
  attach(run: string, signal: AbortSignal): Promise<EngineLink>;
  /**
   * Starts an engine process that goes on with the run of that id, whose process is dead.
   * @throws UsageError when there is none, or it is not dead; HypervisorError when it can't be gone
   * on with; CancelledError.
   */
  resume(run: string, how: ResumeOptions, logger: Logger, signal: AbortSignal): Promise<EngineLink>;
  /** How the newest `most` runs of this machine and user stand, the oldest of them first. */
  runs(most: number): Promise<readonly RunStatus[]>;
  /**
   * Deletes what is kept of the run of that id, or the one whose id begins so.
   * @throws UsageError when there is none, or it did not end, or left something.
   */
  forget(run: string): Promise<void>;
  recovery(logger: Logger): RecoveryWorld;
  /** Calls `listener` for each signal that asks the process to end; the returned function ends that. */
  onEndSignal(listener: (signal: EndSignal) => void): () => void;
  /** Calls `listener` when the process ends, whatever the reason; the returned function ends that. */
  onExit(listener: () => void): () => void;
  /** Ends the process at once. */
  exit(code: number): void;
}
