/** What the host of a plugin works with: which program it is, the process that runs it, and what is recorded. */
import type { Readable, Writable } from 'node:stream';
import type { Role } from './messages.generated.js';

/** A plugin as its manifest has it, and where that lies. Plain data: it travels to the engine process. */
export interface PluginDescription {
  /** By which it is chosen. */
  readonly name: string;
  readonly description?: string;
  readonly roles: readonly Role[];
  /** The program, found on PATH or in the folder, and its arguments; run without a shell. */
  readonly command: readonly string[];
  /** Names of variables of our environment that it gets beside the usual ones. */
  readonly environment: readonly string[];
  /** Further files of the folder whose change has it started anew. */
  readonly watch: readonly string[];
  /** Absolute; the program runs in it. */
  readonly folder: string;
}

/** A running plugin program. */
export interface PluginProcess {
  readonly input: Writable;
  readonly output: Readable;
  /** Its log. */
  readonly errors: Readable;
  /** Resolves when it has ended or could not be started; says how, as part of a sentence. */
  readonly exited: Promise<PluginExit>;
  /** Does nothing once it has ended. */
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

export interface PluginExit {
  /** How it ended, as part of a sentence: `ended with exit code 1`. */
  readonly how: string;
  /** Absent where it was ended by a signal or never started. */
  readonly code?: number;
}

/** Starts a plugin's program. Never throws: what fails is told by `exited`. */
export type StartPluginProcess = (description: PluginDescription) => PluginProcess;

/** A line that went over the wire. */
export interface ExchangedLine {
  /** On the host's clock, in milliseconds. */
  readonly at: number;
  readonly from: 'host' | 'plugin';
  /** Without its end. */
  readonly line: string;
}
