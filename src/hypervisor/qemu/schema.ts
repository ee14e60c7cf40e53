/**
 * The part of QEMU's QAPI schema that Migrascope uses: names, members and types as in
 * qapi/*.json of QEMU (QEMU QMP Reference Manual). Members that are not used are left out.
 * Sizes and offsets are in bytes.
 */
import type { BlockdevCreateOptions, BlockdevOptions } from './schema-blockdev.js';

export type { BlockdevCreateOptions, BlockdevOptions } from './schema-blockdev.js';

/** No arguments, or no answer. */
export type Empty = Readonly<Record<string, never>>;

export interface VersionInfo {
  readonly qemu: { readonly major: number; readonly minor: number; readonly micro: number };
  readonly package: string;
}

/** QAPI `StatusInfo`; `status` is a `RunState`. */
export interface StatusInfo {
  readonly running: boolean;
  readonly status: string;
}

export interface BlockDirtyInfo {
  readonly name?: string;
  readonly count: number;
  readonly granularity: number;
  readonly recording: boolean;
  readonly busy: boolean;
  readonly persistent: boolean;
}

export interface BlockdevCacheInfo {
  readonly writeback: boolean;
  readonly direct: boolean;
  readonly 'no-flush': boolean;
}

export type BlockdevDetectZeroesOptions = 'off' | 'on' | 'unmap';

export interface BlockDeviceInfo {
  readonly file: string;
  readonly 'node-name'?: string;
  readonly ro: boolean;
  readonly drv: string;
  readonly detect_zeroes: BlockdevDetectZeroesOptions;
  readonly cache: BlockdevCacheInfo;
  readonly image: {
    readonly filename: string;
    readonly format: string;
    readonly 'virtual-size': number;
  };
  readonly 'dirty-bitmaps'?: readonly BlockDirtyInfo[];
}

export interface BlockInfo {
  /** Name of the block backend; empty for a device that names a node itself. */
  readonly device: string;
  /** QOM path of the device; absent while no device is attached. */
  readonly qdev?: string;
  readonly removable: boolean;
  readonly inserted?: BlockDeviceInfo;
}

export interface BlockExportInfo {
  readonly id: string;
  readonly type: string;
  readonly 'node-name': string;
  readonly 'shutting-down': boolean;
}

export interface BlockExportOptionsNbd {
  readonly type: 'nbd';
  readonly id: string;
  readonly 'node-name': string;
  readonly name: string;
  readonly writable?: boolean;
  readonly bitmaps?: readonly string[];
}

export type JobStatus =
  | 'undefined'
  | 'created'
  | 'running'
  | 'paused'
  | 'ready'
  | 'standby'
  | 'waiting'
  | 'pending'
  | 'aborting'
  | 'concluded'
  | 'null';

export interface JobInfo {
  readonly id: string;
  readonly type: string;
  readonly status: JobStatus;
  readonly error?: string;
}

export type SocketAddress =
  | { readonly type: 'unix'; readonly data: { readonly path: string } }
  | { readonly type: 'inet'; readonly data: { readonly host: string; readonly port: string } };

export interface PciBusInfo {
  /** Number of the bus behind the bridge. */
  readonly secondary: number;
}

export interface PciDeviceInfo {
  readonly bus: number;
  readonly slot: number;
  readonly function: number;
  readonly qdev_id: string;
  readonly pci_bridge?: {
    readonly bus: PciBusInfo;
    readonly devices?: readonly PciDeviceInfo[];
  };
}

export interface ChardevInfo {
  readonly label: string;
  readonly filename: string;
  readonly 'frontend-open': boolean;
}

/** QAPI `XDbgBlockGraph`. */
export interface BlockGraph {
  readonly nodes: readonly {
    readonly id: number;
    readonly type: 'block-backend' | 'block-job' | 'block-driver';
    readonly name: string;
  }[];
  readonly edges: readonly { readonly parent: number; readonly child: number }[];
}

export interface BlockDirtyBitmapAdd {
  readonly node: string;
  readonly name: string;
  readonly granularity?: number;
}

export interface BlockDirtyBitmap {
  readonly node: string;
  readonly name: string;
}

export interface BlockDirtyBitmapMerge {
  readonly node: string;
  readonly target: string;
  readonly bitmaps: readonly string[];
}

