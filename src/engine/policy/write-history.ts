/**
 * Policy `history`: puts off what the guest wrote often, for guests whose page cache can't be seen.
 *
 * A guest's kernel gathers writes and lets a page wait (30 s by default) before it reaches the disk,
 * so even the busiest block reaches it about once in that time: twice in three such times is often.
 */
import type { BlockSet } from '../blockset/index.js';
import { planWithDeferrals } from './plan.js';
import { USUAL_EXPIRE_MS, type Plan, type PlanView, type Policy } from './types.js';

export const historyPolicy: Policy = {
  name: 'history',
  usesCache: false,
  plan(view: PlanView): Plan {
    return planWithDeferrals(view, { 'written-often': writtenOften(view) });
  },
};

/** What reached the disk twice or more in the time in which a busy block does three times. */
export function writtenOften(view: PlanView): BlockSet {
  const { history, now, dirtyExpireMs = USUAL_EXPIRE_MS } = view;
  return history.touchCountAtLeast(2, 3 * dirtyExpireMs, now);
}
