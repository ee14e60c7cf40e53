/** What the statements of one migration share: the sets, the account, the connections, the events. */
import type { MigrascopeError } from '../base/errors.js';
import type {
  Hypervisor,
  Destination,
  PivotDestination,
  RunState,
  SourceDisk,
} from '../hypervisor/types.js';
import { BlockSet, encodeRuns, type BlockGeometry } from './blockset/index.js';
import type { EventBody, EventForecast, EventLimits, SummaryEvent } from './events.js';
import type { GuestCache } from './guest-cache.js';
import type { Ledger } from './ledger.js';
import type { MigrationOptions, MigrationParts } from './options.js';
import type { PlainShadow } from './plain-shadow.js';
import {
  expectedDowntimeMs,
  forecast,
  type Outlook,
  type Planner,
  type WriteHistory,
} from './policy/index.js';
import { Rate } from './rates.js';
import { Throttle } from './throttle.js';
import type { Tracker } from './tracker.js';
import type { Transfer, TransferEnds } from './transfer.js';

/** What statement 1 opens. */
export interface Connected {
  readonly source: SourceDisk;
  readonly destination: Destination;
  /** The destination again, where the guest is to go on with it. */
  readonly pivot: PivotDestination | undefined;
  readonly ends: TransferEnds;
  readonly transfer: Transfer;
  readonly tracker: Tracker;
  readonly ledger: Ledger;
  readonly cache: GuestCache;
  readonly history: WriteHistory;
  readonly geometry: BlockGeometry;
}

/** The guest's pause by the program. */
export interface Pause {
  /** On the engine's clock. */
  readonly since: number;
  /** The guest's state before. */
  readonly before: RunState;
}

export class Run {
  readonly startedMs: number;
  hypervisor: Hypervisor | undefined;
  /** Absent before statement 1 is done. */
  connected: Connected | undefined;
  shadow: PlainShadow | undefined;
  /** What the destination does not have in its newest form. */
  pending = BlockSet.empty;
  /** Of these, what the last plan put off. */
  deferred = BlockSet.empty;
  /** What was compared, was equal, and was not written since. */
  verified = BlockSet.empty;
  verifiedBytes = 0;
  round: number;
  batch = -1;
  /** Number of the statement that is executed, 0 before the first. */
  line = 0;
  pause: Pause | undefined;
  /** Why the hypervisor cannot be reached any more, once that is so. */
  lost: MigrascopeError | undefined;
  /** Whether the guest powered off, or was told to. */
  poweredOff = false;
  downtimeMs = 0;
  heldMs = 0;
  /** Whether the hypervisor notes for this process what the guest writes. */
  tracks = false;
  converged = false;
  comparedAll = false;
  /** The switchover is being carried out, and can't be taken back any more. */
  committed = false;
  switchedOver = false;
  /** Nobody watches over the guest's pause any more, or the guardian has resumed it. */
  leaseLost = false;
  /** The guest as it was last seen. */
  guestState: SummaryEvent['guest'] = 'unknown';
  /** Name of the block node that the guest has. */
  diskName: string;
  /** A link carries as much back as it carries forth. */
  readonly readBackThrottle: Throttle;
  #limits: EventLimits;
  readonly bandwidth = new Rate(10_000);
  readonly dirtyRate = new Rate(10_000);
  /** Ends everything that waits: the person's cancel, or a failure beside the program. */
  readonly signal: AbortSignal;
  readonly #failure = new AbortController();
  #seq: number;

