/**
 * Policy `cache`, the default: sends first what the guest has not touched for about a minute, and
 * puts off the rest, by what its page cache holds now and held at earlier looks.
 *
 * What is put off is sent in the last rounds, just after the guest wrote it back on request; from
 * then on the guest keeps new writes in its cache for `dirtyExpireMs`. If sending takes longer than
 * that quiet, the blocks are written again before the pause and putting them off was in vain. So no
 * more is put off for being touched recently than can be sent in half of that time, hottest first.
 */
import { BlockSet } from '../blockset/index.js';
import { planWithDeferrals } from './plan.js';
import { BATCH_MS, USUAL_EXPIRE_MS, type Plan, type PlanView, type Policy } from './types.js';
import { historyPolicy, writtenOften } from './write-history.js';

/** A look at the page cache that is older than this, in milliseconds, says nothing of now. */
const STALE_MS = 10_000;
/** A block is cold when it was not touched for the first of these times, in milliseconds, or for one of the others where that would put off too much. */
const COLD_AFTER_MS = [60_000, 45_000, 30_000, 20_000, 10_000];

export const cachePolicy: Policy = {
  name: 'cache',
  usesCache: true,
  plan(view: PlanView): Plan {
    const { cache, now } = view;
    if (!cache || now - cache.at > STALE_MS) return historyPolicy.plan(view);
    const often = writtenOften(view);
    return planWithDeferrals(view, {
      'dirty-in-cache': cache.dirty,
      'under-writeback': cache.writeback,
      'written-often': often,
      'written-recently': touchedRecently(
        view,
        BlockSet.unionOf([cache.dirty, cache.writeback, often]),
      ),
    });
  },
};

/** What was touched recently, as far back as leaves it, with `others`, sendable in the quiet after a drain. */
function touchedRecently(view: PlanView, others: BlockSet): BlockSet {
  const { candidates, history, now, budgetBlocks, dirtyExpireMs = USUAL_EXPIRE_MS } = view;
  const most = (budgetBlocks * dirtyExpireMs) / 2 / BATCH_MS;
  for (const ms of COLD_AFTER_MS) {
    const recent = history.touchedWithin(ms, now);
    if (recent.union(others).intersection(candidates).count <= most) return recent;
  }
  return BlockSet.empty;
}
