/** A host with one disk, in memory, that notes what is made in it and whether it is gone again. */
import type { GuestDisk, Hypervisor, SourceDisk } from '../../../src/hypervisor/types.js';
import type { NbdConnection } from '../../../src/nbd/types.js';
import type { CacheReport, Probe } from '../../../src/probe/types.js';
import type { Connections } from '../../../src/reach/types.js';

const MIB = 1024 * 1024;

export const DISK: GuestDisk = {
  name: 'disk0',
  aliases: ['virtio0'],
  size: 64 * MIB,
  format: 'qcow2',
  image: '/srv/old.qcow2',
  readOnly: false,
  guestIdentity: { serial: 'S1' },
};

export const REPORT: CacheReport = {
  sequence: 1,
  method: 'kcore',
  startMs: 100,
  endMs: 136,
  extents: [
    { offset: 0, length: 4096, state: 'dirty', class: 'metadata' },
    { offset: 1 * MIB, length: 8192, state: 'dirty', class: 'data', file: 0 },
    { offset: 2 * MIB, length: 65_536, state: 'dirty', class: 'data', file: 1 },
    { offset: 3 * MIB, length: 4096, state: 'writeback', class: 'data', file: 1 },
    { offset: 4 * MIB, length: 131_072, state: 'clean', class: 'data', file: 2 },
  ],
  files: [
    { device: '254:1', inode: 11, generation: 1, links: 1, path: '/var/small', fileSystem: 'ext4' },
    { device: '254:1', inode: 12, generation: 1, links: 1, path: '/var/large', fileSystem: 'ext4' },
    { device: '254:1', inode: 13, generation: 1, links: 0, fileSystem: 'ext4' },
  ],
  unmappedBytes: { 'delayed allocation': 3 * MIB },
  journals: [],
  restarts: 0,
  givenUp: 0,
};

export interface FakeHostOptions {
  readonly disks?: readonly GuestDisk[];
  /** Absent: the guest has no port for a probe. An error: it does not report. */
  readonly report?: CacheReport | Error;
  /** Fails the reading of the allocation. */
  readonly statusFails?: Error;
  readonly tellsAllocation?: boolean;
}

export class FakeHost {
  /** What happened, in order. */
  readonly log: string[] = [];

  constructor(private readonly options: FakeHostOptions = {}) {}

  get connections(): Partial<Connections> {
    return {
      connectHypervisor: () => Promise.resolve(this.#hypervisor()),
      connectNbd: () => Promise.resolve(this.#connection()),
      connectProbe: () => Promise.resolve(this.#probe()),
    };
  }

  #hypervisor(): Hypervisor {
    const refuse = () => Promise.reject(new Error('Looking does not do this.'));
    return {
      name: 'unix:/vm.qmp',
      disks: () => Promise.resolve(this.options.disks ?? [DISK]),
      runState: () => Promise.resolve({ running: true, status: 'running' }),
      pause: refuse,
      resume: refuse,
      onGuestEvent: () => () => undefined,
      openPivot: refuse,
      addProbePort: refuse,
      leftovers: refuse,
      removeLeftovers: refuse,
      guestAgentAddress: () => Promise.resolve(undefined),
      probeAddress: () =>
        Promise.resolve(this.options.report ? { type: 'unix', path: '/probe' } : undefined),
      openSource: (disk, { run }) => {
        this.log.push(`open ${disk.name} for ${run}`);
        const source: SourceDisk = {
          disk,
          uri: 'nbd://x/',
          startTracking: refuse,
          flip: refuse,
          release: () => {
            this.log.push(`release ${disk.name}`);
            return Promise.resolve();
          },
        };
        return Promise.resolve(source);
      },
      close: () => {
        this.log.push('close host');
        return Promise.resolve();
      },
    };
  }

  #connection(): NbdConnection {
    const refuse = () => Promise.reject(new Error('Looking does not do this.'));
    const { statusFails, tellsAllocation = true } = this.options;
    return {
      info: {
        size: DISK.size,
        readOnly: true,
        canFlush: false,
        canFua: false,
        canTrim: false,
        canWriteZeroes: false,
        canFastZero: false,
        canDontFragment: false,
        canMultiConn: false,
        structuredReplies: true,
        minimumBlock: 1,
        preferredBlock: 4096,
        maximumPayload: 32 * MIB,
        metaContexts: tellsAllocation ? ['base:allocation'] : [],
      },
      read: refuse,
      write: refuse,
      writeZeroes: refuse,
      trim: refuse,
      flush: refuse,
      blockStatus: (_context, offset, length, visit) => {
        if (statusFails) return Promise.reject(statusFails);
        visit(offset, 16 * MIB, 0);
        visit(16 * MIB, length - 16 * MIB, 3);
        return Promise.resolve();
      },
      close: () => {
        this.log.push('close connection');
        return Promise.resolve();
      },
      destroy: () => undefined,
    };
  }

  #probe(): Probe {
    const { report } = this.options;
    const refuse = () => Promise.reject(new Error('Looking does not do this.'));
    return {
      info: {
        protocol: '1.0',
        method: 'kcore',
        methodReasons: [],
        kernel: '6.12.9-amd64',
        bootId: 'b',
        disks: [],
        dirtyExpireMs: 30_000,
        dirtyWritebackMs: 5000,
      },
      snapshot: ({ disk, clean }) => {
        this.log.push(`snapshot of ${disk.serial ?? '?'}${clean ? ' with clean pages' : ''}`);
        return report instanceof Error || !report
          ? Promise.reject(report ?? new Error('There is no probe.'))
          : Promise.resolve(report);
      },
      drain: refuse,
      trim: refuse,
      steer: refuse,
      close: () => {
        this.log.push('close probe');
        return Promise.resolve();
      },
    };
  }
}
