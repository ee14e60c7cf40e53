/**
 * A guest, its page cache and a migration of its disk on virtual time: to compare policies. The loop
 * is the program of DESIGN.md, lines 3 to 18. Deterministic for a seed.
 */
import { BlockSet, BlockSetBuilder } from '../../../src/engine/blockset/index.js';
import {
  fitsDowntime,
  roundsStillHelp,
  WriteHistory,
  type CacheView,
  type Plan,
  type Policy,
  type RoundFigures,
} from '../../../src/engine/policy/index.js';
import type { Workload } from './workloads.js';

export const BLOCK_BYTES = 65_536;
export const USED_BLOCKS = 24_576;
const TICK_MS = 50;
const EXPIRE_MS = 30_000;
const WAKE_MS = 5000;
const SAMPLE_MS = 1500;
const BATCH_MS = 2000;

/**
 * A guest: pages wait in its cache, by file, until the file's oldest dirty page is EXPIRE_MS old;
 * then the flusher, at its next wake-up, writes all of that file, as Linux does.
 */
class Guest {
  now = 0;
  writtenBlocks = 0;
  #dirty = new Map<number, { since: number; blocks: Set<number> }>();
  #bitmap = new Set<number>();

  constructor(private readonly workload: Workload) {}

  advance(ms: number): void {
    for (const end = this.now + ms; this.now < end - 1e-9;) {
      const step = Math.min(TICK_MS, end - this.now);
      const wakes = Math.floor((this.now + step) / WAKE_MS) > Math.floor(this.now / WAKE_MS);
      this.now += step;
      this.workload(this.now, step, (block, file, sync) => this.#write(block, file, sync));
      if (wakes) this.#writeBack((since) => this.now - since > EXPIRE_MS);
    }
  }

  #write(block: number, file: number, sync: boolean): void {
    this.writtenBlocks++;
    if (sync) {
      this.#bitmap.add(block);
      return;
    }
    const entry = this.#dirty.get(file) ?? { since: this.now, blocks: new Set<number>() };
    this.#dirty.set(file, entry);
    entry.blocks.add(block);
  }

