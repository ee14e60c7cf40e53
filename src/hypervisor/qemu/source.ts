/**
 * A disk of the guest as the source of a run: a read-only export of it, and dirty bitmaps.
 *
 *   startTracking   bitmap 1 records
 *   flip            transaction { add 2, disable 1 }    2 records from the same instant on
 *                   export the node with bitmap 1, read its extents, remove the export and 1
 *   flip            transaction { add 3, disable 2 } …
 *
 * A bitmap that could not be read to its end is merged, in the next transaction, into the one that
 * is closed there: a failed flip loses nothing. One that was read goes with the next flip, so that a
 * process which dies with what it read leaves it to be read again:
 *
 *   startTracking   after a flip K of another process: the newest bitmap records still; those from
 *                   K + 1 on count as not read, the others as read
 */
import { cancellable, throwIfCancelled } from '../../base/cancel.js';
import {
  ConnectionLostError,
  HypervisorError,
  QmpCommandError,
  UsageError,
} from '../../base/errors.js';
import type { ExtentVisitor } from '../../base/extent.js';
import {
  NBD_STATE_DIRTY,
  QEMU_DIRTY_BITMAP_PREFIX,
  SlabPool,
  connectNbd,
} from '../../nbd/index.js';
import type { GuestDisk, SourceDisk, SourceOptions } from '../types.js';
import { Serial } from '../undo.js';
import { bitmapsOf, chain, numberOf } from './bitmap-chain.js';
import type { QemuDisk } from './disks.js';
import { addExport } from './nbd-server.js';
import type { NbdExport, NbdLease } from './nbd-server.js';
import type { TransactionAction } from './schema.js';
import type { QemuSession } from './session.js';

/** @throws UsageError when a run's options are out of their ranges. */
export function checkSourceOptions({ run, granularity }: SourceOptions): void {
  if (!/^[a-z0-9]{1,8}$/.test(run)) {
    throw new UsageError(`"${run}" can't be a run's id: it has 1 to 8 characters of a-z0-9.`);
  }
  const bits = Math.log2(granularity);
  if (!Number.isInteger(bits) || bits < 9 || bits > 31) {
    throw new UsageError(
      `The granularity ${granularity} is not a power of two from 512 bytes to 2 GiB.`,
    );
  }
}

export class QemuSource implements SourceDisk {
  readonly disk: GuestDisk;
  readonly uri: string;
  readonly #session: QemuSession;
  readonly #options: SourceOptions;
  readonly #lease: NbdLease;
  readonly #export: NbdExport;
  readonly #serial = new Serial();
  readonly #pool = new SlabPool();
  #resumesAtFlip: number;
  /** The bitmap that records. */
  #recording: string | undefined;
  /** Disabled bitmaps whose extents have not all been visited. */
  #unread: string[] = [];
  /** Bitmaps of which nobody needs anything any more, but which are still there. */
  #spent: string[] = [];
  /** The export of a bitmap that could not be removed yet. */
  #bitmapExport: NbdExport | undefined;
  #released = false;

  private constructor(
    session: QemuSession,
    readonly target: QemuDisk,
    options: SourceOptions,
    lease: NbdLease,
    source: NbdExport,
  ) {
    this.#session = session;
    this.#options = options;
    this.#lease = lease;
    this.#export = source;
    this.disk = target.disk;
    this.uri = source.uri;
    this.#resumesAtFlip = session.resumes;
  }

  /** Exports the disk. `lease` passes to the source. Errors as `Hypervisor.openSource`. */
  static async open(
    session: QemuSession,
    target: QemuDisk,
    options: SourceOptions,
    lease: NbdLease,
  ): Promise<QemuSource> {
    const { run } = options;
    const undo = session.undoStack();
    undo.add(`the use of the NBD server of ${session.name}`, () => lease.release());
    try {
      const request = { run, purpose: 'source', node: target.node, writable: false };
      const source = await addExport(session, lease, request);
      return new QemuSource(session, target, options, lease, source);
    } catch (error) {
      await undo.unwind();
      throw refused(session, target, 'exported', error);
    }
  }

  async startTracking(signal?: AbortSignal): Promise<void> {
    const what = `Starting to track ${this.disk.name}`;
    throwIfCancelled(signal, what);
    return cancellable(
      this.#serial.run(() => this.#startTracking()),
      signal,
      what,
    );
  }

