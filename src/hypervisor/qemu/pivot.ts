/**
 * A new image that the guest's own QEMU opens, and the swap of the guest's disk for it:
 *
 *   remove the exports of both nodes       (a mirror can't have a node that is exported)
 *   blockdev-mirror, sync none             ready at once: nothing is written while paused
 *   query-status                           nobody resumed the guest since its last flip; were it
 *                                          resumed later, the mirror brings what it writes
 *   job-complete                           the guest's device now has the new node
 *   query-block                            verified
 *
 * A file system or device that the guest has mounted sees nothing of it.
 */
import { cancellable, throwIfCancelled } from '../../base/cancel.js';
import { HypervisorError, UsageError, messageOf } from '../../base/errors.js';
import type { MachineFiles, PivotDestination, PivotOptions, ReleaseOutcome } from '../types.js';
import { Serial } from '../undo.js';
import type { UndoStack } from '../undo.js';
import type { OpenImage, ImageTuning } from './image.js';
import { adoptImage, openImage } from './image.js';
import { cancelJob, dismissJob, expectJob } from './jobs.js';
import type { NbdLease } from './nbd-server.js';
import type { QemuSession } from './session.js';
import { cleanUpTimeoutMs, longestNodeName } from './session.js';
import type { QemuSource } from './source.js';

/** How long the swap may take once the mirror was asked for, in milliseconds. */
const swapTimeoutMs = 30_000;

export interface PivotPlace {
  readonly lease: NbdLease;
  /** The hypervisor's files, where paths mean the same here and there. */
  readonly files?: MachineFiles | undefined;
}

export class QemuPivot implements PivotDestination {
  readonly name: string;
  readonly uri: string;
  readonly readsAsZeroes: boolean;
  readonly diskName: string;
  readonly #session: QemuSession;
  readonly #source: QemuSource;
  readonly #run: string;
  readonly #image: OpenImage;
  readonly #undo: UndoStack;
  readonly #serial = new Serial();
  #state: 'open' | 'switched' | 'unknown' | 'released' = 'open';

  private constructor(
    session: QemuSession,
    source: QemuSource,
    options: PivotOptions,
    image: OpenImage,
    undo: UndoStack,
  ) {
    this.name = `file:${options.path}`;
    this.uri = image.export.uri;
    this.readsAsZeroes = image.readsAsZeroes;
    this.diskName = image.node;
    this.#session = session;
    this.#source = source;
    this.#run = options.run;
    this.#image = image;
    this.#undo = undo;
  }

  /** `place.lease` passes to the pivot. Errors as `Hypervisor.openPivot`. */
  static async open(
    session: QemuSession,
    source: QemuSource,
    options: PivotOptions,
    place: PivotPlace,
    signal?: AbortSignal,
  ): Promise<QemuPivot> {
    const undo = session.undoStack();
    undo.add(`the use of the NBD server of ${session.name}`, () => place.lease.release());
    const request = {
      run: options.run,
      path: options.path,
      format: options.format,
      size: source.disk.size,
      overwrite: options.overwrite,
      tuning: tuningFor(source, options),
      node: lastingName(source, options.run),
      files: place.files,
      ...(options.reopens ? { reopens: options.reopens } : {}),
    };
    try {
      const open = options.reopens ? adoptImage : openImage;
      const image = await open(session, place.lease, request, undo, signal);
      return new QemuPivot(session, source, options, image, undo);
    } catch (error) {
      await undo.unwind();
      throw error;
    }
  }