  #writeBack(due: (since: number) => boolean): void {
    for (const [file, { since, blocks }] of this.#dirty) {
      if (!due(since)) continue;
      for (const block of blocks) this.#bitmap.add(block);
      this.#dirty.delete(file);
    }
  }

  drain(wanted: BlockSet): void {
    for (const { blocks } of this.#dirty.values()) {
      for (const block of blocks) {
        if (!wanted.has(block)) continue;
        this.#bitmap.add(block);
        blocks.delete(block);
      }
    }
  }

  look(): CacheView {
    const dirty = [...this.#dirty.values()].flatMap(({ blocks }) => [...blocks]);
    const empty = BlockSet.empty;
    return { dirty: setOf(dirty), writeback: empty, clean: empty, at: this.now };
  }

  flip(): BlockSet {
    const written = setOf(this.#bitmap);
    this.#bitmap.clear();
    return written;
  }
}

function setOf(blocks: Iterable<number>): BlockSet {
  const builder = new BlockSetBuilder();
  for (const block of blocks) builder.add(block, 1);
  return builder.build();
}

export interface Outcome {
  readonly sentBlocks: number;
  readonly resentBlocks: number;
  readonly rounds: number;
  readonly totalMs: number;
  readonly downtimeMs: number;
  readonly converged: boolean;
  readonly everDeferred: number;
}

export interface Conditions {
  readonly policy: Policy;
  readonly workload: Workload;
  /** In bytes a second. */
  readonly bandwidth: number;
  readonly downtimeLimitMs?: number;
  readonly maxRounds?: number;
  /** Whether the guest has a probe; yes unless told. */
  readonly probe?: boolean;
  /** Is called with each plan and what it was made of. */
  readonly onPlan?: (plan: Plan, candidates: BlockSet) => void;
}

/** A migration from the start of tracking to the end of the pause. */
class Migration {
  pending: BlockSet;
  deferred = BlockSet.empty;
  everDeferred = BlockSet.empty;
  sent = BlockSet.empty;
  sentBlocks = 0;
  round = 0;
  readonly figures: RoundFigures[] = [];
  readonly #history = new WriteHistory();
  readonly #guest: Guest;
  #cache: CacheView | undefined;
  #unseen = BlockSet.empty;
  #flippedAt: number;
  readonly #blocksPerMs: number;

  constructor(private readonly conditions: Conditions) {
    this.#blocksPerMs = conditions.bandwidth / BLOCK_BYTES / 1000;
    this.#guest = new Guest(conditions.workload);
    this.#guest.advance(60_000);
    this.pending = BlockSet.range(0, USED_BLOCKS).union(this.#guest.flip());
    this.#flippedAt = this.#guest.now;
  }

  run(): Outcome {
    const began = this.#guest.now;
    do this.#round(this.round++);
    while (!this.#roundsDone());
    const limit = Math.max(this.conditions.maxRounds ?? 30, this.round + 3);
    let converged: boolean;
    do {
      this.round++;
      if (this.#probed) this.#guest.drain(this.deferred);
      this.#flip();
      this.deferred = BlockSet.empty;
      for (let rest = this.pending; !rest.isEmpty;) {
        const batch = rest.take(Math.ceil(this.#blocksPerMs * BATCH_MS));
        this.#send(batch);
        rest = rest.difference(batch);
      }
      this.#flip();
      converged = this.#fits(this.pending);
    } while (!converged && this.round < limit);
    const paused = this.pending.count / this.#blocksPerMs;
    this.sentBlocks += this.pending.count;
    this.sent = this.sent.union(this.pending);
    return {
      sentBlocks: this.sentBlocks,
      resentBlocks: this.sentBlocks - this.sent.count,
      rounds: this.round,
      totalMs: this.#guest.now - began + paused,
      downtimeMs: paused,
      converged,
      everDeferred: this.everDeferred.count,
    };
  }

  /** Lines 4 to 10. */
  #round(round: number): void {
    let rest = this.pending;
    const [began, sentBefore] = [this.#guest.now, this.sentBlocks];
    for (let batch = 0; ; batch++) {
      this.#look();
      const plan = this.#plan(rest.intersection(this.pending), round, batch);
      this.#send(plan.send);
      rest = rest.difference(plan.send);
      this.#flip();
      const left = rest.intersection(this.pending).difference(this.deferred);
      if (left.isEmpty || plan.send.isEmpty) break;
    }
    this.#look();
    this.#plan(this.pending, round, 0);
    this.figures.push({
      sentBytes: (this.sentBlocks - sentBefore) * BLOCK_BYTES,
      resentBytes: 0,
      pendingBytes: this.pending.count * BLOCK_BYTES,
      deferredBytes: this.deferred.count * BLOCK_BYTES,
      undeferredBytes: this.pending.difference(this.deferred).count * BLOCK_BYTES,
      durationMs: this.#guest.now - began,
    });
  }

  /** Line 11. */
  #roundsDone(): boolean {
    return (
      this.#fits(this.pending.difference(this.deferred)) ||
      this.round >= (this.conditions.maxRounds ?? 30) ||
      !roundsStillHelp(this.figures)
    );
  }

  get #probed(): boolean {
    return this.conditions.policy.usesCache && this.conditions.probe !== false;
  }

  #look(): void {
    if (!this.#probed) return;
    this.#cache = this.#guest.look();
    this.#history.record(this.#cache.dirty, this.#cache.at, 'cached');
  }

  #plan(candidates: BlockSet, round: number, batch: number): Plan {
    const plan = this.conditions.policy.plan({
      candidates,
      cache: this.#cache,
      history: this.#history,
      now: this.#guest.now,
      round,
      batch,
      budgetBlocks: Math.max(1, Math.floor(this.#blocksPerMs * BATCH_MS)),
      sent: this.sent,
      dirtyExpireMs: this.#probed ? EXPIRE_MS : undefined,
    });
    this.conditions.onPlan?.(plan, candidates);
    this.deferred = BlockSet.unionOf(plan.deferred.map(({ blocks }) => blocks));
    this.everDeferred = this.everDeferred.union(this.deferred);
    return plan;
  }

  /** Sends in disk order, a tick at a time; the guest goes on meanwhile. */
  #send(blocks: BlockSet): void {
    for (let rest = blocks; !rest.isEmpty;) {
      const part = rest.take(Math.max(1, Math.round(this.#blocksPerMs * TICK_MS)));
      rest = rest.difference(part);
      this.pending = this.pending.difference(part);
      this.sent = this.sent.union(part);
      this.sentBlocks += part.count;
      this.#guest.advance(part.count / this.#blocksPerMs);
      if (this.#guest.now - this.#flippedAt >= SAMPLE_MS) this.#sample();
    }
  }

  #sample(): void {
    const written = this.#guest.flip();
    this.#flippedAt = this.#guest.now;
    this.#history.record(written, this.#flippedAt);
    this.#unseen = this.#unseen.union(written);
  }

  #flip(): void {
    this.#sample();
    this.pending = this.pending.union(this.#unseen);
    this.#unseen = BlockSet.empty;
  }

  #fits(blocks: BlockSet): boolean {
    const { bandwidth, downtimeLimitMs = 300 } = this.conditions;
    return fitsDowntime(blocks.count * BLOCK_BYTES, bandwidth, downtimeLimitMs);
  }
}

/** Runs a migration to its end. */
export function simulate(conditions: Conditions): Outcome {
  return new Migration(conditions).run();
}
