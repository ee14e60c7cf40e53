/** What a view shows, where in it a person goes, and what can be asked of what is shown. */
import type { Text } from './words.js';

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