  constructor(
    readonly options: MigrationOptions,
    readonly parts: MigrationParts,
    readonly planner: Planner,
    readonly throttle: Throttle,
  ) {
    this.signal = AbortSignal.any([parts.signal, this.#failure.signal]);
    this.readBackThrottle = new Throttle(parts.clock, options.maxBandwidth);
    const { continuation } = parts;
    this.startedMs = parts.clock.now() - (continuation?.t ?? 0);
    const { maxBandwidth = null, downtimeLimitMs, maxRounds } = options;
    this.#limits = continuation?.limits ?? { maxBandwidth, downtimeLimitMs, maxRounds };
    this.#capBandwidth();
    this.diskName = options.disk;
    this.#seq = continuation?.events ?? 0;
    this.round = continuation?.round ?? -1;
  }

  /** @throws Error when statement 1 is not done: a defect of the program. */
  get open(): Connected {
    if (!this.connected) throw new Error('Statement 1 has not been executed yet.');
    return this.connected;
  }

  /** Ends the program for something that happened beside it. */
  fail(error: unknown): void {
    this.#failure.abort(error);
  }

  /** What ended the program beside it, if anything did. */
  get failure(): unknown {
    return this.#failure.signal.reason as unknown;
  }

  /** As they are now: whoever controls the run may change them. */
  get limits(): EventLimits {
    return this.#limits;
  }

  changeLimits(change: Partial<EventLimits>): void {
    this.#limits = { ...this.#limits, ...change };
    this.#capBandwidth();
    this.emit({ type: 'limits', limits: this.#limits });
  }

  #capBandwidth(): void {
    const cap = this.#limits.maxBandwidth ?? undefined;
    this.throttle.bytesPerSecond = cap;
    this.readBackThrottle.bytesPerSecond = cap;
  }

  /** Gives the event its number and time, and hands it on. */
  emit<B extends EventBody>(body: B): B & { seq: number; t: number } {
    const t = Math.round((this.parts.clock.now() - this.startedMs) * 1000) / 1000;
    const event = { seq: this.#seq++, t, ...body };
    this.parts.sink(event);
    return event;
  }

  /** Takes what the guest wrote since the last time to what is pending. */
  async flip(): Promise<void> {
    this.#addPending(await this.open.tracker.take(this.signal));
  }

  /** The same of what is known already, before it is planned what to send. */
  addNoted(): void {
    this.#addPending(this.open.tracker.takeNoted());
  }

  #addPending(written: BlockSet): void {
    this.pending = this.pending.union(written);
    this.verified = this.verified.difference(written);
  }

  /**
   * Sends blocks, and compares meanwhile about as many of those that were sent before; that
   * the comparison is nearly done when the rounds are keeps the guest's quiet after a drain.
   */
  async send(blocks: BlockSet): Promise<void> {
    const sentBefore = this.uncompared.difference(blocks).take(blocks.count);
    await together(this.signal, [
      (signal) => this.#send(blocks, signal),
      async (signal) => {
        const differing = await this.compare(sentBefore, signal);
        this.verified = this.verified.union(sentBefore.difference(differing));
      },
    ]);
    this.verified = this.verified.difference(blocks);
    this.pending = this.pending.difference(blocks);
  }

  /** What was sent, was not written since, and was not compared; empty where that was not asked for. */
  get uncompared(): BlockSet {
    if (this.options.verify !== 'sent') return BlockSet.empty;
    return this.open.ledger.sent.difference(this.pending).difference(this.verified);
  }

  /** Reads blocks from both sides; gives those that differ, which a write under way may explain. */
  async compare(blocks: BlockSet, signal = this.signal): Promise<BlockSet> {
    return this.open.transfer.compare(
      blocks,
      (bytes) => {
        this.verifiedBytes += bytes;
      },
      signal,
    );
  }

  /** With an event about every half second. */
  async #send(blocks: BlockSet, signal: AbortSignal): Promise<void> {
    const { transfer, ledger } = this.open;
    const { clock } = this.parts;
    const began = clock.now();
    const before = { bytes: ledger.sentBytes, zero: ledger.zeroBytes };
    let settledAt = began;
    const settle = () => {
      settledAt = clock.now();
      const settled = ledger.settle();
      if (!settled) return;
      const { blocks: done, ...figures } = settled;
      const place = { round: this.round, batch: Math.max(0, this.batch) };
      this.emit({ type: 'sent', ...place, blocks: encodeRuns(done), ...figures });
    };
    try {
      await transfer.send(
        blocks,
        (request) => {
          ledger.note(request);
          if (clock.now() - settledAt >= 500) settle();
        },
        signal,
      );
    } finally {
      settle();
    }
    const bytes = ledger.sentBytes - before.bytes;
    this.#measure(bytes - (ledger.zeroBytes - before.zero), bytes, clock.now() - began);
  }

  /** Where most of what was sent were zeroes, the time went into finding them and tells little. */
  #measure(dataBytes: number, bytes: number, ms: number): void {
    const known = this.bandwidth.bytesPerSecond !== undefined;
    if (dataBytes > 0 && (!known || dataBytes * 2 >= bytes)) this.bandwidth.add(dataBytes, ms);
  }

  /** Blocks of about 2 s of sending; before the bandwidth is known, as much again as was sent. */
  get batchBlocks(): number {
    const { ledger, geometry } = this.open;
    const known = this.bandwidth.bytesPerSecond !== undefined;
    const most = known ? Infinity : Math.max(FIRST_BATCH_BYTES, ledger.sentBytes);
    const bytes = Math.min(most, (this.bytesPerSecond * BATCH_MS) / 1000);
    return Math.max(1, Math.floor(bytes / geometry.granularity));
  }

  /** Bytes a second that can be sent: what was measured, and no more than the cap. */
  get bytesPerSecond(): number {
    const cap = this.throttle.bytesPerSecond ?? Infinity;
    return Math.min(cap, this.bandwidth.bytesPerSecond ?? Math.min(cap, ASSUMED_BANDWIDTH));
  }

  bytesOf(blocks: BlockSet): number {
    return blocks.bytes(this.open.geometry);
  }

  /** Whether sending `blocks` (and comparing them, if asked) while the guest stands fits the downtime limit. */
  fits(blocks: BlockSet): boolean {
    return blocks.isEmpty || this.#downtimeMs(blocks) <= this.limits.downtimeLimitMs;
  }

  /** How long the guest would stand if it were paused now, in milliseconds. */
  get expectedDowntimeMs(): number {
    return this.#downtimeMs(this.pending);
  }

  #downtimeMs(blocks: BlockSet): number {
    const passes = this.options.verify === 'none' ? 1 : 2;
    return expectedDowntimeMs(passes * this.bytesOf(blocks), this.bytesPerSecond, PAUSE_MS);
  }