  async switchOver(signal?: AbortSignal, beforeCommit?: () => Promise<void>): Promise<string> {
    const what = `Swapping ${this.#source.disk.name} for ${this.name}`;
    throwIfCancelled(signal, what);
    return this.#serial.run(async () => {
      if (this.#state !== 'open') {
        throw new UsageError(`${what} needs an open destination; it is ${this.#state}.`);
      }
      const { running } = await this.#session.qmp.execute('query-status', {}, { signal });
      if (running) throw new UsageError(`${what} needs the guest paused; it is running.`);
      await cancellable(this.#detach(), signal, what);
      await this.#mirror(what, beforeCommit);
      return this.#image.node;
    });
  }

  release(outcome: ReleaseOutcome): Promise<void> {
    return this.#serial.run(async () => {
      const state = this.#state;
      if (state === 'released') return;
      this.#state = 'released';
      if (state === 'unknown') {
        const { logger } = this.#session;
        logger.log('warn', `${this.name} is kept: it is not known whether the guest uses it.`);
      }
      if (state !== 'open' || outcome !== 'discard') this.#image.forgetFile();
      if (state !== 'open' || outcome === 'as-found') this.#image.forgetNode();
      await this.#undo.unwind();
    });
  }

  async #detach(): Promise<void> {
    await this.#image.export.remove();
    await this.#source.detach();
  }

  async #mirror(what: string, beforeCommit?: () => Promise<void>): Promise<void> {
    const id = `migrascope-${this.#run}-pivot`;
    const ready = expectJob(this.#session, id, ['ready', 'concluded'], {
      timeoutMs: swapTimeoutMs,
    });
    const concluded = expectJob(this.#session, id, ['concluded'], { timeoutMs: swapTimeoutMs });
    try {
      await this.#start(id);
      const { status } = await ready.data;
      if (status === 'ready') {
        await beforeCommit?.();
        await this.#requireStood();
        this.#state = 'unknown';
        await this.#session.change(this.#run, 'job-complete', { id });
        await concluded.data;
      }
      const failure = await dismissJob(this.#session, this.#run, id);
      await this.#verify(failure);
      this.#state = 'switched';
    } catch (error) {
      ready.cancel();
      concluded.cancel();
      await this.#settleFailure(what, id, error);
    }
  }

  async #start(id: string): Promise<void> {
    await this.#session.change(this.#run, 'blockdev-mirror', {
      'job-id': id,
      device: this.#source.target.node,
      target: this.#image.node,
      sync: 'none',
      'auto-dismiss': false,
    });
  }

  /** @throws HypervisorError when the guest runs, or ran since its last flip. */
  async #requireStood(): Promise<void> {
    const { running } = await this.#session.qmp.execute('query-status', {});
    if (!running && !this.#source.resumedSinceFlip) return;
    throw new HypervisorError('The guest was resumed after its disk was read last', {
      hint: 'Somebody else resumed it. Start the migration again, and leave the guest to it.',
    });
  }

  /** @throws HypervisorError when the guest's device does not have the new node. */
  async #verify(failure: string | undefined): Promise<void> {
    const node = await this.#nodeOfGuest();
    if (node === this.#image.node) return;
    const reason = failure ?? `the guest's device has the node ${node ?? '(none)'}`;
    throw new HypervisorError(`QEMU ended the swap without doing it: ${reason}.`);
  }

  async #nodeOfGuest(): Promise<string | undefined> {
    const timeoutMs = cleanUpTimeoutMs;
    const blocks = await this.#session.qmp.execute('query-block', {}, { timeoutMs });
    const { qdev } = this.#source.target;
    return blocks.find((block) => block.qdev === qdev)?.inserted?.['node-name'];
  }

  /**
   * Ends the job and finds out which disk the guest has.
   * @throws HypervisorError unless it is the new one.
   */
  async #settleFailure(what: string, id: string, error: unknown): Promise<void> {
    const { name, logger } = this.#session;
    try {
      await this.#session.reachAgain();
      await cancelJob(this.#session, this.#run, id);
      const node = await this.#nodeOfGuest();
      this.#state = node === this.#image.node ? 'switched' : 'open';
    } catch (second) {
      logger.log('warn', `After the failed swap ${name} could not be asked: ${messageOf(second)}`);
    }
    if (this.#state === 'switched') {
      logger.log('warn', `${what}: it is done, but QEMU also said: ${messageOf(error)}`);
      return;
    }
    const known = this.#state === 'open';
    const disk = known
      ? 'the guest keeps its old disk'
      : 'it is not known which disk the guest has';
    throw new HypervisorError(`${what} on ${name} failed: ${messageOf(error)} (${disk}).`, {
      cause: error,
      ...(known ? {} : { hint: 'Ask QEMU with query-block before anything else is done.' }),
    });
  }
}

/** The name that the guest's new disk keeps: the source's and the run's, outside our prefix. */
function lastingName(source: QemuSource, run: string): string {
  const plain = source.disk.name.replaceAll(/[^A-Za-z0-9_.-]/g, '_');
  const base = /^[A-Za-z]/.test(plain) ? plain : `disk${plain}`;
  return `${base.slice(0, longestNodeName - 1 - run.length)}.${run}`;
}

function tuningFor({ target }: QemuSource, options: PivotOptions): ImageTuning {
  const { cache, detect_zeroes: detectZeroes } = target.inserted;
  return {
    direct: options.cacheDirect ?? cache.direct,
    noFlush: cache['no-flush'],
    detectZeroes,
    discard: options.discard ?? 'unmap',
    ...(options.aio === undefined ? {} : { aio: options.aio }),
  };
}
