/** A guest's QEMU, over its monitor, as the engine sees it. */
import { cancellable } from '../../base/cancel.js';
import type { Clock } from '../../base/clock.js';
import { ConnectError, HypervisorError, UsageError, messageOf } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import type { Host } from '../hosts.js';
import type {
  AddedPort,
  GuestDisk,
  GuestEvent,
  HostChange,
  Hypervisor,
  Journal,
  Leftover,
  LeftoverOutcome,
  PivotDestination,
  PivotOptions,
  ProbeAddress,
  ReleaseOutcome,
  RunState,
  SourceDisk,
  SourceOptions,
} from '../types.js';
import { accessTo } from './access.js';
import type { HostAccess } from './access.js';
import { findDisk, listDisks } from './disks.js';
import type { QemuDisk } from './disks.js';
import { addProbePort, agentPortName, portAddress, probePortName } from './guest-ports.js';
import { findLeftovers, removeLeftovers } from './leftovers.js';
import { QemuNbdServer } from './nbd-server.js';
import { QemuPivot } from './pivot.js';
import { openQmp } from './qmp-client.js';
import type { QmpClient } from './qmp-client.js';
import { requireFree, requireTracking } from './requirements.js';
import { QemuRunState } from './run-state.js';
import { QemuSession, noJournal } from './session.js';
import { sweep } from './sweep.js';
import { QemuSource, checkSourceOptions } from './source.js';

export interface ConnectOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal?: AbortSignal;
  /** Is told of every change before it is made in the host. */
  readonly journal?: Journal;
  /** The ssh command; `ssh` unless told. */
  readonly ssh?: string;
}

/** How long closing may take in all, in milliseconds. */
const closeTimeoutMs = 30_000;

/**
 * Connects to the monitor of a guest's QEMU.
 * @throws ConnectError when it can't be reached, MonitorBusyError when another client holds it,
 * ProtocolError when it is no QMP monitor, TimeoutError, CancelledError.
 */
export async function connectQemu(host: Host, options: ConnectOptions): Promise<QemuHypervisor> {
  for (const warning of host.warnings) options.logger.log('warn', warning);
  return connectQemuThrough(accessTo(host, options), host, options);
}

/**
 * As {@link connectQemu}, by a way of access that is there already and that the hypervisor closes.
 * @throws as {@link connectQemu} does.
 */
export async function connectQemuThrough(
  access: HostAccess,
  host: Pick<Host, 'name' | 'probe'>,
  options: ConnectOptions,
): Promise<QemuHypervisor> {
  const { clock, logger, signal } = options;
  try {
    const connect = async (wanted?: AbortSignal): Promise<QmpClient> => {
      const stream = await access.openMonitor(wanted);
      return openQmp(stream, { name: host.name, clock, logger, signal: wanted });
    };
    const session = new QemuSession(await connect(signal), {
      name: host.name,
      clock,
      logger,
      journal: options.journal ?? noJournal,
      reconnect: () => connect(),
      dial: access.dial,
    });
    return new QemuHypervisor(session, access, host);
  } catch (error) {
    await access.close();
    const said = access.errors;
    if (!(error instanceof ConnectError) || error.kind !== 'connect' || said === '') throw error;
    throw new ConnectError(`${error.message} (ssh: ${said})`, { cause: error });
  }
}

interface Releasable {
  release(outcome: ReleaseOutcome): Promise<void>;
}

export class QemuHypervisor implements Hypervisor {
  readonly name: string;
  readonly #runState: QemuRunState;
  readonly #nbdServer: QemuNbdServer;
  /** What is open, oldest first. */
  readonly #open = new Set<Releasable>();
  readonly #reach = (address: ProbeAddress): Promise<ProbeAddress> => this.access.reach(address);
  /** What is being opened; closing waits for it. */
  readonly #opening = new Set<Promise<unknown>>();
  #closed: Promise<void> | undefined;

  constructor(
    /** The monitor; for the lab, the guardian and tests. */
    readonly session: QemuSession,
    private readonly access: HostAccess,
    private readonly host: Pick<Host, 'probe'>,
  ) {
    this.name = session.name;
    this.#runState = new QemuRunState(session);
    this.#nbdServer = new QemuNbdServer(session, (signal) => access.makePlace(signal));
  }

  async disks(signal?: AbortSignal): Promise<readonly GuestDisk[]> {
    return (await listDisks(this.session.qmp, signal)).map(({ disk }) => disk);
  }

  async runState(signal?: AbortSignal): Promise<RunState> {
    const { running, status } = await this.session.qmp.execute('query-status', {}, { signal });
    return { running, status };
  }

  pause(signal?: AbortSignal): Promise<void> {
    return this.#runState.execute('stop', signal);
  }

  resume(signal?: AbortSignal): Promise<void> {
    return this.#runState.execute('cont', signal);
  }

  onGuestEvent(listener: (event: GuestEvent) => void): () => void {
    return this.#runState.onGuestEvent(listener);
  }

