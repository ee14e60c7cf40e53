/**
 * A disk of a guest that is looked at again and again, with nothing changed. A monitor serves one
 * client at a time, so each look connects and lets go again: a migration can begin meanwhile.
 */
import { randomBytes } from 'node:crypto';
import { CancelledError, messageOf, MonitorBusyError, UsageError } from '../../base/errors.js';
import {
  blockCount,
  blockGeometry,
  describeReport,
  encodeRuns,
  MAX_BLOCKS,
  type EventBody,
  type MigrationEvent,
} from '../../engine/index.js';
import { findDisk } from '../../hypervisor/index.js';
import { connectionsTo, lookAtDisk, openProbe, type DiskLook } from '../../reach/index.js';
import type { Connections } from '../../reach/types.js';
import type { ViewSource } from '../types.js';
import { EventFile } from './event-file.js';
import { follow, notARun, type Following, type OpenedSource, type SourceParts } from './source.js';

type WatchRequest = Extract<ViewSource, { type: 'watch' }>;

/** The most that is kept of one watch, in bytes. */
const MOST_KEPT = 4 * 1024 ** 3;

const LEAST_INTERVAL_MS = 100;

/**
 * Begins to watch; resolves after the first look. Where another client has the monitor, that is told
 * in passing, and it is tried again as any later look is.
 * @param reach connects nothing yet; for tests.
 * @throws UsageError when the request can't be; ConnectError and the like when the first look fails.
 */
export async function openWatch(
  request: WatchRequest,
  parts: SourceParts,
  signal: AbortSignal,
  reach: typeof connectionsTo = connectionsTo,
): Promise<OpenedSource> {
  const { host, disk, granularity, intervalMs } = request;
  if (!(intervalMs >= LEAST_INTERVAL_MS))
    throw new UsageError(`A disk can't be looked at every ${intervalMs} ms.`, {
      hint: `Use ${LEAST_INTERVAL_MS} ms or more.`,
    });
  blockGeometry(granularity, 0);
  const run = randomBytes(4).toString('hex');
  const connections = await reach(host, run, parts.logger);
  const looker = new Looker(connections, request, run, parts);
  const file = await EventFile.temporary();
  const source = new WatchSource(request, file, follow(file, 'watch', `${host} · ${disk}`, parts), {
    looker,
    parts,
  });
  try {
    await source.begin(signal);
  } catch (error) {
    await source.close();
    throw error;
  }
  return source;
}

/** Takes single looks, each with connections of its own. */
class Looker {
  constructor(
    private readonly connections: Connections,
    private readonly request: WatchRequest,
    private readonly run: string,
    private readonly parts: SourceParts,
  ) {}

  /** @throws MonitorBusyError while another client holds the monitor; as `lookAtDisk`. */
  async look(signal: AbortSignal): Promise<DiskLook> {
    const { connectHypervisor, connectProbe, connectNbd } = this.connections;
    const { logger, clock } = this.parts;
    const hypervisor = await connectHypervisor(signal);
    let probe: Awaited<ReturnType<typeof openProbe>> | undefined;
    try {
      const disk = findDisk(await hypervisor.disks(signal), this.request.disk);
      probe = await openProbe(hypervisor, connectProbe, signal);
      return await lookAtDisk(hypervisor, disk, probe, {
        run: this.run,
        granularity: this.request.granularity,
        clean: true,
        ...{ connectNbd, logger, signal },
        now: clock.now(),
      });
    } finally {
      if (probe && 'probe' in probe) await probe.probe.close();
      await hypervisor.close();
    }
  }
}

class WatchSource implements OpenedSource {
  readonly #stop = new AbortController();
  readonly #began: number;
  #seq = 0;
  /** What was told last, to tell only what is new. */
  #allocated = '';
  #probe = '';
  #trouble = '';
  #looking: Promise<void> | undefined;
  #closed = false;

  constructor(
    private readonly request: WatchRequest,
    private readonly file: EventFile,
    private readonly following: Following,
    private readonly with_: { readonly looker: Looker; readonly parts: SourceParts },
  ) {
    this.#began = with_.parts.clock.now();
  }

  get view(): Following['view'] {
    return this.following.view;
  }

