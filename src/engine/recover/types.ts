/** What is found of a run that is over without having put things back, and what is to be done about it. */
import type { Clock } from '../../base/clock.js';
import type { Logger } from '../../base/logger.js';
import type {
  GuestDisk,
  HostChange,
  Hypervisor,
  ImageState,
  Journal,
  Leftover,
  Machine,
  MadeImage,
  RunState,
} from '../../hypervisor/index.js';
import type { Debt } from '../guardian/resume-owed.js';
import type { ReplayedEvents } from '../continuation/index.js';
import type { DestinationRequest } from '../options.js';
import type { JournalEntry, JournalRecord, RunFolder, RunStatus } from '../runs/types.js';

/** How far a run was, by its journal. */
export type Stage =
  /** Nothing was changed anywhere. */
  | 'not-begun'
  | 'before-tracking'
  | 'in-rounds'
  /** The guest was paused, or about to be. */
  | 'paused'
  /** The switchover was begun, and it is not written whether it was done. */
  | 'switching'
  | 'switched';

/** What a journal tells of its run; see progress.ts. */
export interface Progress {
  readonly run: string;
  /** The host as the person gave it. */
  readonly host: string;
  /** Wall-clock time, ISO 8601. */
  readonly begunAt: string;
  readonly stage: Stage;
  /** The run had given the guest back its run state, and was about to put things back, or did. */
  readonly resumed: boolean;
  readonly cleaning: boolean;
  /** Whether the run owes its guest a resume. */
  readonly debt: Debt;
  /** What the guardian did last. */
  readonly guardian?: Extract<JournalRecord, { type: 'guardian' }>;
  readonly source?: Extract<JournalRecord, { type: 'source' }>;
  readonly switching?: Extract<JournalRecord, { type: 'switching' }>;
  /** Somebody who recovered it had found the guest on its source, with no job left that could change that. */
  readonly foundOnSource: boolean;
  readonly pivot: boolean;
  readonly destination: DestinationRequest;
  readonly changes: readonly HostChange[];
  /** The image that the run made, where it made one. */
  readonly image?: MadeImage;
}

/** How a host is now, as far as it matters to a run. */
export type HostView =
  /** Nobody was asked: the run changed nothing there. */
  | { readonly state: 'not-asked' }
  | {
      readonly state: 'reached';
      readonly runState: RunState;
      readonly disks: readonly GuestDisk[];
      /** Of this run alone. */
      readonly leftovers: readonly Leftover[];
    }
  /** The hypervisor has ended, and its guest with it. */
  | { readonly state: 'gone'; readonly reason: string }
  | { readonly state: 'unreachable'; readonly reason: string };

/** How this machine is now, as far as it matters to a run. */
export interface MachineView {
  readonly leftovers: readonly Leftover[];
  /** Absent where the run made no image, or it is another machine's. */
  readonly image?: ImageState;
}

/** Something that will be done. */
export type Step =
  | { readonly action: 'resume-guest'; readonly what: string }
  /** In the hypervisor. */
  | {
      readonly action: 'remove-leftovers';
      readonly what: string;
      readonly leftovers: readonly Leftover[];
    }
  /** On this machine. */
  | {
      readonly action: 'remove-here';
      readonly what: string;
      readonly leftovers: readonly Leftover[];
    }
  | { readonly action: 'delete-image'; readonly what: string; readonly path: string }
  | { readonly action: 'close-journal'; readonly what: string };

export type StepAction = Step['action'];

/** A part of what is found: a word for programs, a sentence for people. */
export interface Finding<State extends string> {
  readonly state: State;
  readonly text: string;
}

export type GuestFinding = Finding<'running' | 'paused' | 'other' | 'gone' | 'unknown'>;
/** `current`: it has what the guest wrote last. `stale`: it had. */
export type SourceFinding = Finding<'current' | 'stale' | 'unknown'>;
export type DestinationFinding = Finding<
  /** There is none, or nothing was sent to it. */
  | 'empty'
  | 'incomplete'
  /** Incomplete or a copy: it is not written. */
  | 'uncertain'
  /** What the disk was at one moment, and complete. */
  | 'copy'
  | 'current'
  | 'unknown'
>;

/** A run that is to be recovered, in words. */
export interface Recovery {
  readonly run: string;
  /** `dead`: it did not end. `ended`: it did, and left something. `no-journal`: nothing is known of it here. */
  readonly state: 'dead' | 'ended' | 'no-journal';
  /** As the person gave it. */
  readonly host: string;
  /** Of what to what, for people. */
  readonly title: string;
  readonly happened: string;
  /** Absent where there is no journal of a dead run. */
  readonly guest?: GuestFinding;
  readonly source?: SourceFinding;
  readonly destination?: DestinationFinding;
  /** Whether another process can go on with the run; absent where there is no journal of a dead run. */
  readonly resume?: Finding<'possible' | 'impossible'>;
  /** What a person has to know or to do. */
  readonly notes: readonly string[];
  /** In the order in which they are done; none where nothing can be done. */
  readonly steps: readonly Step[];
  /** Why nothing can be done now. */
  readonly blocked?: string;
}

/** What became of a step. */
export interface StepOutcome {
  readonly step: Step;
  readonly outcome: 'done' | 'failed' | 'skipped';
  /** Why it was not done, or not wholly. */
  readonly reason?: string;
}

export interface RecoveryResult {
  /** As it was found just before it was done. */
  readonly recovery: Recovery;
  readonly outcomes: readonly StepOutcome[];
  /** Whether nothing is left to do. */
  readonly complete: boolean;
}

/** A hypervisor as it was reached, or why it was not. */
export type Reached =
  | { readonly state: 'reached'; readonly hypervisor: Hypervisor }
  | { readonly state: 'gone' | 'unreachable'; readonly reason: string };

/** The world outside the engine, for recovering. */
export interface RecoverParts {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Wall-clock time. */
  readonly today: () => Date;
  readonly machine: Machine;
  /**
   * Connects to the hypervisor of a run; what it opens is closed by the engine.
   * @param host as the person gave it; `hypervisor` as the run had it, where it came so far.
   * @param journal is told of each change before it is made.
   * @throws UsageError when the host is not known here any more; CancelledError.
   */
  reach(
    where: { readonly host: string; readonly hypervisor?: string },
    journal: Journal,
    signal: AbortSignal,
  ): Promise<Reached>;
  /** Whether the paths of that hypervisor are paths of this machine. */
  isLocal(hypervisor: string): Promise<boolean>;
  status(folder: RunFolder, signal: AbortSignal): Promise<RunStatus>;
  readJournal(folder: RunFolder): Promise<readonly JournalRecord[]>;
  /** How far a run was. @throws HypervisorError, JournalError, ProtocolError when its events don't tell. */
  readEvents(folder: RunFolder): Promise<ReplayedEvents>;
  /** Adds a record to a dead run's journal; it is on the disk when this resolves. */
  appendJournal(folder: RunFolder, entry: JournalEntry): Promise<void>;
}
