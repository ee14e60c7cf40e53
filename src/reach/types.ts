/** What reaching a host, a guest's probe, a destination and a run gives. */
import type { Duplex } from 'node:stream';
import type {
  EngineRequest,
  MigrationParts,
  RecoverParts,
  RunFolder,
  RunStatus,
} from '../engine/index.js';

/** How the engine reaches a host and a destination. */
export type Connections = Pick<
  MigrationParts,
  'connectHypervisor' | 'connectNbd' | 'connectProbe' | 'uploadProbe' | 'openDestination'
>;

/** A run's engine process, reached. */
export interface EngineLink {
  /** The run's id. */
  readonly run: string;
  /** A connection to its control socket. */
  readonly stream: Duplex;
}

/** How a run is gone on with; the rest is as it was begun. */
export type ResumeOptions = Pick<EngineRequest, 'guardian' | 'held' | 'onLimit'>;

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
