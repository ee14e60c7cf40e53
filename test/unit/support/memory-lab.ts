/**
 * A lab in memory: a hypervisor with a guest, its disk, its probe, and a destination, over buffers
 * and on virtual time. It records every name that is made in it and every state that must not be,
 * and each of its operations can be made to fail.
 */
import { GuestError, HypervisorError, messageOf } from '../../../src/base/errors.js';
import type { ExtentVisitor } from '../../../src/base/extent.js';
import { silentLogger } from '../../../src/base/logger.js';
import type { MigrationParts } from '../../../src/engine/options.js';
import type {
  AddedPort,
  Destination,
  GuestDisk,
  GuestEvent,
  HostChange,
  Hypervisor,
  Leftover,
  LeftoverOutcome,
  PivotDestination,
  ReleaseOutcome,
  SourceDisk,
  SourceOptions,
} from '../../../src/hypervisor/types.js';
import type { ExportInfo } from '../../../src/nbd/types.js';
import type { CacheExtent, CacheReport, Probe } from '../../../src/probe/types.js';
import { Faults } from './faults.js';
import { MemoryGuest } from './memory-guest.js';
import { Link, MemoryConnection, type MemoryExport } from './memory-nbd.js';
import { Random } from './random.js';
import { SimulatedClock } from '../../../src/simulator/clock.js';

export const LAB_DEFAULTS = {
  seed: 1,
  /** In bytes; a multiple of 512. */
  size: 64 * 4096,
  granularity: 4096,
  pageBytes: 1024,
  /** Share of the disk that is allocated at the beginning. */
  allocated: 0.6,
  writesPerSecond: 20,
  workingSet: 0.4,
  direct: 0.2,
  expireMs: 3000,
  noteMs: 1,
  bytesPerSecond: 256 * 1024,
  latencyMs: 2,
  readsAsZeroes: false,
  /** Whether the destination tells where its zeroes are. */
  destinationStatus: false,
  destinationBytes: undefined as number | undefined,
  info: {} as Partial<ExportInfo>,
  sourceInfo: {} as Partial<ExportInfo>,
  probe: true,
  /** Whether the guest has an agent, which can start a probe. */
  agent: false,
  foundPaused: false,
};

export type LabOptions = typeof LAB_DEFAULTS;

export const PREFIX = 'migrascope-';

export class MemoryLab implements Hypervisor {
  readonly name = 'memory:lab';
  readonly options: LabOptions;
  readonly clock = new SimulatedClock();
  readonly faults = new Faults();
  readonly random: Random;
  readonly guest: MemoryGuest;
  readonly source: Buffer;
  destination: Buffer;
  /** Everything that was made in the hypervisor and is there still. */
  readonly names = new Set<string>();
  readonly connections: MemoryConnection[] = [];
  /** The source's bytes when the guest was paused last. */
  atPause: Buffer | undefined;
  outcome: ReleaseOutcome | undefined;
  hypervisorOpen = false;
  sourceOpen = false;
  probeOpen = false;
  switchedOver = false;
  guestDiskName = 'disk0';
  resumes = 0;
  /** Makes the next flip that has something to visit fail after the first extent. */
  flipFailsMidway: Error | undefined;
  /** What the probe reports instead of what is. */
  garbage: unknown;
  drained: number[] = [];
  /** What was written between two flips, from the first; the last one records. */
  #bitmaps: Set<number>[] = [];
  /** How many of them were visited. */
  #visited = 0;
  #listeners = new Set<(event: GuestEvent) => void>();
  #reports = 0;
  readonly #link: Link;

  constructor(options: Partial<LabOptions> = {}) {
    this.options = { ...LAB_DEFAULTS, ...options };
    const { size, seed, destinationBytes, readsAsZeroes } = this.options;
    this.random = new Random(seed);
    this.source = this.#initialDisk();
    this.destination = Buffer.alloc(destinationBytes ?? size, readsAsZeroes ? 0 : 0x5a);
    this.#link = new Link(this.clock, this.options.bytesPerSecond, this.options.latencyMs);
    this.guest = new MemoryGuest({
      ...this.options,
      random: this.random,
      disk: this.source,
      onNoted: (offset, length) => this.#note(offset, length),
    });
    if (this.options.foundPaused) this.guest.pause(0);
  }

