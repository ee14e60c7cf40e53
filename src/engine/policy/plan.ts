/** What the policies share: coldest first, one reason for each block, and a plan in words. */
import { BlockSet } from '../blockset/index.js';
import type { WriteHistory } from './history.js';
import {
  DEFERRAL_REASONS,
  type Deferral,
  type DeferralReason,
  type Plan,
  type PlanView,
} from './types.js';

/** A block is quiet, for the order in which blocks are sent, when it was untouched for this long, in milliseconds. */
const QUIET_MS = 1_800_000;
/** Blocks of a neighbourhood: 64 MiB at 64 KiB a block. Files are laid out in pieces about as large. */
const NEIGHBOURS = 1024;
/** Touched blocks in a neighbourhood below which its untouched ones go before those of busier ones. */
const BUSY = [1, 16, 128];

/**
 * The plan that puts off the given blocks and sends of the other candidates the coldest, and what is
 * about as cold in disk order.
 * @param hot blocks to put off, by reason; only candidates among them count.
 */
export function planWithDeferrals(
  view: PlanView,
  hot: Readonly<Partial<Record<DeferralReason, BlockSet>>>,
): Plan {
  const deferred: Deferral[] = [];
  let taken = BlockSet.empty;
  for (const reason of DEFERRAL_REASONS) {
    const blocks = (hot[reason] ?? BlockSet.empty).intersection(view.candidates).difference(taken);
    if (blocks.isEmpty) continue;
    deferred.push({ reason, blocks });
    taken = taken.union(blocks);
  }
  return { send: coldest(view, taken), deferred };
}

/**
 * Of the candidates outside of `deferred`, as many as the budget allows, those first that are least
 * likely to be touched soon: quiet ones before touched ones, and of the quiet ones those with the
 * quietest neighbourhood first.
 */
function coldest(view: PlanView, deferred: BlockSet): BlockSet {
  const { candidates, history, now, budgetBlocks } = view;
  let send = BlockSet.empty;
  const takeOutside = (hot: BlockSet) => {
    const excluded = BlockSet.unionOf([hot, deferred, send]);
    send = send.union(candidates.takeOutside(excluded, budgetBlocks - send.count));
  };
  if (candidates.count - deferred.count > budgetBlocks) {
    for (const hot of tiers(history, now)) {
      takeOutside(hot);
      if (send.count === budgetBlocks) return send;
    }
  }
  takeOutside(BlockSet.empty);
  return send;
}

/**
 * Sets that shrink from one to the next; what is outside of an earlier one is colder. Nothing is told
 * by when exactly a block was touched: a log that goes round in a circle writes next what it wrote
 * longest ago.
 */
function* tiers(history: WriteHistory, now: number): Generator<BlockSet> {
  const touched = history.touchedWithin(QUIET_MS, now);
  for (const least of BUSY) yield touched.withGroups(NEIGHBOURS, least);
  yield touched;
}

const SENTENCES: Readonly<Record<DeferralReason, string>> = {
  'dirty-in-cache':
    'It is put off: it is dirty in the guest’s page cache, so the guest is about to write it.',
  'under-writeback': 'It is put off: the guest is writing it to the disk at this moment.',
  'written-often':
    'It is put off: the guest has written it several times in the last minutes, so it is likely to do so again.',
  'written-recently':
    'It is put off: the guest touched it shortly before, and what was touched shortly before is often touched again.',
};

/** What a reason means for a block, as a sentence. */
export function explainReason(reason: string): string {
  const known = DEFERRAL_REASONS.find((each) => each === reason);
  return known ? SENTENCES[known] : `It is put off: the policy calls the reason '${reason}'.`;
}

/** What a plan decides for a block, and why, as a sentence. */
export function explainBlock(plan: Plan, block: number): string {
  if (plan.send.has(block)) return 'It is sent in this batch.';
  const deferral = plan.deferred.find(({ blocks }) => blocks.has(block));
  return deferral
    ? explainReason(deferral.reason)
    : 'This plan neither sends it nor puts it off: it is not pending, or its turn comes in a later batch.';
}