  async flip(visit: ExtentVisitor, signal?: AbortSignal): Promise<number> {
    const what = `Reading what was written to ${this.disk.name}`;
    throwIfCancelled(signal, what);
    return cancellable(
      this.#serial.run(() => this.#flip(visit, signal)),
      signal,
      what,
    );
  }

  /** Whether the guest was resumed since the last flip, or may have been: what it wrote then was told to nobody. */
  get resumedSinceFlip(): boolean {
    return this.#session.wasLost || this.#session.resumes !== this.#resumesAtFlip;
  }

  /** Takes the disk off the NBD server, so that a block job can have it; `uri` ends here. */
  detach(): Promise<void> {
    return this.#export.remove();
  }

  release(): Promise<void> {
    return this.#serial.run(async () => {
      if (this.#released) return;
      this.#released = true;
      const undo = this.#session.undoStack();
      undo.add(`the use of the NBD server of ${this.#session.name}`, () => this.#lease.release());
      const bitmaps = [this.#recording, ...this.#unread, ...this.#spent];
      for (const name of bitmaps.filter((bitmap) => bitmap !== undefined)) {
        undo.add(`bitmap ${name} of ${this.target.node}`, () => this.#removeBitmap(name));
      }
      undo.add(`the export of ${this.disk.name}`, () => this.#export.remove());
      const { run } = this.#options;
      undo.add(`run ${run}'s export of a bitmap`, async () => this.#bitmapExport?.remove());
      await undo.unwind();
    });
  }

  async #startTracking(): Promise<void> {
    this.#requireOpen('start tracking');
    if (this.#recording !== undefined) {
      throw new UsageError(`Tracking of ${this.disk.name} has started already.`);
    }
    const { run, granularity, after } = this.#options;
    if (after !== undefined) {
      await this.#continueTracking(after);
      return;
    }
    const name = this.#session.newName(run, 'dirty');
    const args = { node: this.target.node, name, granularity };
    try {
      await this.#session.change(run, 'block-dirty-bitmap-add', args);
    } catch (error) {
      throw refused(this.#session, this.target, 'tracked', error);
    }
    this.#recording = name;
  }

  async #continueTracking(after: number): Promise<void> {
    const nodes = await this.#session.qmp.execute('query-named-block-nodes', { flat: true });
    const node = nodes.find((each) => each['node-name'] === this.target.node);
    const { disk } = this;
    const found = bitmapsOf(this.#options.run, node?.['dirty-bitmaps'] ?? []);
    this.#spent = found.map(({ name }) => name);
    const { spent, unread, recording } = chain(disk, found, { ...this.#options, after });
    this.#session.countFrom('dirty', recording.number);
    this.#spent = spent.map(({ name }) => name);
    this.#unread = unread.map(({ name }) => name);
    this.#recording = recording.name;
  }

  async #flip(visit: ExtentVisitor, signal: AbortSignal | undefined): Promise<number> {
    this.#requireOpen('read what was written');
    await this.#removeBitmapExport();
    this.#resumesAtFlip = this.#session.resumes;
    const bitmap = await this.#swap();
    await this.#read(bitmap, visit, signal);
    this.#unread = [];
    await this.#removeSpent();
    this.#spent.push(bitmap);
    return numberOf(bitmap);
  }

  /** Closes the bitmap that records and begins another, in one transaction. */
  async #swap(): Promise<string> {
    const closing = this.#recording;
    if (closing === undefined) {
      throw new UsageError(`Tracking of ${this.disk.name} has not started.`);
    }
    const { run, granularity } = this.#options;
    const { node } = this.target;
    const next = this.#session.newName(run, 'dirty');
    const unread = this.#unread;
    const actions: TransactionAction[] = [
      { type: 'block-dirty-bitmap-add', data: { node, name: next, granularity } },
      { type: 'block-dirty-bitmap-disable', data: { node, name: closing } },
    ];
    if (unread.length > 0) {
      const data = { node, target: closing, bitmaps: unread };
      actions.push({ type: 'block-dirty-bitmap-merge', data });
    }
    try {
      await this.#session.change(run, 'transaction', { actions }, { routine: true });
    } catch (error) {
      throw refused(this.#session, this.target, 'flipped to a new bitmap', error);
    }
    this.#spent.push(...unread);
    this.#recording = next;
    this.#unread = [closing];
    return closing;
  }

  async #read(
    bitmap: string,
    visit: ExtentVisitor,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { run } = this.#options;
    const request = { purpose: 'flip', node: this.target.node, writable: false };
    try {
      const made = await addExport(this.#session, this.#lease, {
        run,
        ...request,
        bitmaps: [bitmap],
        routine: true,
      });
      this.#bitmapExport = made;
      await this.#visit(made.uri, QEMU_DIRTY_BITMAP_PREFIX + bitmap, visit, signal);
    } catch (error) {
      throw refused(this.#session, this.target, 'read for its dirty blocks', error);
    }
    await this.#removeBitmapExport();
  }

  async #visit(
    uri: string,
    context: string,
    visit: ExtentVisitor,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { clock, logger, dial } = this.#session.options;
    const options = { clock, logger, dial, pool: this.#pool, ...(signal ? { signal } : {}) };
    const connection = await connectNbd(uri, { ...options, metaContexts: [context] });
    try {
      if (!connection.info.metaContexts.includes(context)) {
        throw new HypervisorError(`${this.#session.name} does not give out ${context}.`, {
          hint: 'Its NBD server has no dirty bitmaps: QEMU 5.2 or later is needed.',
        });
      }
      const runs = new RunMerger(visit);
      await connection.blockStatus(
        context,
        0,
        connection.info.size,
        (offset, length, flags) => {
          throwIfCancelled(signal, `Reading what was written to ${this.disk.name}`);
          if ((flags & NBD_STATE_DIRTY) !== 0) runs.add(offset, length);
        },
        signal ? { signal } : {},
      );
      runs.end();
    } catch (error) {
      connection.destroy();
      throw error;
    }
    await connection.close();
  }

  async #removeBitmapExport(): Promise<void> {
    await this.#bitmapExport?.remove();
    this.#bitmapExport = undefined;
  }

  /** What can't be removed now is tried again at the next flip and at the release. */
  async #removeSpent(): Promise<void> {
    for (const name of [...this.#spent]) {
      try {
        await this.#removeBitmap(name);
        this.#spent.splice(this.#spent.indexOf(name), 1);
      } catch (error) {
        if (!(error instanceof QmpCommandError)) throw error;
        const { logger } = this.#session;
        logger.log('warn', `Bitmap ${name} is not removed yet: ${error.description}`);
      }
    }
  }

  #removeBitmap(name: string): Promise<void> {
    const args = { node: this.target.node, name };
    const { run } = this.#options;
    return this.#session.remove(run, 'block-dirty-bitmap-remove', args, { routine: true });
  }

  #requireOpen(what: string): void {
    if (this.#session.wasLost) {
      const { name } = this.#session;
      throw new ConnectionLostError(`The tracking of ${this.disk.name} ended with ${name}.`);
    }
    if (!this.#released) return;
    throw new UsageError(
      `To ${what}, the source ${this.disk.name} has to be open; it was released.`,
    );
  }
}

/** Joins runs that touch, as a server may cut them anywhere. */
class RunMerger {
  #offset = 0;
  #length = 0;

  constructor(private readonly visit: ExtentVisitor) {}

  add(offset: number, length: number): void {
    if (offset === this.#offset + this.#length && this.#length > 0) {
      this.#length += length;
      return;
    }
    this.end();
    this.#offset = offset;
    this.#length = length;
  }

  end(): void {
    if (this.#length > 0) this.visit(this.#offset, this.#length);
    this.#length = 0;
  }
}

/** QEMU's refusal as an error that names the disk; other errors as they are. */
function refused(session: QemuSession, target: QemuDisk, done: string, error: unknown): unknown {
  if (!(error instanceof QmpCommandError)) return error;
  return new HypervisorError(
    `The disk ${target.disk.name} of ${session.name} could not be ${done}: ${error.description}.`,
    {
      cause: error,
      hint: `Look at "query-block-jobs" and "query-named-block-nodes" of ${session.name}: another job or client may hold the disk.`,
    },
  );
}
