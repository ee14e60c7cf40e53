/**
 * The contract between an editor's extension and the service: a process beside the editor that does
 * the work, so that the editor never waits. Requests and notes go over the channel of a forked
 * process with `serialization: 'advanced'`, so typed arrays travel as they are.
 *
 * One program serves two uses: a shared service looks at hosts and runs; each opened run, trace or
 * watched disk has a service of its own, which is told to open it as its first request, and ends
 * with its view.
 */
import type { ErrorKind } from '../base/errors.js';
import type {
  BeginFacts,
  EventForecast,
  EventLimits,
  MigrationOptions,
  SteeringCommand,
} from '../engine/index.js';
import type { LayerName } from '../heatmap/index.js';

/** A text that can be put into another language: `{0}`, `{1}` … in it are replaced by `args`. */
export interface Text {
  readonly template: string;
  readonly args: readonly (string | number)[];
}

// ---------------------------------------------------------------- hosts, lab and runs

export interface DiskInfo {
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  readonly format: string;
  readonly image: string;
  readonly readOnly: boolean;
}

/** What is known of the guest's probe. */
export type ProbeInfoLook =
  | { readonly state: 'connected'; readonly method: string; readonly kernel: string }
  /** The guest has a port for one; nobody asked it yet. */
  | { readonly state: 'port' }
  | { readonly state: 'absent'; readonly reason: string };

/** One short look at a host. */
export interface HostLook {
  /** What kind of hypervisor, for people, such as `QEMU 7.2.17`. */
  readonly hypervisor: string;
  /** Whether the guest's processors run. */
  readonly running: boolean;
  /** The hypervisor's own word. */
  readonly status: string;
  readonly disks: readonly DiskInfo[];
  readonly probe: ProbeInfoLook;
  /** What a person should know before it is used. */
  readonly warnings: readonly string[];
}

/** A host that was found in the usual places, to be offered. */
export interface FoundHost {
  /** An address, or the name of a lab guest or of the hosts file. */
  readonly host: string;
  readonly kind: 'socket' | 'lab' | 'hosts-file';
  /** Where it was found, for people. */
  readonly detail: string;
}

export interface LabGuestInfo {
  readonly name: string;
  readonly kind: 'qemu' | 'simulated';
  readonly workload: string;
}

export interface SimulatedGuestRequest {
  /** 1 to 32 characters of `a-z0-9-`. */
  readonly name: string;
  /** A built-in workload, or the path of a description. */
  readonly workload: string;
  /** Bytes. */
  readonly size: number;
  /** Of the page cache, in bytes. */
  readonly memory: number;
  readonly seed: number;
  /** How much faster than real time the guest goes. */
  readonly speed: number;
}

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

// ---------------------------------------------------------------- a view of a run, a trace, a disk

/** What a view shows. */
export type ViewSource =
  /** A run that goes on, or one that ended: its control socket and its events. */
  | { readonly type: 'run'; readonly run: string }
  | { readonly type: 'trace'; readonly path: string }
  /** A disk of a guest that is looked at every `intervalMs`, with nothing changed. */
  | {
      readonly type: 'watch';
      readonly host: string;
      readonly disk: string;
      /** Bytes of a block. */
      readonly granularity: number;
      readonly intervalMs: number;
    };

/**
 * What does not change while a source is shown. Comes when it is known, and before everything else
 * but the `moment` and `timeline` of a run that has not found its disk yet, such as one that is held
 * at its first statement; their legend is zeroes.
 */
export interface HeaderNote {
  readonly type: 'header';
  readonly kind: ViewSource['type'];
  /** For people: the run's id, the file's name, host and disk. */
  readonly title: string;
  readonly host: string;
  readonly disk: { readonly name: string; readonly size: number; readonly image: string };
  /** Bytes of a block. */
  readonly granularity: number;
  /** Of the disk. */
  readonly blocks: number;
  /** Blocks of a cell: a power of 4; 1 unless the disk has more than 16,777,216 blocks. */
  readonly blocksPerCell: number;
  readonly cells: number;
  /** Absent for a watched disk. */
  readonly run?: {
    readonly id: string;
    readonly policy: string;
    readonly destination: string;
    readonly startedAt: string;
    readonly pivot: boolean;
    readonly verify: 'sent' | 'full' | 'none';
    /** Its program: the statements from 1 on. */
    readonly program: readonly string[];
  };
}

