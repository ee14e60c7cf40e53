/** What the service tells of runs, and what it takes to begin one. */
import type { MigrationOptions } from '../../engine/index.js';

/** A run of this machine and user. */
export interface RunInfo {
  readonly run: string;
  readonly state: 'running' | 'ended' | 'dead' | 'unknown';
  /** Why, as a sentence. */
  readonly reason: string;
  readonly host?: string;
  readonly disk?: string;
  readonly destination?: string;
  readonly policy?: string;
  /** Wall-clock time, ISO 8601. */
  readonly startedAt?: string;
  readonly outcome?: 'completed' | 'failed' | 'cancelled';
  /** Path of its events, JSON lines; they can be opened as a trace. */
  readonly events: string;
}

export interface StartRequest {
  readonly host: string;
  readonly options: MigrationOptions;
  /** Whether the program stands at its first statement. */
  readonly held: boolean;
  readonly guardian: boolean;
  /** Absolute path of a new file that takes every event. */
  readonly trace?: string;
}

/** What `recover` found, in words, and what it would do. */
export interface RecoveryInfo {
  readonly run: string;
  /** In what state the guest and the disks are. */
  readonly findings: readonly string[];
  /** What would be done on consent; empty where nothing is left. */
  readonly steps: readonly string[];
  /** Whether the run can be gone on with instead. */
  readonly resumable: boolean;
}
