/** What a lab guest can be, and what is told of one. */

export const WORKLOADS = [
  'idle',
  'random-rewrite',
  'zipf-rewrite',
  'sequential-log',
  'database',
  'small-files',
] as const;
export type WorkloadName = (typeof WORKLOADS)[number];

export const KERNEL_VERSIONS = ['6.1', '6.12'] as const;
export type KernelVersion = (typeof KERNEL_VERSIONS)[number];

export const FILE_SYSTEMS = ['ext4', 'xfs'] as const;
export type FileSystem = (typeof FILE_SYSTEMS)[number];

export interface LabOptions {
  /** 1 to 32 characters of `a-z0-9-`. */
  readonly name: string;
  readonly workload: WorkloadName;
  readonly accelerator: 'auto' | 'kvm' | 'tcg';
  /** Of the disk, in bytes: 64 MiB or more, 300 MiB or more with xfs. */
  readonly size: number;
  /** Of the guest, in bytes. */
  readonly memory: number;
  readonly kernelVersion: KernelVersion;
  readonly fileSystem: FileSystem;
  readonly format: 'raw' | 'qcow2';
  /** Pages of 4 KiB that the workload writes a second; 0 is the workload's own rate. */
  readonly rate: number;
  /** The workload writes the same for the same seed. */
  readonly seed: number;
  /** Whether the probe runs in the guest; without it, the guest has no port for it either. */
  readonly probe: boolean;
  /** Whether qemu-guest-agent runs in the guest, on a port of its own. */
  readonly agent: boolean;
  /**
   * A kernel and an initial RAM disk to boot instead of those that the lab builds. The RAM disk must
   * be one that a lab built, or take its settings from the kernel's command line as guest/lab/init does.
   */
  readonly kernel?: string;
  readonly initrd?: string;
  /** Arguments for QEMU beside the lab's own. */
  readonly extra?: readonly string[];
}

export const LAB_DEFAULTS: LabOptions = {
  name: 'lab',
  workload: 'random-rewrite',
  accelerator: 'auto',
  size: 1024 ** 3,
  memory: 384 * 1024 ** 2,
  kernelVersion: '6.1',
  fileSystem: 'ext4',
  format: 'raw',
  rate: 0,
  seed: 1,
  probe: true,
  agent: false,
};

/** A guest that runs, as `lab up --json` prints it. */
export interface LabGuest {
  readonly name: string;
  /** QEMU's process, or the simulated host's. */
  readonly pid: number;
  /** Address of its monitor, for `migrascope migrate`. */
  readonly qmp: string;
  /** Address of a second monitor, for whoever looks while the first is taken. */
  readonly monitor: string;
  readonly disks: readonly {
    /** Name of the block node. */
    readonly name: string;
    /** In bytes. */
    readonly size: number;
    readonly image: string;
    readonly format: string;
    readonly fileSystem: string;
  }[];
  /** Address of the probe's port, where the guest has one. */
  readonly probe?: string;
  /** Address of the port of qemu-guest-agent, where the guest has one. */
  readonly agent?: string;
  /** NBD URI of an empty disk that a simulated guest's can be migrated to. */
  readonly destination?: string;
  /** Address by which a simulated guest's host is asked for faults, and for its end. */
  readonly hostPort?: string;
  /** File with what the guest printed on its console. */
  readonly console?: string;
  readonly accelerator: 'kvm' | 'tcg' | 'simulated';
  readonly kernel: string;
  readonly workload: string;
}

/** A guest that QEMU runs. */
export interface BootedGuest extends LabGuest {
  readonly accelerator: 'kvm' | 'tcg';
  /** Address of the port that runs commands in the guest. */
  readonly control: string;
  readonly console: string;
}