/**
 * How the cells changed from what the view had to what it is to show; a view begins with zeroes.
 * At most ten a second, in proportion to what changed.
 */
export interface CellsNote {
  readonly type: 'cells';
  /** Number of the event after which the map is so. */
  readonly seq: number;
  /** Triples: first cell, number of cells, word that they all have. Ascending, without overlap. */
  readonly runs: Uint32Array;
  /** Where runs would be longer than their cells: first cell, and a word for each from there on. */
  readonly dense: readonly { readonly first: number; readonly words: Uint32Array }[];
}

/** A round as a row; the last one may go on still. */
export interface RoundFigures {
  readonly round: number;
  readonly final: boolean;
  readonly running: boolean;
  readonly sentBytes: number;
  readonly resentBytes: number;
  readonly deferredBytes: number;
  readonly pendingBytes: number;
  readonly dirtyRate: number;
  readonly bandwidth: number;
  readonly durationMs: number;
  readonly forecast?: EventForecast;
}

/** The figures of the moment that is shown. */
export interface MomentNote {
  readonly type: 'moment';
  /** Number of the event after which it is so. */
  readonly seq: number;
  /** Milliseconds of the run. */
  readonly t: number;
  /** Whether it is the newest moment, and the view follows what comes. */
  readonly live: boolean;
  /** Statement 1 to 18, or 0 before the first; the one that comes next while `heldSince` is set. */
  readonly line: number;
  readonly round: number;
  readonly batch: number;
  /** Milliseconds of the run. */
  readonly heldSince?: number;
  readonly pausedSince?: number;
  readonly pausedByOther: boolean;
  readonly pendingBytes: number;
  readonly deferredBytes: number;
  readonly sentBytes: number;
  readonly resentBytes: number;
  readonly batchPlannedBytes: number;
  readonly batchSentBytes: number;
  readonly dirtyRate: number;
  readonly bandwidth: number;
  readonly forecast?: EventForecast;
  readonly limits?: EventLimits;
  readonly probe?: { readonly state: 'connected' | 'lost' | 'absent'; readonly message: string };
  /** The newest look at the page cache. */
  readonly cache?: {
    readonly t: number;
    readonly dirtyBytes: number;
    readonly writebackBytes: number;
    readonly cleanBytes: number;
    readonly unmappedBytes: Readonly<Record<string, number>>;
  };
  /** Bytes of the disk in each state of each layer, in the order of LAYERS. */
  readonly legend: Readonly<Record<LayerName, readonly number[]>>;
  /** Why blocks are put off; the place in the list is the number of the reason in a word. */
  readonly reasons: readonly {
    readonly reason: string;
    readonly text: Text;
    readonly bytes: number;
  }[];
  readonly rounds: readonly RoundFigures[];
  readonly verdict?: {
    readonly converged: boolean;
    readonly message: string;
    readonly pendingBytes: number;
    readonly downtimeMs: number;
    /** Whether the run waits for an answer. */
    readonly asks: boolean;
  };
  readonly switchedOver: boolean;
  readonly error?: { readonly kind: string; readonly message: string; readonly hint?: string };
  readonly summary?: SummaryFigures;
  /** Lines for the person, oldest first. */
  readonly notes: readonly { readonly message: string; readonly hint?: string }[];
}

export interface SummaryFigures {
  readonly outcome: 'completed' | 'cancelled' | 'failed';
  readonly sentBytes: number;
  readonly resentBytes: number;
  readonly distinctBytes: number;
  readonly zeroBytes: number;
  readonly deferredBytes: number;
  readonly sendAmplification: number;
  readonly rounds: number;
  readonly totalMs: number;
  readonly downtimeMs: number;
  readonly heldMs: number;
  readonly converged: boolean;
  readonly verified: boolean;
  readonly verifiedBytes: number;
  readonly switchedOver: boolean;
  readonly guest: 'running' | 'paused' | 'gone' | 'unknown';
  readonly plainBytes: number | null;
  readonly plainIsLowerBound: boolean;
  /** Why it took as long and sent as much as it did, most important first. */
  readonly why: readonly Text[];
}

