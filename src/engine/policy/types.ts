/** What a policy is given and what it gives. Pure: a policy reads no clock and does no I/O. */
import type { BlockSet } from '../blockset/index.js';
import type { WriteHistory } from './history.js';

/** How much sending a batch is, in milliseconds. */
export const BATCH_MS = 2000;
/** How long a Linux guest lets dirty pages wait unless told (`dirty_expire_centisecs`), in milliseconds. */
export const USUAL_EXPIRE_MS = 30_000;

/** One look at the guest's page cache, in blocks. A block is as its most unsettled page is. */
export interface CacheView {
  readonly dirty: BlockSet;
  readonly writeback: BlockSet;
  /** Cached, and all that is cached is clean; empty where clean pages were not asked for. */
  readonly clean: BlockSet;
  /** When the answer came, on the clock of `PlanView.now`, in milliseconds. */
  readonly at: number;
}

/** What is known at line 7 of the program. */
export interface PlanView {
  /** Pending blocks that this round has not sent yet: what a plan is made of. */
  readonly candidates: BlockSet;
  /** The newest look at the page cache; absent without a probe. It may be old: see `at`. */
  readonly cache: CacheView | undefined;
  readonly history: WriteHistory;
  /** In milliseconds. */
  readonly now: number;
  /** From 0; round 0 is the bulk round. */
  readonly round: number;
  /** From 0 in each round. */
  readonly batch: number;
  /** What can be sent in about BATCH_MS, in blocks; 1 or more. */
  readonly budgetBlocks: number;
  /** Every block that was sent at least once in this run. */
  readonly sent: BlockSet;
  /** How long the guest lets dirty pages wait before it writes them, in milliseconds; unknown without a probe. */
  readonly dirtyExpireMs: number | undefined;
}

/** Why a block is put off. The strongest comes first; a block has the strongest that fits. */
export const DEFERRAL_REASONS = [
  'dirty-in-cache',
  'under-writeback',
  'written-often',
  'written-recently',
] as const;

export type DeferralReason = (typeof DEFERRAL_REASONS)[number];

/** Blocks that are put off for one reason: one of ours, or one that a plugin explains. */
export interface Deferral {
  readonly reason: string;
  /** Not empty. */
  readonly blocks: BlockSet;
}

/**
 * What to do with the candidates. `send` and the deferrals have no block in common and hold nothing
 * but candidates. A candidate in neither has its turn in a later batch of the round. With an empty
 * `send`, every candidate is deferred.
 */
export interface Plan {
  readonly send: BlockSet;
  /** Strongest reason first, each reason once. */
  readonly deferred: readonly Deferral[];
}

/** Decides, batch by batch, what is sent and what is put off. */
export interface Policy {
  readonly name: string;
  /** Whether it is worth asking the guest for its page cache. */
  readonly usesCache: boolean;
  plan(view: PlanView): Plan;
}