  /** What `migrate` is given to migrate in this lab. */
  parts(): Pick<
    MigrationParts,
    | 'connectHypervisor'
    | 'connectNbd'
    | 'connectProbe'
    | 'uploadProbe'
    | 'openDestination'
    | 'clock'
    | 'logger'
    | 'run'
    | 'startedAt'
  > {
    return {
      connectHypervisor: async (signal) => {
        await this.faults.pass('hypervisor.connect', signal);
        this.hypervisorOpen = true;
        return this;
      },
      connectNbd: (uri, { metaContexts, signal }) => this.#connect(uri, metaContexts ?? [], signal),
      connectProbe: async (_, signal) => {
        await this.faults.pass('probe.connect', signal);
        this.probeOpen = true;
        return this.#probe();
      },
      uploadProbe: (_, signal) => this.faults.pass('probe.upload', signal),
      openDestination: async (_request, _disk, signal) => {
        await this.faults.pass('destination.open', signal);
        return this.#openDestination();
      },
      clock: this.clock,
      logger: silentLogger,
      run: 'r1',
      startedAt: new Date(0),
    };
  }

  /** What somebody else does to the guest. */
  foreign(event: 'resume' | 'pause' | 'reset' | 'shutdown' | 'lost', error?: Error): void {
    const now = this.clock.now();
    if (event === 'resume') this.guest.resume(now);
    if (event === 'pause' || event === 'shutdown') this.guest.pause(now);
    if (event === 'lost') {
      const lost = error ?? new GuestError('The monitor went away.');
      this.faults.loseConnection(lost);
      this.#tell({ type: 'lost', error: lost });
    } else if (event === 'shutdown') this.#tell({ type: 'shutdown', byGuest: true });
    else if (event === 'reset') this.#tell({ type: 'reset' });
    else this.#tell({ type: event === 'resume' ? 'resumed' : 'stopped' });
  }

  /** The engine's process dies: what it had open is closed, and nothing is put back. */
  crash(): void {
    for (const connection of this.connections.splice(0)) connection.destroy();
    this.#listeners.clear();
    this.hypervisorOpen = false;
    this.sourceOpen = false;
    this.probeOpen = false;
  }

