/** The door of the policies, the write history and the arithmetic of convergence. */
export {
  expectedDowntimeMs,
  explainNonConvergence,
  fitsDowntime,
  forecast,
  roundsStillHelp,
  type Forecast,
  type NonConvergence,
  type Outlook,
  type RoundFigures,
} from './convergence.js';
export { Drains, drainsEverything } from './drain.js';
export { WriteHistory, type TouchKind } from './history.js';
export { cachePolicy } from './page-cache.js';
export { explainBlock, explainReason, planWithDeferrals } from './plan.js';
export { plannerOf, type PlanContext, type Planner } from './planner.js';
export { BrokenPlan, checkPlan } from './check-plan.js';
export { PluginPlanner, type Around } from './plugin-planner.js';
export { decodeBlocks, encodeBlocks, ToldSets } from './plugin-sets.js';
export { plainPolicy } from './plain.js';
export { createPolicy, type BuiltInPolicyName } from './registry.js';
export {
  BATCH_MS,
  DEFERRAL_REASONS,
  type CacheView,
  type Deferral,
  type DeferralReason,
  type Plan,
  type PlanView,
  type Policy,
} from './types.js';
export { historyPolicy } from './write-history.js';