/** A moment that a person may want to go to. */
export interface Mark {
  readonly seq: number;
  readonly t: number;
  readonly kind:
    | 'round'
    | 'held'
    | 'drain'
    | 'paused'
    | 'resumed'
    | 'verdict'
    | 'switchover'
    | 'taken-over'
    | 'warning'
    | 'error'
    | 'summary';
  /** The round that begins there; absent for other marks. */
  readonly round?: number;
}

/** How long what is recorded is. */
export interface TimelineNote {
  readonly type: 'timeline';
  /** Number of events so far. */
  readonly events: number;
  /** Milliseconds of the run at the newest event. */
  readonly t: number;
  /** Whether more may come. */
  readonly alive: boolean;
  /** Marks from number `from` on; those before stay. */
  readonly marks: { readonly from: number; readonly added: readonly Mark[] };
}

/** The figures over time, for the charts; columns of the same length. NaN where a figure is not known. */
export interface SeriesNote {
  readonly type: 'series';
  /** Points from number `from` on; those before stay, those after it go. At most 4,000 in all. */
  readonly from: number;
  readonly columns: {
    /** Milliseconds of the run. */
    readonly t: Float64Array;
    readonly pending: Float64Array;
    readonly deferred: Float64Array;
    /** Bytes a second. */
    readonly dirtyRate: Float64Array;
    readonly bandwidth: Float64Array;
    /** Bytes since the beginning. */
    readonly sent: Float64Array;
    readonly resent: Float64Array;
    /** Bytes in the guest's page cache. */
    readonly cacheDirty: Float64Array;
    /** What was forecast then: milliseconds until the end, and of the pause. */
    readonly remaining: Float64Array;
    readonly downtime: Float64Array;
  };
}

/** The source can't be followed any more, or it could not be read to its end. What is shown stays. */
export interface TroubleNote {
  readonly type: 'trouble';
  readonly error: Fault;
  /** Whether it is tried again by itself: the next `moment` says that it is over. */
  readonly passing?: boolean;
}

/** What a view is told without asking. */
export type ViewNote =
  HeaderNote | CellsNote | MomentNote | TimelineNote | SeriesNote | TroubleNote;

/** Where to go in time. */
export type SeekTarget =
  | { readonly to: 'live' }
  | { readonly to: 'seq'; readonly seq: number }
  | { readonly to: 'time'; readonly t: number }
  /** From the moment that is shown. */
  | {
      readonly to: 'next' | 'previous';
      readonly unit: 'event' | 'statement' | 'batch' | 'round';
    };

/** One thing that happened to a block. */
export interface BlockEvent {
  readonly seq: number;
  readonly t: number;
  readonly round: number;
  readonly what:
    'allocated' | 'dirty' | 'planned' | 'deferred' | 'sent' | 'cache-dirty' | 'cache-writeback';
  /** Of a deferral. */
  readonly reason?: string;
}

/** What a person can know of a block at the moment that is shown. */
export interface BlockDetail {
  readonly block: number;
  /** In bytes of the virtual disk. */
  readonly offset: number;
  readonly length: number;
  readonly word: number;
  /** The newest file that a look at the page cache told of there. */
  readonly file?: {
    readonly path: string;
    readonly inode: number;
    readonly fileSystem: string;
    /** Offset in the file of the block's first byte that is known, in bytes; absent where not told. */
    readonly fileOffset?: number;
  };
  /** Why it is put off, or why it has to be sent again. */
  readonly why: readonly Text[];
  /** Oldest first; the newest 200 at most. */
  readonly history: readonly BlockEvent[];
  /** Whether there are older ones. */
  readonly more: boolean;
}

