/** What goes over the channel between extension and service: every request, replies, notes. */
import type { SteeringCommand } from '../../engine/index.js';
import type {
  FoundHost,
  HostLook,
  LabGuestInfo,
  SettingsHost,
  SimulatedGuestRequest,
} from './hosts.js';
import type { ViewNote } from './notes.js';
import type { RecoveryInfo, RunInfo, StartRequest } from './runs.js';
import type { BlockDetail, FileFigures, FileRegion, SeekTarget, ViewSource } from './view.js';
import type { Fault } from './words.js';

/** Every request: what it takes, and what its reply is. */
export interface ServiceRequests {
  /** Connects, looks and lets go; changes nothing. Cancelled after `timeoutMs`. */
  'host.look': {
    params: { readonly host: string; readonly timeoutMs: number };
    result: HostLook;
  };
  /** Sockets in the usual places, guests of the lab and names of the hosts file. Connects nothing. */
  'host.find': { params: Record<string, never>; result: readonly FoundHost[] };
  /**
   * Makes the hosts of the editor's settings known, to the processes of runs as well: each an address,
   * or an object as in the hosts file. One that is faulty leaves the others alone.
   */
  'host.settings': {
    params: { readonly hosts: Readonly<Record<string, unknown>> };
    result: readonly SettingsHost[];
  };
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
