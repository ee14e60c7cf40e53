/** Statements 4 to 11: rounds and their batches. */
import { BlockSet, encodeRuns } from '../blockset/index.js';
import type { Plan, PlanView, RoundFigures } from '../policy/index.js';
import type { Run } from '../run.js';

export class Rounds {
  /** What this round has neither sent nor seen off yet. */
  #rest = BlockSet.empty;
  #plan: Plan = { send: BlockSet.empty, deferred: [] };
  #began = { at: 0, sentBytes: 0, resentBytes: 0 };
  #figures: RoundFigures[] = [];

  constructor(private readonly run: Run) {}

  beginRound(): void {
    const { run } = this;
    run.round++;
    run.batch = -1;
    this.#rest = run.pending;
    const { sentBytes, resentBytes } = run.open.ledger;
    this.#began = { at: run.parts.clock.now(), sentBytes, resentBytes };
  }

  beginBatch(): void {
    this.run.batch++;
  }

  async askCache(): Promise<void> {
    const { cache, history } = this.run.open;
    if (!this.run.planner.usesCache) return;
    await cache.look(this.run.signal);
    const { view } = cache;
    if (view) history.record(view.dirty.union(view.writeback), view.at, 'cached');
  }

  async plan(): Promise<void> {
    this.run.addNoted();
    this.#plan = await this.#planFor(this.#rest.intersection(this.run.pending));
    // What was written while it was planned is pending already when the plan is told.
    this.run.addNoted();
    this.#noteDeferred(this.#plan);
  }

  async sendBatch(): Promise<void> {
    await this.run.send(this.#plan.send);
    this.#rest = this.#rest.difference(this.#plan.send);
  }

  async flip(): Promise<void> {
    const { run } = this;
    await run.flip();
    run.emit({
      type: 'batch',
      round: run.round,
      batch: run.batch,
      pendingBytes: run.bytesOf(run.pending),
      deferredBytes: run.bytesOf(run.deferred),
      bandwidth: run.bytesPerSecond,
      dirtyRate: run.dirtyRate.bytesPerSecond ?? 0,
      forecast: run.forecast,
    });
  }

  /** Whether nothing is left in the round but what its last plan put off. */
  roundDone(): boolean {
    const left = this.#rest.intersection(this.run.pending);
    return left.difference(this.run.deferred).isEmpty || this.#plan.send.isEmpty;
  }

  /** Ends the round; whether there is no use in another one. */
  async roundsDone(): Promise<boolean> {
    const { run } = this;
    await run.flip();
    await this.askCache();
    const outlook = await this.#planFor(run.pending);
    run.addNoted();
    this.#noteDeferred(outlook);
    const undeferred = run.pending.difference(run.deferred);
    this.#endRound(run.bytesOf(undeferred));
    return (
      run.fits(undeferred) ||
      run.round + 1 >= run.limits.maxRounds ||
      !(await run.planner.anotherRoundHelps(this.#figures, run.outlook, run.signal))
    );
  }

  #planFor(candidates: BlockSet): Promise<Plan> {
    const { run } = this;
    const { cache, history, ledger } = run.open;
    const view: PlanView = {
      candidates,
      cache: cache.view,
      history,
      now: run.parts.clock.now(),
      round: run.round,
      batch: run.batch,
      budgetBlocks: run.batchBlocks,
      sent: ledger.sent,
      dirtyExpireMs: cache.dirtyExpireMs,
    };
    return run.planner.plan(view, run.signal);
  }

  #noteDeferred(plan: Plan): void {
    const { run } = this;
    const { ledger } = run.open;
    run.deferred = BlockSet.unionOf(plan.deferred.map((each) => each.blocks));
    ledger.everDeferred = ledger.everDeferred.union(run.deferred);
    emitPlan(run, plan);
  }

  #endRound(undeferredBytes: number): void {
    const { run } = this;
    const { ledger } = run.open;
    const figures = {
      sentBytes: ledger.sentBytes - this.#began.sentBytes,
      resentBytes: ledger.resentBytes - this.#began.resentBytes,
      pendingBytes: run.bytesOf(run.pending),
      deferredBytes: run.bytesOf(run.deferred),
      durationMs: run.parts.clock.now() - this.#began.at,
    };
    this.#figures.push({ ...figures, undeferredBytes });
    emitRound(run, figures, false);
  }
}

/** Says what is sent next: what the guest writes from here on is pending after it. */
export function emitPlan(run: Run, plan: Plan): void {
  run.emit({
    type: 'plan',
    round: run.round,
    batch: run.batch,
    send: encodeRuns(plan.send),
    sendBytes: run.bytesOf(plan.send),
    deferred: plan.deferred.map(({ reason, blocks }) => ({ reason, blocks: encodeRuns(blocks) })),
    deferredBytes: run.bytesOf(run.deferred),
  });
}

/** What a round event says that the run does not know by itself. */
export interface RoundAccount {
  readonly sentBytes: number;
  readonly resentBytes: number;
  readonly pendingBytes: number;
  readonly deferredBytes: number;
  readonly durationMs: number;
}

export function emitRound(run: Run, account: RoundAccount, final: boolean): void {
  run.emit({
    type: 'round',
    round: run.round,
    final,
    ...account,
    dirtyRate: run.dirtyRate.bytesPerSecond ?? 0,
    bandwidth: run.bytesPerSecond,
    forecast: run.forecast,
  });
}