  openSource(disk: GuestDisk, options: SourceOptions, signal?: AbortSignal): Promise<SourceDisk> {
    return this.#make(`Opening ${disk.name}`, signal, async () => {
      checkSourceOptions(options);
      await requireTracking(this.session, signal);
      const target = await this.#currentDisk(disk, signal);
      await requireFree(this.session, target, signal);
      const lease = await this.#nbdServer.acquire(options.run, signal);
      return QemuSource.open(this.session, target, options, lease);
    });
  }

  openPivot(
    source: SourceDisk,
    options: PivotOptions,
    signal?: AbortSignal,
  ): Promise<PivotDestination> {
    return this.#make(`Opening the image ${options.path}`, signal, async () => {
      if (!(source instanceof QemuSource) || !this.#open.has(source)) {
        throw new UsageError(`${source.disk.name} is not an open source of ${this.name}.`);
      }
      const target = await this.#currentDisk(source.disk, signal);
      await requireFree(this.session, target, signal);
      const lease = await this.#nbdServer.acquire(options.run, signal);
      const place = { lease, files: this.access.files };
      return QemuPivot.open(this.session, source, options, place, signal);
    });
  }

  async probeAddress(signal?: AbortSignal): Promise<ProbeAddress | undefined> {
    return this.host.probe ?? this.#portAddress(probePortName, signal);
  }

  /** Where the guest agent's socket is, if the guest has a port for it; as {@link probeAddress}. */
  guestAgentAddress(signal?: AbortSignal): Promise<ProbeAddress | undefined> {
    return this.#portAddress(agentPortName, signal);
  }

  /**
   * Adds a port for the probe to the running guest; for guests that were started without one.
   * @throws HypervisorError when the guest has no virtio-serial bus, or QEMU refuses.
   */
  addProbePort(run: string, signal?: AbortSignal): Promise<AddedPort> {
    return this.#make('Adding a port for the probe', signal, async () => {
      const place = await this.access.makePlace(signal);
      try {
        const port = await addProbePort(this.session, run, place.listen, place.reached);
        return {
          address: port.address,
          release: async () => {
            await port.release();
            await place.dispose();
          },
        };
      } catch (error) {
        await place.dispose();
        throw error;
      }
    });
  }

  leftovers(changes: readonly HostChange[], signal?: AbortSignal): Promise<readonly Leftover[]> {
    const what = `Looking for leftovers on ${this.name}`;
    return cancellable(
      findLeftovers(this.session, { changes, reach: this.#reach, signal }),
      signal,
      what,
    );
  }

  removeLeftovers(
    run: string,
    changes: readonly HostChange[],
    signal?: AbortSignal,
    kinds?: readonly Leftover['kind'][],
  ): Promise<readonly LeftoverOutcome[]> {
    const options = { changes, reach: this.#reach, signal, ...(kinds ? { kinds } : {}) };
    return removeLeftovers(this.session, run, options);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const timer = new AbortController();
    const { clock, logger } = this.session;
    const late = clock.sleep(closeTimeoutMs, timer.signal).then(
      () => logger.log('warn', `${this.name} does not answer; what is left of runs stays there.`),
      () => undefined,
    );
    await Promise.race([this.#releaseAll(), late]);
    timer.abort();
    this.session.qmp.close();
    await this.access.close();
  }

  async #releaseAll(): Promise<void> {
    await Promise.allSettled(this.#opening);
    for (const open of [...this.#open].reverse()) await open.release('discard');
    if (this.session.runs.size > 0 || this.#runState.pausedByUs) await this.#notice();
    if (!this.session.wasLost || this.session.qmp.state !== 'running') return;
    for (const run of this.session.runs) await sweep(this.session, run);
    await this.#runState.resumeIfLeft().catch((error: unknown) => {
      const { logger, name } = this.session;
      logger.log('error', `The guest of ${name} could not be resumed: ${messageOf(error)}`);
    });
  }

  /** Notices a connection that was lost meanwhile, and connects anew. */
  async #notice(): Promise<void> {
    const { qmp } = this.session;
    await qmp.execute('query-status', {}).catch(() => this.session.reachAgain());
  }

  async #portAddress(name: string, signal?: AbortSignal): Promise<ProbeAddress | undefined> {
    const address = await portAddress(this.session.qmp, name, signal);
    return address && this.access.reach(address, signal);
  }

  /** The disk as it is now: node names that QEMU made up may have changed. */
  async #currentDisk(disk: GuestDisk, signal: AbortSignal | undefined): Promise<QemuDisk> {
    const disks = await listDisks(this.session.qmp, signal);
    const current = findDisk(
      disks.map((other) => other.disk),
      disk.name,
    );
    if (current.size !== disk.size) {
      throw new HypervisorError(
        `The disk ${disk.name} of ${this.name} changed its size: ${disk.size}, now ${current.size}.`,
        { hint: 'Ask for the disks again.' },
      );
    }
    return disks.find((other) => other.disk === current)!;
  }

  /** Makes something that is released with this hypervisor at the latest, even when the caller has given up. */
  async #make<T extends Releasable>(
    what: string,
    signal: AbortSignal | undefined,
    make: () => Promise<T>,
  ): Promise<T> {
    if (this.#closed) {
      throw new UsageError(`${what} needs an open connection to ${this.name}; it was closed.`);
    }
    const making = make().then((made) => {
      this.#open.add(made);
      if (signal?.aborted) void made.release('discard');
      return made;
    });
    this.#opening.add(making);
    const settled = (): void => void this.#opening.delete(making);
    making.then(settled, settled);
    return cancellable(making, signal, what);
  }
}