  async disks(signal?: AbortSignal): Promise<readonly GuestDisk[]> {
    await this.faults.pass('hypervisor.disks', signal);
    return [this.#disk()];
  }

  async runState(signal?: AbortSignal) {
    await this.faults.pass('hypervisor.runState', signal);
    const { running } = this.guest;
    return { running, status: running ? 'running' : 'paused' };
  }

  async pause(signal?: AbortSignal): Promise<void> {
    await this.faults.pass('hypervisor.pause', signal);
    await this.clock.sleep(2, signal);
    this.guest.pause(this.clock.now());
    this.atPause = Buffer.from(this.source);
  }

  async resume(signal?: AbortSignal): Promise<void> {
    await this.faults.pass('hypervisor.resume', signal);
    await this.clock.sleep(1, signal);
    this.resumes++;
    this.guest.resume(this.clock.now());
  }

  onGuestEvent(listener: (event: GuestEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** How many listen to the guest's events. */
  get listeners(): number {
    return this.#listeners.size;
  }

  async openSource(
    _disk: GuestDisk,
    { run, after }: SourceOptions,
    signal?: AbortSignal,
  ): Promise<SourceDisk> {
    await this.faults.pass('hypervisor.openSource', signal);
    this.names.add(`${PREFIX}${run}-source`);
    this.sourceOpen = true;
    return {
      disk: this.#disk(),
      uri: 'nbd://source',
      startTracking: async (trackingSignal) => {
        await this.faults.pass('source.startTracking', trackingSignal);
        this.guest.advance(this.clock.now());
        if (after === undefined) this.#bitmaps.push(new Set());
        else this.#visited = after;
        this.names.add(`${PREFIX}${run}-bitmap-${this.#bitmaps.length}`);
      },
      flip: (visit) => this.#flip(run, visit),
      release: async () => {
        this.sourceOpen = false;
        await this.faults.pass('source.release');
        this.#removeNames('source', 'bitmap');
      },
    };
  }

  async openPivot(
    _source: SourceDisk,
    { run }: { run: string },
    signal?: AbortSignal,
  ): Promise<PivotDestination> {
    await this.faults.pass('hypervisor.openPivot', signal);
    this.names.add(`${PREFIX}${run}-pivot`);
    return {
      ...this.#openDestination(),
      diskName: 'disk0-moved',
      switchOver: async (switchSignal, beforeCommit) => {
        this.guest.advance(this.clock.now());
        this.#requirePaused();
        const busy = this.connections.some(({ closed, info }) => !closed && !info.readOnly);
        if (busy) throw new HypervisorError('The new image is exported still.');
        await this.faults.pass('pivot.switchOver', switchSignal);
        await this.clock.sleep(6, switchSignal);
        await beforeCommit?.();
        this.#requirePaused();
        this.guest.disk = this.destination;
        this.switchedOver = true;
        this.guestDiskName = 'disk0-moved';
        this.#removeNames('pivot');
        return this.guestDiskName;
      },
    };
  }

  async probeAddress(signal?: AbortSignal) {
    await this.faults.pass('hypervisor.probeAddress', signal);
    return this.options.probe ? ({ type: 'unix', path: '/probe' } as const) : undefined;
  }

  guestAgentAddress() {
    return Promise.resolve(
      this.options.agent ? ({ type: 'unix', path: '/agent' } as const) : undefined,
    );
  }

  async addProbePort(run: string, signal?: AbortSignal): Promise<AddedPort> {
    await this.faults.pass('hypervisor.addProbePort', signal);
    this.names.add(`${PREFIX}${run}-probe`);
    const release = () => {
      this.#removeNames('probe');
      return Promise.resolve();
    };
    return { address: { type: 'unix', path: '/added' }, release };
  }

  async leftovers(_: readonly HostChange[], signal?: AbortSignal): Promise<readonly Leftover[]> {
    await this.faults.pass('hypervisor.leftovers', signal);
    return [...this.names].flatMap((name): Leftover[] => {
      const run = /^migrascope-([a-z0-9]+)-/.exec(name)?.[1];
      const made = /bitmap|dirty/.test(name) ? 'bitmap' : 'export';
      const kind = name.includes('node') ? 'node' : made;
      return run === undefined ? [] : [{ kind, name, run, on: 'disk0' }];
    });
  }

  async removeLeftovers(
    run: string,
    changes: readonly HostChange[],
    signal?: AbortSignal,
    kinds?: readonly Leftover['kind'][],
  ): Promise<readonly LeftoverOutcome[]> {
    const found = (await this.leftovers(changes)).filter(
      (each) => each.run === run && kinds?.includes(each.kind) !== false,
    );
    const outcomes: LeftoverOutcome[] = [];
    for (const leftover of found) {
      try {
        await this.faults.pass('hypervisor.removeLeftovers', signal);
        this.names.delete(leftover.name);
        outcomes.push({ leftover });
      } catch (error) {
        outcomes.push({ leftover, failure: messageOf(error) });
      }
    }
    return outcomes;
  }

  async close(): Promise<void> {
    await this.faults.pass('hypervisor.close');
    this.hypervisorOpen = false;
  }

  #requirePaused(): void {
    if (this.guest.running) throw new HypervisorError('The guest runs.');
  }

  #initialDisk(): Buffer {
    const { size, granularity, allocated } = this.options;
    const disk = Buffer.alloc(size);
    for (let at = 0; at < size; at += granularity) {
      if (!this.random.chance(allocated)) continue;
      disk.fill(1 + this.random.below(250), at, Math.min(at + granularity, size));
      if (this.random.chance(0.2)) disk.fill(0, at, at + Math.min(granularity / 2, size - at));
    }
    return disk;
  }

  #disk(): GuestDisk {
    const guestIdentity = { serial: 'S1', pci: '00:04.0' };
    const { size } = this.options;
    return {
      name: this.guestDiskName,
      aliases: ['virtio0'],
      size,
      format: 'raw',
      image: 'disk.img',
      readOnly: false,
      guestIdentity,
    };
  }

