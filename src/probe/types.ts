/** What the guest's probe tells, and what it can be asked to do. protocol/PROBE.md describes the wire. */
import type { Extent } from '../base/extent.js';

/** State of the cached page(s) over a run of bytes, as the guest's kernel has it. */
export type CacheState = 'clean' | 'dirty' | 'writeback';

/** What a run of bytes is to the guest's file system. */
export type CacheClass = 'data' | 'metadata' | 'journal';

/** How the probe finds pages, best first. */
export type ProbeMethod = 'kcore' | 'cachestat' | 'mincore';

/** A guest disk, as the probe sees it and as a request names it: by what both sides can know. */
export interface ProbeDisk {
  /** The guest's name, e.g. `vda`. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  readonly serial?: string;
  /** PCI address `bus:slot.function`, hexadecimal. */
  readonly pci?: string;
}

/** What the probe says of itself. */
export interface ProbeInfo {
  /** Version of the protocol, `major.minor`. */
  readonly protocol: string;
  readonly method: ProbeMethod;
  /** Why better methods are not used, one sentence each. */
  readonly methodReasons: readonly string[];
  /** The guest's kernel release. */
  readonly kernel: string;
  /** Changes when the guest reboots. */
  readonly bootId: string;
  readonly disks: readonly ProbeDisk[];
  /** `dirty_expire_centisecs` and `dirty_writeback_centisecs` of the guest, in milliseconds. */
  readonly dirtyExpireMs: number;
  readonly dirtyWritebackMs: number;
}

/** A run of bytes of the disk that the guest's page cache holds. */
export interface CacheExtent extends Extent {
  readonly state: CacheState;
  readonly class: CacheClass;
  /** Index into `files` of the report; absent for metadata and journal. */
  readonly file?: number;
  /** Offset in the file of the first byte, in bytes. */
  readonly fileOffset?: number;
  /** Milliseconds since the inode was first dirtied; absent when unknown. */
  readonly ageMs?: number;
}

/** A file with pages in the report. */
export interface CacheFile {
  /** Device number `major:minor` of its file system. */
  readonly device: string;
  readonly inode: number;
  readonly generation: number;
  /** 0 for an unlinked file that is still open. */
  readonly links: number;
  /** Path in the guest where it is known. */
  readonly path?: string;
  readonly fileSystem: string;
}

/** One look at the guest's page cache over one disk. */
export interface CacheReport {
  readonly sequence: number;
  readonly method: ProbeMethod;
  /** Milliseconds on the guest's monotonic clock. */
  readonly startMs: number;
  readonly endMs: number;
  /** Ascending by offset, without overlap. */
  readonly extents: readonly CacheExtent[];
  readonly files: readonly CacheFile[];
  /** Bytes of dirty pages that have no place on the disk that can be told, by reason. */
  readonly unmappedBytes: Readonly<Record<string, number>>;
  /** Where the file systems' journals lie. */
  readonly journals: readonly Extent[];
  /** Lists of the kernel that changed under the probe and were begun anew, or given up. */
  readonly restarts: number;
  readonly givenUp: number;
  /** Why the report is not whole, as a sentence; absent when it is. */
  readonly truncated?: string;
}

export interface SnapshotRequest {
  readonly disk: ProbeDiskQuery;
  /** Report clean pages too; costs time in proportion to what is cached, not to what is dirty. */
  readonly clean: boolean;
}

/** What the host knows of a disk; the probe's disk is the one that all given fields fit. */
export interface ProbeDiskQuery {
  readonly size: number;
  readonly serial?: string;
  readonly pci?: string;
}

/** Bounds for steering the guest's write-back; the probe undoes it at the end or when the host is silent. */
export interface SteerRequest {
  /** `hold`: let dirty pages wait longer; `release`: back to what the guest had. */
  readonly mode: 'hold' | 'release';
  /** Undone by the probe itself after this time, in milliseconds (1 to 600,000). */
  readonly forMs: number;
}

/** The guest's probe. Each call may throw ProbeError, ConnectionLostError, ProtocolError, TimeoutError or CancelledError. */
export interface Probe {
  readonly info: ProbeInfo;
  snapshot(request: SnapshotRequest, signal?: AbortSignal): Promise<CacheReport>;
  /** Has the guest write back what is dirty in the named bytes of the disk, or all of it; resolves when it is written. */
  drain(
    request: { readonly disk: ProbeDiskQuery; readonly extents?: readonly Extent[] },
    signal?: AbortSignal,
  ): Promise<{ readonly writtenBytes: number; readonly tookMs: number }>;
  /** Has the guest's file systems on the disk discard what no file uses. */
  trim(
    request: { readonly disk: ProbeDiskQuery },
    signal?: AbortSignal,
  ): Promise<{ readonly trimmedBytes: number }>;
  steer(request: SteerRequest, signal?: AbortSignal): Promise<void>;
  /** Lets go of the guest, with nothing left behind. Idempotent; never throws. */
  close(): Promise<void>;
}