  /** Resolves after the first look, or when it has to wait for the monitor. */
  async begin(signal: AbortSignal): Promise<void> {
    const first = await this.with_.looker.look(signal).catch((error: unknown) => {
      if (error instanceof MonitorBusyError) {
        this.#failed(error);
        return;
      }
      throw error;
    });
    if (first) await this.#take(first);
    this.#looking = this.#lookOn();
  }

  tell(): Promise<void> {
    return Promise.reject(notARun(`The disk ${this.request.disk}`));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.view.close();
    this.#stop.abort();
    await this.#looking;
    await this.file.close();
  }

  async #lookOn(): Promise<void> {
    const { looker, parts } = this.with_;
    const { signal } = this.#stop;
    try {
      for (;;) {
        await parts.clock.sleep(this.request.intervalMs, signal);
        const look = await looker.look(signal).catch((error: unknown) => this.#failed(error));
        if (look) await this.#take(look);
      }
    } catch (error) {
      if (this.#closed) return;
      this.view.trouble(error);
      this.view.end();
    }
  }

  /** Says so once, and the next look is tried as if nothing had been. @throws CancelledError. */
  #failed(error: unknown): undefined {
    if (error instanceof CancelledError && this.#stop.signal.aborted) throw error;
    const message = messageOf(error);
    if (message !== this.#trouble) this.view.trouble(error, true);
    this.#trouble = message;
    return undefined;
  }

  async #take(look: DiskLook): Promise<void> {
    const { start } = this.following.recording.head.figures;
    if (!start) await this.#begin(look);
    else if (look.geometry.size !== start.disk.size)
      throw new UsageError(`The disk ${this.request.disk} has another size now.`, {
        hint: 'Open its map again.',
      });
    this.#trouble = '';
    const blocks = encodeRuns(look.allocated);
    const allocated = JSON.stringify(blocks);
    if (allocated !== this.#allocated)
      await this.#emit({ type: 'allocated', blocks, bytes: look.allocated.bytes(look.geometry) });
    this.#allocated = allocated;
    const { cache } = look;
    const probe = probeOf(cache);
    const told = JSON.stringify(probe);
    if (told !== this.#probe) await this.#emit(probe);
    this.#probe = told;
    if (cache.state !== 'seen') return;
    const { event } = describeReport(cache.report, look.geometry, 0);
    await this.#emit({ ...event, tookMs: cache.report.endMs - cache.report.startMs });
  }

  async #emit(body: EventBody): Promise<void> {
    const { type, ...rest } = body;
    const t = this.with_.parts.clock.now() - this.#began;
    const event = { seq: this.#seq++, t, type, ...rest } as MigrationEvent;
    const line = Buffer.from(`${JSON.stringify(event)}\n`);
    await this.file.append(line, MOST_KEPT, `What was seen of ${this.request.disk}`);
    await this.following.reader.take(line);
  }

  async #begin(look: DiskLook): Promise<void> {
    const { disk, granularity } = this.request;
    if (blockCount(look.geometry) > MAX_BLOCKS)
      throw new UsageError(`The disk ${disk} has too many blocks of ${granularity} bytes.`, {
        hint: 'Use a larger granularity.',
      });
    await this.#emit(this.#start(look));
  }

  /** A watch is kept as a run is whose policy, destination and limits are none. */
  #start({ disk, geometry }: DiskLook): EventBody {
    return {
      type: 'start',
      protocol: '1.1',
      run: 'watch',
      startedAt: '',
      host: this.request.host,
      disk: { name: disk.name, size: disk.size, image: disk.image, format: disk.format },
      granularity: geometry.granularity,
      destination: '',
      policy: 'none',
      limits: { maxBandwidth: null, downtimeLimitMs: 0, maxRounds: 1 },
      verify: 'none',
      pivot: false,
    };
  }
}

function probeOf(cache: DiskLook['cache']): EventBody & { type: 'probe' } {
  if (cache.state === 'unknown') return { type: 'probe', state: 'absent', message: cache.reason };
  const { method, kernel } = cache.info;
  const message = `The guest's probe reports its page cache by ${method}.`;
  return { type: 'probe', state: 'connected', message, method, kernel };
}
