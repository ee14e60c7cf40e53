/**
 * A simulated QEMU with a guest: block layer, jobs, exports and devices, steered over QMP monitors.
 *
 *   monitors ── commands ──► run state ──► guest ──► disk ──► block node ──► image
 *                    │                                            │ bitmaps, mirror
 *                    ├─► block graph, jobs, exports ──────────────┘
 *                    └─► devices: disks, serial ports, character devices
 */
import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.js';
import { messageOf } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import type { Guest, GuestDevice } from '../guest/types.js';
import { QmpMonitor, commandTable, refusal } from '../qmp/index.js';
import type { Answer, JsonObject, QmpCommand } from '../qmp/index.js';
import { bitmapCommands } from './bitmap-commands.js';
import { blockCommands } from './block-commands.js';
import { BlockGraph } from './block-graph.js';
import type { BlockNode } from './block-node.js';
import { Opener } from './blockdev.js';
import { VERSION, controlCommands } from './control-commands.js';
import { deviceCommands } from './device-commands.js';
import { Devices } from './devices.js';
import { VirtioDisk } from './disk.js';
import type { DiskOptions } from './disk.js';
import { BlockExports } from './exports.js';
import { Faults } from './faults.js';
import type { MakeImage, SimulatedFiles } from './files.js';
import { jobCommands } from './job-commands.js';
import { Jobs } from './jobs.js';
import { MachineRunState } from './run-state.js';
import type { MachineHost, SocketAddress } from './types.js';

/** How long a job takes for its next step, in milliseconds. */
const STEP_MS = 1;

/** The moment that the clock's 0 is, for the timestamps of events: 2026-01-01. */
const EPOCH_MS = Date.UTC(2026, 0, 1);

export interface PortOptions {
  /** Of the device. */
  readonly id: string;
  /** As the guest finds it under /dev/virtio-ports. */
  readonly name: string;
  readonly chardev: string;
  /** Where the host's side listens. */
  readonly listen: SocketAddress;
}

export interface MachineOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly files: SimulatedFiles;
  readonly createImage: MakeImage;
  readonly host: MachineHost;
  readonly disks: readonly DiskOptions[];
  /** Serial ports that are there from the start. */
  readonly ports?: readonly PortOptions[];
}

export class SimulatedMachine {
  /** What goes wrong on demand. */
  readonly faults = new Faults();
  readonly disks: readonly VirtioDisk[];
  readonly devices: Devices;
  readonly graph = new BlockGraph();
  readonly #options: MachineOptions;
  readonly #runState: MachineRunState;
  readonly #exports: BlockExports;
  readonly #monitors = new Set<QmpMonitor>();
  readonly #commands: ReadonlyMap<string, QmpCommand>;
  readonly #end = new AbortController();
  /** The command that is under way, and those before it. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(options: MachineOptions) {
    const { clock, logger, files, host, createImage } = options;
    this.#options = options;
    const emit = (event: string, data?: JsonObject): void => this.#emit(event, data);
    this.#runState = new MachineRunState(clock, emit, () => host.resumed?.());
    const opener = new Opener(this.graph, files, createImage);
    this.disks = options.disks.map((disk) => openDisk(opener, disk));
    this.devices = new Devices(this.disks, host, emit);
    const { graph, faults, disks } = this;
    const advance = (): void => this.#runState.advance();
    this.#exports = new BlockExports({ host, graph, faults, clock, logger, advance, emit });
    const world = { emit, later: (act: () => void) => void this.#later(act) };
    const swapped = (from: BlockNode, to: BlockNode): void => {
      this.#exports.swapped(from, to);
      for (const disk of disks) disk.swapped(from, to);
    };
    const all = [
      ...bitmapCommands(graph),
      ...blockCommands({ graph, opener, exports: this.#exports, disks }),
      ...jobCommands({ jobs: new Jobs(world), world, graph, files, swapped }),
      ...deviceCommands(this.devices),
      ...controlCommands({
        runState: this.#runState,
        host,
        names: () => this.#names(),
        quit: () => void this.#later(() => void this.quit()),
        emit,
      }),
    ];
    this.#commands = commandTable(all.map((each) => this.#faulty(each)));
  }

  /**
   * Opens the disks and makes the ports listen; the guest stands until {@link resume} or cont.
   * @throws QmpCommandError when a disk can't be opened, or an address be listened at.
   */
  static async start(options: MachineOptions): Promise<SimulatedMachine> {
    const machine = new SimulatedMachine(options);
    for (const { id, name, chardev, listen } of options.ports ?? []) {
      await machine.devices.addChardev(chardev, listen);
      machine.devices.addPort({ driver: 'virtserialport', id, name, chardev });
    }
    return machine;
  }

