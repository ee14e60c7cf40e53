/**
 * What the engine needs of a hypervisor. qemu/ implements it over QMP.
 *
 * Everything that an implementation makes in the hypervisor for a run is called
 * `migrascope-RUN-…`, and is gone after `release()` or `close()`, whatever happened before.
 * Disk data does not pass through here: it goes over NBD, to and from the addresses given here.
 */
import type { ExtentVisitor } from '../base/extent.js';
import type { FileIdentity } from './aftermath/changes.js';

/** What is known of a file of the hypervisor's machine; as `Stats` of Node. */
export interface FileStatus {
  readonly dev: number;
  readonly ino: number;
  readonly birthtimeMs: number;
  /** Of 512 bytes each. */
  readonly blocks: number;
  isFile(): boolean;
}

/** The files of the hypervisor's machine, where they can be reached from here; as `fs/promises` of Node. */
export interface MachineFiles {
  stat(path: string): Promise<FileStatus>;
  lstat(path: string): Promise<FileStatus>;
  realpath(path: string): Promise<string>;
  unlink(path: string): Promise<void>;
}

/** One disk of the guest, as the hypervisor has it now. */
export interface GuestDisk {
  /** What people call it: the hypervisor's name of the block node (QEMU: node name). */
  readonly name: string;
  /** Other names under which a person may ask for it: device id, drive name, qdev path. */
  readonly aliases: readonly string[];
  /** In bytes. */
  readonly size: number;
  /** Of the image: `raw`, `qcow2`, … */
  readonly format: string;
  /** The image's file name or URI, for people. */
  readonly image: string;
  readonly readOnly: boolean;
  /** How the guest can recognise this disk, for the probe; what is unknown is absent. */
  readonly guestIdentity: {
    /** The disk's serial number as the guest sees it. */
    readonly serial?: string;
    /** PCI address `bus:slot.function`, hexadecimal, two, two and one digits. */
    readonly pci?: string;
  };
}

/** Whether the guest's processors run. */
export interface RunState {
  readonly running: boolean;
  /** The hypervisor's own word (QEMU: `RunState`, such as `running`, `paused`, `io-error`, `shutdown`). */
  readonly status: string;
}

/** What happens to a guest that was not asked for by this run, or that this run waits for. */
export type GuestEvent =
  | { readonly type: 'stopped' }
  | { readonly type: 'resumed' }
  | { readonly type: 'reset' }
  /** The guest powered off or was told to; the hypervisor may end next. */
  | { readonly type: 'shutdown'; readonly byGuest: boolean }
  /** The hypervisor cannot be reached any more; `error` says why. */
  | { readonly type: 'lost'; readonly error: Error };

export interface Hypervisor {
  /** How people and errors name it, e.g. `unix:/tmp/vm.qmp`. */
  readonly name: string;
  disks(signal?: AbortSignal): Promise<readonly GuestDisk[]>;
  runState(signal?: AbortSignal): Promise<RunState>;
  /** Stops the guest's processors; resolves once they stand. */
  pause(signal?: AbortSignal): Promise<void>;
  resume(signal?: AbortSignal): Promise<void>;
  /** Calls `listener` for every event from now on; the returned function ends that. */
  onGuestEvent(listener: (event: GuestEvent) => void): () => void;
  /**
   * Makes the disk readable for a run, without tracking yet.
   * @throws HypervisorError when the disk can't be tracked, or something foreign is in the way.
   */
  openSource(disk: GuestDisk, options: SourceOptions, signal?: AbortSignal): Promise<SourceDisk>;
  /**
   * Lets the hypervisor open a new image to which the guest can be pivoted.
   * @throws DestinationError when the image is there and holds data, is in use, or can't be made.
   */
  openPivot(
    source: SourceDisk,
    options: PivotOptions,
    signal?: AbortSignal,
  ): Promise<PivotDestination>;
  /** Where the guest's probe can be reached, if the guest has a port for it. */
  probeAddress(signal?: AbortSignal): Promise<ProbeAddress | undefined>;
  /** Where the guest's agent can be reached, if it has a port for one; the agent can start a probe. */
  guestAgentAddress(signal?: AbortSignal): Promise<ProbeAddress | undefined>;
  /**
   * Adds a port for the probe to the running guest, for a run.
   * @throws HypervisorError when the guest can't have one.
   */
  addProbePort(run: string, signal?: AbortSignal): Promise<AddedPort>;
  /**
   * What runs left here, found by its name. Looks, and changes nothing.
   * @param changes what journals say was done here: by them that is known which is not called by its
   * run, such as the NBD server; without them it is not found.
   */
  leftovers(changes: readonly HostChange[], signal?: AbortSignal): Promise<readonly Leftover[]>;
  /**
   * Removes what a run left; to be asked for a run that is over. Safe to do twice. What is not the
   * run's, and whatever a device of the guest uses, is not touched.
   * @param changes of that run, as for `leftovers`.
   * @param kinds only these; all unless told.
   * @returns each of them, with the reason where it is there still.
   */
  removeLeftovers(
    run: string,
    changes: readonly HostChange[],
    signal?: AbortSignal,
    kinds?: readonly Leftover['kind'][],
  ): Promise<readonly LeftoverOutcome[]>;
  /** Lets go of the hypervisor; removes what is left of its runs first. Idempotent; never throws. */
  close(): Promise<void>;
}

