/** Policy `plain`: no deferral, in disk order; a round is one pass. The baseline. */
import type { Plan, PlanView, Policy } from './types.js';

export const plainPolicy: Policy = {
  name: 'plain',
  usesCache: false,
  plan({ candidates, budgetBlocks }: PlanView): Plan {
    return { send: candidates.take(budgetBlocks), deferred: [] };
  },
};
