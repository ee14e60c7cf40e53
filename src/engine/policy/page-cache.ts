/**
 * Policy `cache`, the default: sends first what the guest has not touched for about a minute, and
 * puts off the rest, by what its page cache holds now and held at earlier looks.
 */
import { historyPolicy, writtenOften } from './write-history.js';
import { planWithDeferrals } from './plan.js';
import type { Plan, PlanView, Policy } from './types.js';

/** A look at the page cache that is older than this, in milliseconds, says nothing of now. */
const STALE_MS = 10_000;
/** A block is cold when it was not touched for this long, in milliseconds. */
const COLD_AFTER_MS = 60_000;

export const cachePolicy: Policy = {
  name: 'cache',
  usesCache: true,
  plan(view: PlanView): Plan {
    const { cache, history, now } = view;
    if (!cache || now - cache.at > STALE_MS) return historyPolicy.plan(view);
    return planWithDeferrals(view, {
      'dirty-in-cache': cache.dirty,
      'under-writeback': cache.writeback,
      'written-often': writtenOften(view),
      'written-recently': history.touchedWithin(COLD_AFTER_MS, now),
    });
  },
};