/** Something that a run made for itself and that is there still. */
export interface Leftover {
  readonly kind:
    | 'job'
    | 'export'
    | 'nbd-server'
    | 'bitmap'
    | 'node'
    | 'device'
    | 'character-device'
    /** A process of this machine that serves an image. */
    | 'process'
    /** A folder of this machine, for a socket. */
    | 'folder';
  /** As the hypervisor or the machine has it. */
  readonly name: string;
  /** The run's id. */
  readonly run: string;
  /** The node that it belongs to. */
  readonly on?: string;
}

/** What became of a leftover that was to be removed. */
export interface LeftoverOutcome {
  readonly leftover: Leftover;
  /** Why it is there still, in words; absent where it is gone. */
  readonly failure?: string;
}

export interface SourceOptions {
  /** The run's id: 1 to 8 characters of `a-z0-9`; part of each name that is made. */
  readonly run: string;
  /** In bytes; a power of two from 512 to 2 GiB (QEMU: dirty bitmap granularity). */
  readonly granularity: number;
  /**
   * For a run that was tracking in another process before: the number of the last flip that is known
   * to have been visited. What was written since is visited by the next one.
   */
  readonly after?: number;
}

/** A guest's disk as the source of a run. */
export interface SourceDisk {
  readonly disk: GuestDisk;
  /** NBD URI of a read-only export with the meta context `base:allocation`. */
  readonly uri: string;
  /**
   * Begins to note what the guest writes, or goes on with it. Once, before the first `flip`.
   * @throws HypervisorError when it can't be gone on with: something that was written is not known.
   */
  startTracking(signal?: AbortSignal): Promise<void>;
  /**
   * Visits what was written since the previous flip (or since tracking began), whole blocks, and
   * begins anew, atomically: a write is in this flip or in the next, never in none.
   * When it fails, what it would have visited is visited by the next one, or tracking is lost
   * and every later call fails.
   * @returns the flip's number, above those of all earlier ones; see {@link SourceOptions.after}.
   */
  flip(visit: ExtentVisitor, signal?: AbortSignal): Promise<number>;
  /** Removes all that the run made for this source. Idempotent. */
  release(): Promise<void>;
}

/** An image that the run had opened in another process before: it is taken with what it holds. */
export interface Reopening {
  /** The file, where the run made it, and may delete it. */
  readonly made?: FileIdentity;
}

export interface PivotOptions {
  readonly run: string;
  /** The new image, a path on the hypervisor's machine. */
  readonly path: string;
  readonly format: 'raw' | 'qcow2';
  /** Use an image that is there and holds data. */
  readonly overwrite: boolean;
  /** Bypass the host's page cache (QEMU: `cache.direct`); as the source does unless told. */
  readonly cacheDirect?: boolean;
  /** What the guest's discards do; `unmap` unless told. QEMU does not tell what the source does. */
  readonly discard?: 'ignore' | 'unmap';
  /** QEMU's default (`threads`) unless told. QEMU does not tell what the source does. */
  readonly aio?: 'threads' | 'native' | 'io_uring';
  /** The hypervisor has the image open still, as this run left it. */
  readonly reopens?: Reopening;
}

/**
 * What becomes of an image: `keep` it after success; `discard` it, if this run created it; or leave it
 * `as-found`, open where it was open, for another process to go on with.
 */
export type ReleaseOutcome = 'keep' | 'discard' | 'as-found';

/** Where a disk goes: an address to write to, and what has to be done with it at the end. */
export interface Destination {
  /** For people: `file:/srv/new.img`, `nbd://…`. */
  readonly name: string;
  /** NBD URI of a writable export. */
  readonly uri: string;
  /** Whether it is certain that everything not yet written reads as zeroes. */
  readonly readsAsZeroes: boolean;
  /**
   * Lets go of it: ends what was started, closes what was opened. Idempotent.
   * @param outcome what becomes of the image; it is kept where it is not known whether the guest uses it.
   */
  release(outcome: ReleaseOutcome): Promise<void>;
}

/** A destination that the guest can go on with, inside the same hypervisor. */
export interface PivotDestination extends Destination {
  /** The lasting name that the guest's disk has after the switchover. */
  readonly diskName: string;
  /**
   * Swaps the guest's disk for this destination; the guest must be paused and both sides equal.
   * When it throws, the guest still has its old disk, unless the error says that this is not known.
   * @param beforeCommit is called before the step that can't be taken back; when it throws, that
   * step is not done.
   * @returns `diskName`.
   * @throws HypervisorError also when the guest was resumed since the last flip.
   */
  switchOver(signal?: AbortSignal, beforeCommit?: () => Promise<void>): Promise<string>;
}

/** A port that was added to a guest for a run. */
export interface AddedPort {
  readonly address: ProbeAddress;
  /** Unplugs it. Idempotent; never throws. */
  release(): Promise<void>;
}

/** Where the host side of a guest's probe port listens. */
export type ProbeAddress =
  | { readonly type: 'unix'; readonly path: string }
  | { readonly type: 'tcp'; readonly host: string; readonly port: number };

/** An action that is about to change something in a host. */
export interface HostChange {
  /** Name of the hypervisor. */
  readonly host: string;
  /** The run for which it is done; absent for stop and cont. */
  readonly run?: string;
  /**
   * The QMP command, or a word of our own for what is not one (`start-child`, `delete-file`).
   * `made-file` tells what was done: the file that came of the action before it.
   */
  readonly action: string;
  /** The command's arguments, or what the action is done to. */
  readonly arguments: unknown;
  /** It puts something back, and is done also when the journal can't take it. */
  readonly undoes?: true;
  /** One of many alike, all of names that the run's pattern covers: a journal needs the first only. */
  readonly routine?: true;
}

/** Is told of every change before it happens; when it throws, the change does not happen, unless it puts something back. */
export interface Journal {
  record(change: HostChange): Promise<void>;
}