  /** What the figures are now, for looking ahead. */
  get outlook(): Outlook {
    return {
      pendingBytes: this.bytesOf(this.pending),
      bandwidth: this.bytesPerSecond,
      dirtyRate: this.dirtyRate.bytesPerSecond ?? 0,
      downtimeLimitMs: this.limits.downtimeLimitMs,
    };
  }

  get forecast(): EventForecast {
    const { remainingMs } = forecast(this.outlook);
    return { remainingMs, downtimeMs: this.expectedDowntimeMs };
  }
}

/** Does both; when one fails, the other is cancelled and awaited before the first failure is thrown. */
async function together(
  signal: AbortSignal,
  parts: readonly ((signal: AbortSignal) => Promise<void>)[],
): Promise<void> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const errors: unknown[] = [];
  const guarded = parts.map((part) =>
    part(either).catch((error: unknown) => {
      errors.push(error);
      failed.abort(error);
    }),
  );
  await Promise.all(guarded);
  if (errors.length > 0) throw errors[0];
}

/** What the bandwidth is taken for before anything was sent, in bytes a second. */
const ASSUMED_BANDWIDTH = 100 * 1024 * 1024;

/** How much sending a batch is, in milliseconds. */
const BATCH_MS = 2000;

/** What the first batch is at most: nobody knows yet how long it takes. */
const FIRST_BATCH_BYTES = 16 * 1024 * 1024;

/** What a pause costs beside the data: stop, flip, flush, switchover, in milliseconds. */
const PAUSE_MS = 50;
