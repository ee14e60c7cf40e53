/** What the policies share: coldest first, one reason for each block, and a plan in words. */
import { BlockSet, BlockSetBuilder } from '../blockset/index.js';
import type { WriteHistory } from './history.js';
import {
  DEFERRAL_REASONS,
  type Deferral,
  type DeferralReason,
  type Plan,
  type PlanView,
} from './types.js';

/** For how long, in milliseconds, a block must have been untouched to go before those that were not; longest first. */
const TIERS_MS = [3_600_000, 600_000, 240_000, 120_000];
/** Blocks of a neighbourhood: 64 MiB at 64 KiB a block. Files are laid out in pieces about as large. */
const NEIGHBOURS = 1024;
/** Touched blocks in a neighbourhood below which its untouched ones go before those of busier ones. */
const BUSY = [1, 16, 128];

/**
 * The plan that puts off the given blocks and sends of the other candidates what was touched
 * longest ago, within a class of about the same age in disk order.
 * @param hot blocks to put off, by reason; only candidates among them count.
 */
export function planWithDeferrals(
  view: PlanView,
  hot: Readonly<Partial<Record<DeferralReason, BlockSet>>>,
): Plan {
  const deferred: Deferral[] = [];
  let free = view.candidates;
  for (const reason of DEFERRAL_REASONS) {
    const blocks = free.intersection(hot[reason] ?? BlockSet.empty);
    if (blocks.isEmpty) continue;
    deferred.push({ reason, blocks });
    free = free.difference(blocks);
  }
  return { send: coldest(view, free), deferred };
}

/**
 * Of `blocks`, as many as the budget allows, those first that are least likely to be touched soon:
 * in a quiet neighbourhood before in a busy one, untouched for long before touched lately.
 */
function coldest(view: PlanView, blocks: BlockSet): BlockSet {
  const { history, now, budgetBlocks } = view;
  let chosen = BlockSet.empty;
  for (const hot of tiers(history, now)) {
    if (blocks.count <= budgetBlocks) break;
    const cold = blocks.difference(chosen).difference(hot);
    chosen = chosen.union(cold.take(budgetBlocks - chosen.count));
    if (chosen.count === budgetBlocks) return chosen;
  }
  return chosen.union(blocks.difference(chosen).take(budgetBlocks - chosen.count));
}

/** Sets that shrink from one to the next; what is outside of an earlier one is colder. */
function* tiers(history: WriteHistory, now: number): Generator<BlockSet> {
  const touched = history.touchedWithin(TIERS_MS[0]!, now);
  const busy = busiest(touched);
  for (const least of BUSY) yield touched.union(busy(least));
  yield touched;
  for (const ms of TIERS_MS.slice(1)) yield history.touchedWithin(ms, now);
}

/** Gives the neighbourhoods, whole, that have at least `least` of the blocks. */
function busiest(touched: BlockSet): (least: number) => BlockSet {
  const counts = new Map<number, number>();
  touched.runs((start, count) => {
    for (let block = start; block < start + count;) {
      const place = Math.floor(block / NEIGHBOURS);
      const end = Math.min((place + 1) * NEIGHBOURS, start + count);
      counts.set(place, (counts.get(place) ?? 0) + end - block);
      block = end;
    }
  });
  return (least) => {
    const builder = new BlockSetBuilder();
    for (const [place, count] of counts) {
      if (count >= least) builder.add(place * NEIGHBOURS, NEIGHBOURS);
    }
    return builder.build();
  };
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
export function explainReason(reason: DeferralReason): string {
  return SENTENCES[reason];
}

/** What a plan decides for a block, and why, as a sentence. */
export function explainBlock(plan: Plan, block: number): string {
  if (plan.send.has(block)) return 'It is sent in this batch.';
  const deferral = plan.deferred.find(({ blocks }) => blocks.has(block));
  return deferral
    ? explainReason(deferral.reason)
    : 'This plan neither sends it nor puts it off: it is not pending, or its turn comes in a later batch.';
}
