/** What a run leaves on this machine: its folder, and the records of its journal (protocol/JOURNAL.md). */
import type { HostChange, RunState } from '../../hypervisor/types.js';
import type { MigrationOptions } from '../options.js';

/** Where a run keeps what is its own, all of it readable by its user alone. */
export interface RunFolder {
  /** The run's id. */
  readonly run: string;
  /** Absolute. */
  readonly path: string;
  /** Path of the unix socket on which its engine process listens; who listens there holds the run's lock. */
  readonly controlSocket: string;
  /** Path of the journal, JSON lines. */
  readonly journal: string;
  /** Path of the events, JSON lines. */
  readonly events: string;
  /** Path of the engine process's log. */
  readonly log: string;
}

/** A process, so named that no later one can be taken for it. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Of /proc/PID/stat, in clock ticks since the machine started; absent where there is no /proc. */
  readonly startTime?: string;
  /** Of this start of the machine; absent where there is no /proc. */
  readonly bootId?: string;
  /** The numbering that `pid` belongs to; absent where there is no /proc. */
  readonly pidNamespace?: string;
  /** Name of the machine. */
  readonly machine: string;
}

/** What is known of a run when it begins. */
export interface BeginFacts {
  readonly run: string;
  /** Of Migrascope. */
  readonly version: string;
  /** The host, as the person gave it. */
  readonly host: string;
  /** Of the process that owns the run. */
  readonly process: ProcessIdentity;
  /** With the disk and the destination. */
  readonly options: MigrationOptions;
}

/** What goes on with the switchover: another disk in the same hypervisor, or the guest in another one. */
export type SwitchoverScope = 'disk' | 'guest';

/** Where a migration stands, as far as somebody has to know who finds it dead. */
export type Milestone =
  /** The disk that is moved, as the hypervisor named it; nothing was changed yet. */
  | {
      readonly type: 'source';
      readonly hypervisor: string;
      readonly disk: string;
      readonly image: string;
      readonly format: string;
      /** In bytes. */
      readonly size: number;
    }
  /** Before the first bitmap. */
  | { readonly type: 'tracking' }
  /** Before the guest is paused; where it ran before, a resume is owed from here to `resumed`. */
  | { readonly type: 'pausing'; readonly before: RunState }
  /** After it stands. */
  | { readonly type: 'paused' }
  /** Before the switchover. */
  | {
      readonly type: 'switching';
      readonly scope: SwitchoverScope;
      readonly from: string;
      readonly to: string;
    }
  /** After the switchover: it is committed. */
  | { readonly type: 'switched'; readonly scope: SwitchoverScope; readonly disk: string }
  /** After the guest has the run state again that it had. */
  | { readonly type: 'resumed' }
  /** Before things are put back. */
  | { readonly type: 'cleaning' }
  /** The last thing that a run's process does. */
  | {
      readonly type: 'end';
      readonly outcome: 'completed' | 'failed' | 'cancelled';
      readonly switchedOver: boolean;
      readonly guest: string;
      readonly error?: { readonly kind: string; readonly message: string };
      /** What could not be put back, in words. */
      readonly leftBehind: readonly string[];
    };

/** What the guardian does once the lease is lost. */
export interface GuardianAct {
  readonly type: 'guardian';
  readonly act: 'lost' | 'fenced' | 'resumed' | 'left' | 'gave-up';
  /** In words: why, and what it found. */
  readonly message: string;
}

/** What stands in a journal, without its number and times. */
export type JournalEntry =
  | ({ readonly type: 'begin' } & BeginFacts)
  /** Another process goes on with the run, whose process is dead. */
  | ({ readonly type: 'taken-over' } & Pick<BeginFacts, 'version' | 'process'>)
  | ({ readonly type: 'change' } & HostChange)
  | Milestone
  | GuardianAct;

/** One line of a journal. */
export type JournalRecord = {
  /** Wall-clock time, ISO 8601. */
  readonly at: string;
  /** Milliseconds on the writer's monotonic clock; comparable within one writer. */
  readonly monotonicMs: number;
  /** The line before was torn by a failed or interrupted write, and is not to be read. */
  readonly afterTorn?: true;
} & JournalEntry;

/** Takes the milestones of a migration. */
export interface MilestoneJournal {
  /**
   * Resolves when the milestone is on the disk.
   * @throws JournalError when it could not be written.
   */
  note(milestone: Milestone): Promise<void>;
}

/** How a run stands, as far as it can be told from here. */
export interface RunStatus {
  readonly run: string;
  /** `dead` is said only where it is proven; `unknown` where it can't be told, with the reason. */
  readonly state: 'running' | 'ended' | 'dead' | 'unknown';
  /** Why, as a sentence. */
  readonly reason: string;
  /** Absent where the journal has none, or can't be read. */
  readonly begin?: Extract<JournalRecord, { type: 'begin' }>;
  /** The process that owns the run: of `begin`, or who took it over last. */
  readonly owner?: ProcessIdentity;
  readonly end?: Extract<JournalRecord, { type: 'end' }>;
  /** The newest record of the journal. */
  readonly last?: JournalRecord;
}