/** A guest file over the rounds up to the moment that is shown. */
export interface FileFigures {
  readonly id: string;
  readonly path: string;
  readonly fileSystem: string;
  readonly inode: number;
  /** Bytes of whole blocks. */
  readonly cachedBytes: number;
  readonly dirtyBytes: number;
  readonly sentBytes: number;
  readonly resentBytes: number;
}

/** A run of cells that belongs to a file. */
export interface FileRegion {
  readonly id: string;
  readonly path: string;
  /** Pairs: first cell, number of cells. */
  readonly cells: Uint32Array;
}

/** How a request failed. */
export interface Fault {
  readonly kind: ErrorKind | 'internal';
  readonly message: string;
  readonly hint?: string;
}

/** Every request: what it takes, and what its reply is. */
export interface ServiceRequests {
  /** Connects, looks and lets go; changes nothing. Cancelled after `timeoutMs`. */
  'host.look': {
    params: { readonly host: string; readonly timeoutMs: number };
    result: HostLook;
  };
  /** Sockets in the usual places, guests of the lab and names of the hosts file. Connects nothing. */
  'host.find': { params: Record<string, never>; result: readonly FoundHost[] };
  'lab.list': { params: Record<string, never>; result: readonly LabGuestInfo[] };
  'lab.up': { params: SimulatedGuestRequest; result: LabGuestInfo };
  'lab.down': { params: { readonly name: string }; result: undefined };
  /** The newest `most` runs, the newest first. */
  'run.list': { params: { readonly most: number }; result: readonly RunInfo[] };
  'run.start': { params: StartRequest; result: { readonly run: string } };
  'run.tell': {
    params: { readonly run: string; readonly command: SteeringCommand };
    result: undefined;
  };
  /** Goes on with a dead run. */
  'run.resume': { params: { readonly run: string; readonly held: boolean }; result: undefined };
  'run.forget': { params: { readonly run: string }; result: undefined };
  /** What dead runs left, and what would be done about it; changes nothing. */
  'run.findings': { params: { readonly run: string }; result: RecoveryInfo };
  /** Does what `run.findings` said; the lines say what was done. */
  'run.recover': { params: { readonly run: string }; result: readonly string[] };

  /** Opens the source; notes follow. Once a process. */
  'view.open': { params: ViewSource; result: undefined };
  /** Goes to a moment; notes `cells` and `moment` come before the reply. */
  'view.seek': { params: SeekTarget; result: { readonly seq: number; readonly t: number } };
  /** A block by its number, or the first of a cell. */
  'view.block': { params: { readonly block: number }; result: BlockDetail };
  /** Most re-sent bytes first; at most `most`. */
  'view.files': { params: { readonly most: number }; result: readonly FileFigures[] };
  /** Files that have blocks among the cells, for drawing; at most 200, the largest first. */
  'view.regions': {
    params: { readonly first: number; readonly count: number };
    result: readonly FileRegion[];
  };
  /** All cells of the file that was seen so far. */
  'view.file': { params: { readonly id: string }; result: FileRegion };
  /** Tells the run that is shown something. */
  'view.tell': { params: SteeringCommand; result: undefined };
  /** The rounds, or the series, as comma-separated values (RFC 4180). */
  'view.csv': { params: { readonly what: 'rounds' | 'series' | 'files' }; result: string };
}

export type ServiceMethod = keyof ServiceRequests;

/** From the extension to the service. */
export interface ServiceRequest<Method extends ServiceMethod = ServiceMethod> {
  readonly id: number;
  readonly method: Method;
  readonly params: ServiceRequests[Method]['params'];
}

/** Takes back a request that has no reply yet; its reply is a fault of kind `cancelled` then. */
export interface ServiceCancel {
  readonly cancel: number;
}

/** From the service to the extension. */
export type ServiceMessage =
  | { readonly reply: number; readonly result: unknown }
  | { readonly reply: number; readonly fault: Fault }
  | { readonly note: ViewNote }
  | {
      readonly log: {
        readonly level: 'debug' | 'info' | 'warn' | 'error';
        readonly message: string;
      };
    };

export type { BeginFacts, EventForecast, EventLimits, MigrationOptions, SteeringCommand };