export type TransactionAction =
  | { readonly type: 'block-dirty-bitmap-add'; readonly data: BlockDirtyBitmapAdd }
  | { readonly type: 'block-dirty-bitmap-disable'; readonly data: BlockDirtyBitmap }
  | { readonly type: 'block-dirty-bitmap-merge'; readonly data: BlockDirtyBitmapMerge };

/** A command's arguments and its answer. */
interface Command<Arguments, Returns> {
  readonly arguments: Arguments;
  readonly returns: Returns;
}

export interface QmpCommands {
  qmp_capabilities: Command<Empty, Empty>;
  'query-commands': Command<Empty, readonly { readonly name: string }[]>;
  'query-version': Command<Empty, VersionInfo>;
  'query-status': Command<Empty, StatusInfo>;
  stop: Command<Empty, Empty>;
  cont: Command<Empty, Empty>;
  quit: Command<Empty, Empty>;

  'query-block': Command<Empty, readonly BlockInfo[]>;
  'query-named-block-nodes': Command<{ readonly flat?: boolean }, readonly BlockDeviceInfo[]>;
  'x-debug-query-block-graph': Command<Empty, BlockGraph>;
  'blockdev-add': Command<BlockdevOptions, Empty>;
  'blockdev-del': Command<{ readonly 'node-name': string }, Empty>;
  'blockdev-create': Command<
    { readonly 'job-id': string; readonly options: BlockdevCreateOptions },
    Empty
  >;
  'blockdev-mirror': Command<
    {
      readonly 'job-id': string;
      readonly device: string;
      readonly target: string;
      readonly sync: 'none' | 'full' | 'top';
      readonly 'auto-dismiss'?: boolean;
    },
    Empty
  >;
  'block-job-cancel': Command<{ readonly device: string; readonly force?: boolean }, Empty>;

  'block-dirty-bitmap-add': Command<BlockDirtyBitmapAdd, Empty>;
  'block-dirty-bitmap-remove': Command<BlockDirtyBitmap, Empty>;
  transaction: Command<{ readonly actions: readonly TransactionAction[] }, Empty>;

  'nbd-server-start': Command<{ readonly addr: SocketAddress }, Empty>;
  'nbd-server-stop': Command<Empty, Empty>;
  'block-export-add': Command<BlockExportOptionsNbd, Empty>;
  'block-export-del': Command<{ readonly id: string; readonly mode?: 'safe' | 'hard' }, Empty>;
  'query-block-exports': Command<Empty, readonly BlockExportInfo[]>;

  'query-jobs': Command<Empty, readonly JobInfo[]>;
  'job-complete': Command<{ readonly id: string }, Empty>;
  'job-cancel': Command<{ readonly id: string }, Empty>;
  'job-dismiss': Command<{ readonly id: string }, Empty>;

  'query-pci': Command<
    Empty,
    readonly { readonly bus: number; readonly devices: readonly PciDeviceInfo[] }[]
  >;
  'qom-list': Command<
    { readonly path: string },
    readonly { readonly name: string; readonly type: string }[]
  >;
  'qom-get': Command<{ readonly path: string; readonly property: string }, unknown>;
  'query-chardev': Command<Empty, readonly ChardevInfo[]>;
  'chardev-add': Command<
    {
      readonly id: string;
      readonly backend: {
        readonly type: 'socket';
        readonly data: {
          readonly addr: SocketAddress;
          readonly server: boolean;
          readonly wait: boolean;
        };
      };
    },
    Empty
  >;
  'chardev-remove': Command<{ readonly id: string }, Empty>;
  device_add: Command<
    { readonly driver: string; readonly id: string; readonly [property: string]: string },
    Empty
  >;
  device_del: Command<{ readonly id: string }, Empty>;
  'human-monitor-command': Command<{ readonly 'command-line': string }, string>;
}

export type QmpCommandName = keyof QmpCommands;

export interface QmpEvents {
  STOP: Empty;
  RESUME: Empty;
  RESET: { readonly guest: boolean; readonly reason?: string };
  SHUTDOWN: { readonly guest: boolean; readonly reason?: string };
  JOB_STATUS_CHANGE: { readonly id: string; readonly status: JobStatus };
  BLOCK_EXPORT_DELETED: { readonly id: string };
  DEVICE_DELETED: { readonly device?: string; readonly path: string };
}

export type QmpEventName = keyof QmpEvents;
