/** What a view is told without asking: notes. */
import type { EventForecast, EventLimits } from '../../engine/index.js';
import type { LayerName } from '../../heatmap/index.js';
import type { RoundRow } from '../../progress/index.js';
import type { ViewSource } from './view.js';
import type { Fault, Text } from './words.js';

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
export type RoundFigures = RoundRow;

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
