/** Statements 12 to 18: the last rounds, the comparison, the pause and the switchover. */
import { cancellable } from '../../base/cancel.js';
import { NotConvergedError, UsageError, VerificationError } from '../../base/errors.js';
import type { Extent } from '../../base/extent.js';
import { BlockSet, blockCount } from '../blockset/index.js';
import type { Verdict } from '../events.js';
import { Drains, explainNonConvergence } from '../policy/index.js';
import { confirmLease, note, noteAnyway, pauseGuest } from '../pause.js';
import type { Run } from '../run.js';
import { resumedByOthers } from '../watch.js';
import { emitPlan, emitRound } from './rounds.js';

/** How often a difference is looked at again before it is believed: a write may be under way. */
const LOOKS = 3;
const LOOK_AGAIN_MS = 50;

/** Last rounds that are tried at least, however many came before. */
const LAST_ROUNDS = 3;

/** Whoever agreed to a pause is asked again when it would be so many times as long by now. */
const AGREED_FACTOR = 2;

export class Finish {
  /** Rounds, from the run's beginning, after which somebody has to decide. */
  #leastRounds: number | undefined;
  #sentWhilePaused = BlockSet.empty;
  /** Of the bytes that were compared, those that an event has told of. */
  #judgedBytes = 0;
  readonly #drains = new Drains();
  #warned = false;
  /** The pause that somebody agreed to although it is above the limit, in milliseconds. */
  #agreedMs = 0;

  constructor(private readonly run: Run) {}

  /** Statement 12: one of the last rounds. */
  async drainAndSendPending(): Promise<void> {
    const { run } = this;
    const { ledger, cache } = run.open;
    run.round++;
    run.batch = 0;
    const began = run.parts.clock.now();
    const { sentBytes, resentBytes } = ledger;
    const drains =
      run.planner.usesCache && this.#drains.worthwhile(began, cache.dirtyExpireMs ?? 0);
    if (drains) {
      await cache.drain(await this.#toDrain(), run.signal);
      this.#drains.done(run.parts.clock.now());
    }
    await run.flip();
    await this.#sendAllPending();
    await run.flip();
    const roundBytes = ledger.sentBytes - sentBytes;
    if (drains) this.#drains.judge(roundBytes, run.bytesOf(run.pending));
    emitRound(
      run,
      {
        sentBytes: roundBytes,
        resentBytes: ledger.resentBytes - resentBytes,
        pendingBytes: run.bytesOf(run.pending),
        deferredBytes: 0,
        durationMs: run.parts.clock.now() - began,
      },
      true,
    );
  }

  /** Statement 13. */
  async pendingFits(): Promise<boolean> {
    const { run } = this;
    const fits = await this.#fitsOrAgreed();
    if (run.converged) this.#verdict(true, 'What is left fits the downtime limit.');
    if (fits) this.#warnOfFull();
    return fits || this.#decideAtLimit();
  }

  /** Statement 14. */
  async verifySent(): Promise<void> {
    const { run } = this;
    await run.parts.lease?.prepare(run.signal);
    await run.open.transfer.flushSource(run.signal);
    await run.open.transfer.flush(run.signal);
    if (run.options.verify !== 'sent') return;
    const began = run.parts.clock.now();
    await run.flip();
    const candidates = run.uncompared;
    let differing = await run.compare(candidates);
    for (let look = 1; ; look++) {
      await run.flip();
      differing = differing.difference(run.pending);
      if (differing.isEmpty || look === LOOKS) break;
      await run.parts.clock.sleep(LOOK_AGAIN_MS, run.signal);
      await run.flip();
      differing = await run.open.transfer.compare(
        differing.difference(run.pending),
        () => undefined,
        run.signal,
      );
    }
    run.verified = run.verified.union(candidates.difference(differing).difference(run.pending));
    this.#judge('sent', began, differing);
  }

  /** Statement 15's condition: whether what is left still fits, or somebody wants the pause anyway. */
  async stillFits(): Promise<boolean> {
    return (await this.#fitsOrAgreed()) || this.#decideAtLimit();
  }

  /** Statement 15. */
  async pauseAndSendRest(): Promise<void> {
    const { run } = this;
    const { tracker } = run.open;
    await tracker.stopSampling();
    await pauseGuest(run);
    await run.flip();
    this.#sentWhilePaused = run.pending;
    await this.#sendAllPending();
  }

  /** Statement 16. */
  async flushAndCompare(): Promise<void> {
    const { run } = this;
    const { transfer, geometry } = run.open;
    await transfer.flush(run.signal);
    if (run.options.verify === 'none') return;
    const began = run.parts.clock.now();
    const full = run.options.verify === 'full';
    const blocks = full ? BlockSet.range(0, blockCount(geometry)) : this.#sentWhilePaused;
    const differing = await run.compare(blocks);
    this.#judge(full ? 'full' : 'paused', began, differing);
    run.comparedAll = true;
  }

  /** Statement 17. The switchover itself is not cut short: half of it would be neither disk. */
  async switchOver(): Promise<void> {
    const { run } = this;
    const { pivot } = run.open;
    if (!pivot) throw new UsageError('There is nothing to switch over to.');
    await run.open.ends.destination.close();
    const scope = 'disk';
    await note(run, { type: 'switching', scope, from: run.diskName, to: pivot.diskName });
    await confirmLease(run);
    await this.#checkStillPaused();
    run.signal.throwIfAborted();
    const began = run.parts.clock.now();
    run.diskName = await pivot.switchOver(undefined, async () => {
      await confirmLease(run);
      run.committed = true;
    });
    run.committed = true;
    run.switchedOver = true;
    await noteAnyway(run, { type: 'switched', scope, disk: run.diskName });
    run.emit({
      type: 'switchover',
      disk: run.diskName,
      tookMs: run.parts.clock.now() - began,
    });
  }

  async #checkStillPaused(): Promise<void> {
    const state = await this.run.hypervisor!.runState(this.run.signal);
    if (state.running) throw resumedByOthers();
  }

  async #sendAllPending(): Promise<void> {
    const { run } = this;
    let rest = run.pending;
    run.deferred = BlockSet.empty;
    while (!rest.isEmpty) {
      run.addNoted();
      const batch = rest.take(run.batchBlocks);
      emitPlan(run, { send: batch, deferred: [] });
      await run.send(batch);
      rest = rest.difference(batch);
      run.batch++;
    }
  }