  /** The guest whose processors `stop` and `cont` mean, and that is let on before each command. */
  setGuest(guest: Guest): void {
    this.#runState.guest = guest;
  }

  /** The first disk, as the guest writes it. */
  get device(): GuestDevice {
    return this.disks[0]!;
  }

  /** Whether the guest runs, in QEMU's words. */
  get status(): string {
    return this.#runState.status;
  }

  get ended(): boolean {
    return this.#end.signal.aborted;
  }

  /** A further QMP monitor, which serves one client at a time. */
  addMonitor(): QmpMonitor {
    const monitor = new QmpMonitor({
      version: VERSION,
      commands: this.#commands,
      serially: (run) => this.#serially(run),
      logger: this.#options.logger,
    });
    if (this.ended) monitor.close();
    this.#monitors.add(monitor);
    return monitor;
  }

  /** Serves a client of a monitor; the way to a machine with one monitor, or in memory. */
  attach(stream: Duplex, monitor = this.addMonitor()): QmpMonitor {
    monitor.attach(stream);
    return monitor;
  }

  /** Lets the guest do what it does until now. */
  advance(): void {
    this.#runState.advance();
  }

  /** As cont. */
  resume(): void {
    this.#runState.advance();
    this.#runState.resume();
  }

  /** As stop. */
  pause(): void {
    this.#runState.advance();
    this.#runState.pause();
  }

  /** The guest powers off. */
  shutDown(): void {
    this.#runState.advance();
    this.#runState.shutDown();
  }

  /** Its NBD server dies without a word. */
  killNbdServer(): Promise<void> {
    return this.#exports.killServer();
  }

  /** QEMU ends: monitors are closed, what listens ends, NBD clients are cut off. Idempotent. */
  async quit(): Promise<void> {
    if (this.ended) return;
    this.#emit('SHUTDOWN', { guest: false, reason: 'host-qmp-quit' });
    await this.kill();
  }

  /** QEMU dies, without a word. Idempotent. */
  async kill(): Promise<void> {
    if (this.ended) return;
    this.#runState.guest?.pause(this.#options.clock.now());
    this.#end.abort();
    for (const monitor of this.#monitors) monitor.close();
    for (const node of this.graph.nodes) node.close();
    await Promise.all([this.#exports.killServer(), this.devices.close()]);
    this.#options.host.ended?.();
  }

  #names(): string[] {
    return [...this.#commands.values()].filter(({ listed }) => listed).map(({ name }) => name);
  }

  /** One command after the other, each after the guest has come up to now. */
  #serially(run: () => Promise<Answer>): Promise<Answer> {
    const answer = this.#turn.then(() => {
      if (this.ended) throw refusal('The simulated machine has ended');
      this.#runState.advance();
      return run();
    });
    this.#turn = answer.catch(() => undefined);
    return answer;
  }

  #faulty(known: QmpCommand): QmpCommand {
    return {
      ...known,
      execute: async (args) => {
        await this.faults.meetCommand(known.name);
        return known.execute(args);
      },
    };
  }

  async #later(act: () => void): Promise<void> {
    const { clock, logger } = this.#options;
    try {
      await clock.sleep(STEP_MS, this.#end.signal);
    } catch {
      return;
    }
    try {
      this.#runState.advance();
      act();
    } catch (error) {
      logger.log('error', `A job of the simulated machine failed: ${messageOf(error)}`);
    }
  }

  #emit(event: string, data?: JsonObject): void {
    const milliseconds = EPOCH_MS + this.#options.clock.now();
    const seconds = Math.floor(milliseconds / 1000);
    const timestamp = {
      seconds,
      microseconds: Math.floor((milliseconds - 1000 * seconds) * 1000),
    };
    const message = { timestamp, event, ...(data ? { data } : {}) };
    for (const monitor of this.#monitors) monitor.emit(message);
  }
}

function openDisk(
  opener: Opener,
  { node, path, format = 'raw', ...rest }: DiskOptions,
): VirtioDisk {
  const root = opener.add({
    driver: format,
    'node-name': node,
    discard: 'unmap',
    file: { driver: 'file', filename: path, discard: 'unmap' },
  });
  return new VirtioDisk({ node, path, ...rest }, root);
}
