/** What a migration is asked to do, and what it is given to do it with. */
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { FileIdentity } from '../hypervisor/index.js';
import type {
  Destination,
  Hypervisor,
  PivotOptions,
  ProbeAddress,
  Reopening,
} from '../hypervisor/types.js';
import type { NbdConnection } from '../nbd/types.js';
import type { Probe } from '../probe/types.js';
import type { Replayed } from './continuation/replay.js';
import type { CommandEvent, EventLimits, EventSink, Verdict } from './events.js';
import type { Gate } from './gate.js';
import type { PluginDescription, PluginParts } from '../plugin/index.js';
import type { Around, Policy } from './policy/index.js';
import type { Lease } from './guardian/types.js';
import type { MilestoneJournal } from './runs/types.js';

export type PolicyName = 'plain' | 'history' | 'cache';

/** What to compare: what was sent and not written since; the whole disk while paused; nothing. */
export type VerifyMode = 'sent' | 'full' | 'none';

/** Where the disk goes. */
export type DestinationRequest =
  | {
      readonly type: 'file';
      readonly path: string;
      readonly format: 'raw' | 'qcow2';
      /** Use an image that is there and holds data. */
      readonly overwrite: boolean;
      /** How the guest's QEMU opens the image, where it is to differ from the source; for a pivot. */
      readonly tuning?: Pick<PivotOptions, 'cacheDirect' | 'discard' | 'aio'>;
    }
  | { readonly type: 'nbd'; readonly uri: string };

/** How the run's plugins are started, and on which clock. */
export interface PluginWorld extends Pick<PluginParts, 'start' | 'fingerprint' | 'version'> {
  /** The engine's own unless told. */
  readonly clock?: Clock;
  /** Has something done while a simulated clock stands; needed only where there is one. */
  readonly around?: Around;
}

export interface MigrationOptions {
  /** Name or alias of the guest's disk. */
  readonly disk: string;
  readonly destination: DestinationRequest;
  readonly policy: PolicyName;
  /** Makes the plans instead of `policy`, which makes them where the plugin is at fault. */
  readonly plugin?: PluginDescription;
  /** In bytes a second; absent is no cap. */
  readonly maxBandwidth?: number;
  /** In milliseconds. */
  readonly downtimeLimitMs: number;
  /** Bytes of a block: a power of two, 4 KiB to 16 MiB. */
  readonly granularity: number;
  /** After so many rounds without convergence, `decide` is asked. */
  readonly maxRounds: number;
  readonly verify: VerifyMode;
  /** The guest goes on with the destination; needs a `file` destination. */
  readonly pivot: boolean;
  /** The guest discards what no file uses first. */
  readonly trim: boolean;
}

export const DEFAULTS = {
  policy: 'cache',
  downtimeLimitMs: 300,
  granularity: 64 * 1024,
  maxRounds: 30,
  verify: 'sent',
} as const;

/** What to do about a migration that does not converge. */
export type Decision = 'more-rounds' | 'pause-anyway' | 'cancel';

/** A run that another process had begun, and that this one goes on with. */
export interface Continuation extends Replayed {
  /** How many events there are already. */
  readonly events: number;
  /** The image that the run made, where it made one. */
  readonly made?: FileIdentity;
  /** How long ago its process wrote its last event, in milliseconds. */
  readonly agoMs: number;
}

/** A run that goes on, for who controls it. */
export interface RunHandle {
  /** As they are now. */
  readonly limits: EventLimits;
  /** Changes those that are named, from the next statement or sooner; `maxBandwidth` null is no cap. */
  changeLimits(change: Partial<EventLimits>): void;
  /** Tells everybody what a controller did. */
  emit(event: Omit<CommandEvent, 'seq' | 't'>): void;
}

/** The world outside the engine. */
export interface MigrationParts {
  /** Is called at statement 1; what it opens is closed by the engine. */
  connectHypervisor(signal: AbortSignal): Promise<Hypervisor>;
  connectNbd(
    uri: string,
    options: { readonly metaContexts?: readonly string[]; readonly signal?: AbortSignal },
  ): Promise<NbdConnection>;
  connectProbe(address: ProbeAddress, signal: AbortSignal): Promise<Probe>;
  /** Starts a probe through the guest's agent at that address; without it, none is started. */
  uploadProbe?(agent: ProbeAddress, signal: AbortSignal): Promise<void>;
  /** Opens a destination that is not a pivot. */
  openDestination(
    request: DestinationRequest,
    disk: { readonly size: number; readonly reopens?: Reopening },
    signal: AbortSignal,
  ): Promise<Destination>;
  /** Makes the plans instead of `options.policy`: a policy in this process. */
  readonly policy?: Policy;
  /** Without it, no plugin is started. */
  readonly plugins?: PluginWorld;
  readonly gate: Gate;
  /** Takes every event. */
  readonly sink: EventSink;
  /** Is told where the migration stands, before it goes on; without it, nobody is. */
  readonly journal?: MilestoneJournal;
  /** Has a guardian watch over the guest while the program has it paused; without it, nobody does. */
  readonly lease?: Lease;
  /** Is given the run when it begins, before its first statement. */
  onBegin?(run: RunHandle): void;
  /** Is asked when the limit of rounds is reached; without it the answer is `cancel`. */
  decide?(verdict: Verdict): Promise<Decision>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The run's id: 1 to 8 characters of `a-z0-9`. */
  readonly run: string;
  /** Wall-clock time at which the run starts. */
  readonly startedAt: Date;
  /** Where the run was when its process died; absent for a run that begins. */
  readonly continuation?: Continuation;
  /** Cancels the migration. */
  readonly signal: AbortSignal;
}