  #judge(phase: 'sent' | 'paused' | 'full', began: number, differing: BlockSet): void {
    const { run } = this;
    const checkedBytes = run.verifiedBytes - this.#judgedBytes;
    this.#judgedBytes = run.verifiedBytes;
    const extents: Extent[] = [];
    differing.extents(run.open.geometry, (offset, length) => extents.push({ offset, length }));
    const tookMs = run.parts.clock.now() - began;
    run.emit({ type: 'verify', phase, checkedBytes, tookMs, differing: extents });
    if (extents.length === 0) return;
    const [first] = extents;
    throw new VerificationError(
      `The destination ${run.open.destination.name} differs from the source in ${extents.length} extents, the first ${first!.length} bytes at ${first!.offset}.`,
      extents,
      {
        hint: 'The guest goes on with its source. Check the destination’s storage before you try again.',
      },
    );
  }

  #verdict(converged: boolean, message: string): Verdict {
    const { run } = this;
    const body = {
      type: 'verdict' as const,
      converged,
      message,
      pendingBytes: run.bytesOf(run.pending),
      downtimeMs: run.expectedDowntimeMs,
    };
    run.emit(body);
    return body;
  }

  /** What is deferred; in a later pass what was so once and waits in the page cache again. */
  async #toDrain(): Promise<BlockSet> {
    const { run } = this;
    const { cache, ledger } = run.open;
    if (this.#drains.count === 0) return run.deferred;
    await cache.look(run.signal);
    return cache.view ? cache.view.dirty.intersection(ledger.everDeferred) : BlockSet.empty;
  }

  /** The downtime limit is for what is sent; a comparison of the whole disk is longer, and was asked for. */
  #warnOfFull(): void {
    const { run } = this;
    if (run.options.verify !== 'full' || this.#warned) return;
    this.#warned = true;
    const seconds = Math.ceil(run.open.geometry.size / run.bytesPerSecond);
    run.emit({
      type: 'warning',
      message: `To compare the whole disk keeps the guest paused for about ${seconds} s.`,
      hint: 'Cancel before statement 15, and use --verify sent, if that is too long.',
    });
  }

  async #fitsOrAgreed(): Promise<boolean> {
    const { run } = this;
    await run.flip();
    run.converged = run.fits(run.pending);
    return run.converged || run.expectedDowntimeMs <= this.#agreedMs;
  }

  /** Whether to pause although it does not fit; asks nobody before the limit of rounds. */
  async #decideAtLimit(): Promise<boolean> {
    const { run } = this;
    this.#leastRounds ??= run.round + LAST_ROUNDS;
    const limit = Math.max(run.limits.maxRounds, this.#leastRounds);
    return run.round + 1 >= limit && this.#decide();
  }

  async #decide(): Promise<boolean> {
    const { run } = this;
    const { message, hint } = explainNonConvergence({
      ...run.outlook,
      rounds: run.round + 1,
      downtimeMs: run.expectedDowntimeMs,
    });
    const verdict = this.#verdict(false, message);
    const answer = run.parts.decide?.(verdict) ?? Promise.resolve('cancel' as const);
    const decision = await cancellable(answer, run.signal, 'Waiting for a decision');
    if (decision === 'cancel')
      throw new NotConvergedError(`The migration does not converge. ${message}`, { hint });
    if (decision === 'pause-anyway') this.#agreedMs = verdict.downtimeMs * AGREED_FACTOR;
    else this.#leastRounds = run.round + 1 + run.limits.maxRounds;
    return decision === 'pause-anyway';
  }
}