  #openDestination(): Destination {
    this.names.add(`${PREFIX}r1-destination`);
    return {
      name: 'file:new.img',
      uri: 'nbd://destination',
      readsAsZeroes: this.options.readsAsZeroes,
      release: async (outcome) => {
        this.outcome = outcome;
        await this.faults.pass('destination.release');
        this.#removeNames('destination', 'pivot');
      },
    };
  }

  async #connect(
    uri: string,
    metaContexts: readonly string[],
    signal?: AbortSignal,
  ): Promise<MemoryConnection> {
    const side = uri === 'nbd://source' ? 'source' : 'destination';
    await this.faults.pass(`${side}.connect`, signal);
    const data = side === 'source' ? this.source : this.destination;
    const tells = side === 'source' || this.options.destinationStatus;
    const target: MemoryExport = {
      side,
      info: {
        ...EXPORT,
        size: data.length,
        readOnly: side === 'source',
        metaContexts: tells ? metaContexts : [],
        ...(side === 'source' ? this.options.sourceInfo : this.options.info),
      },
      holeBytes: Math.min(this.options.granularity, 2048),
      data: () => {
        this.guest.advance(this.clock.now());
        return data;
      },
      isHole: (offset) => {
        this.guest.advance(this.clock.now());
        const end = Math.min(offset + Math.min(this.options.granularity, 2048), data.length);
        return tells && data.subarray(offset, end).every((byte) => byte === 0);
      },
    };
    const connection = new MemoryConnection(target, this.#link, this.clock, this.faults);
    this.connections.push(connection);
    return connection;
  }

  async #flip(run: string, visit: ExtentVisitor): Promise<number> {
    const number = this.#bitmaps.length;
    if (number === 0) throw new HypervisorError('Nothing is tracked.');
    await this.faults.pass('source.flip');
    this.guest.advance(this.clock.now());
    const unread = this.#bitmaps.slice(this.#visited, number).flatMap((each) => [...each]);
    const taken = [...new Set(unread)].sort((a, b) => a - b);
    this.#bitmaps.push(new Set());
    this.names.delete(`${PREFIX}${run}-bitmap-${number}`);
    this.names.add(`${PREFIX}${run}-bitmap-${number + 1}`);
    await this.clock.sleep(3);
    const { granularity, size } = this.options;
    for (const block of taken) {
      visit(block * granularity, Math.min(granularity, size - block * granularity));
      if (!this.flipFailsMidway) continue;
      const error = this.flipFailsMidway;
      this.flipFailsMidway = undefined;
      throw error;
    }
    this.#visited = number;
    return number;
  }

  #note(offset: number, length: number): void {
    const recording = this.#bitmaps.at(-1);
    if (!recording || this.switchedOver) return;
    const { granularity } = this.options;
    for (let at = offset - (offset % granularity); at < offset + length; at += granularity) {
      recording.add(at / granularity);
    }
  }

  #probe(): Probe {
    const { pageBytes, size, expireMs } = this.options;
    return {
      info: {
        protocol: '1.0',
        method: 'kcore',
        methodReasons: [],
        kernel: '6.12.0',
        bootId: 'b',
        disks: [{ name: 'vda', size }],
        dirtyExpireMs: expireMs,
        dirtyWritebackMs: 500,
      },
      snapshot: async (_request, signal) => {
        await this.faults.pass('probe.snapshot', signal);
        await this.clock.sleep(5, signal);
        this.guest.advance(this.clock.now());
        return this.garbage === undefined ? this.report() : (this.garbage as CacheReport);
      },
      drain: async ({ extents }, signal) => {
        await this.faults.pass('probe.drain', signal);
        this.guest.advance(this.clock.now());
        const writtenBytes = (extents ?? [{ offset: 0, length: size }]).reduce(
          (sum, { offset, length }) => sum + this.guest.drain(offset, length),
          0,
        );
        this.drained.push(writtenBytes);
        const tookMs = 10 + writtenBytes / pageBytes;
        await this.clock.sleep(tookMs, signal);
        return { writtenBytes, tookMs };
      },
      trim: async (_request, signal) => {
        await this.faults.pass('probe.trim', signal);
        const free = Math.floor(size / 4);
        this.source.fill(0, size - free);
        return { trimmedBytes: free };
      },
      steer: () => Promise.reject(new Error('Nothing of the engine steers.')),
      close: async () => {
        this.probeOpen = false;
        await this.faults.pass('probe.close');
      },
    };
  }

  /** What the guest's page cache holds now, as the probe reports it. */
  report(): CacheReport {
    const { pageBytes, size } = this.options;
    const pages = [...this.guest.dirty.keys()].sort((a, b) => a - b);
    const extents = pages.map((page): CacheExtent => ({
      offset: page * pageBytes,
      length: Math.min(pageBytes, size - page * pageBytes),
      state: page % 5 === 0 ? 'writeback' : 'dirty',
      class: page % 3 === 0 ? 'metadata' : 'data',
      ...(page % 3 === 0 ? {} : { file: page % 2, fileOffset: page * pageBytes }),
    }));
    const file = { device: '254:1', generation: 1, links: 1, fileSystem: 'ext4' };
    return {
      sequence: ++this.#reports,
      method: 'kcore',
      startMs: 0,
      endMs: 5,
      extents,
      files: [
        { ...file, inode: 12, path: '/data/a' },
        { ...file, inode: 13, links: 0 },
      ],
      unmappedBytes: { 'delayed allocation': 4096 },
      journals: [],
      restarts: 0,
      givenUp: 0,
    };
  }

  #removeNames(...purposes: string[]): void {
    for (const name of [...this.names]) {
      if (purposes.some((purpose) => name.includes(`-${purpose}`))) this.names.delete(name);
    }
  }

  #tell(event: GuestEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }
}

const EXPORT: Omit<ExportInfo, 'size' | 'readOnly' | 'metaContexts'> = {
  canFlush: true,
  canFua: true,
  canTrim: true,
  canWriteZeroes: true,
  canFastZero: false,
  canDontFragment: false,
  canMultiConn: true,
  minimumBlock: 1,
  preferredBlock: 4096,
  maximumPayload: 32 * 1024 * 1024,
  structuredReplies: true,
};
