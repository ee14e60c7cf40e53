/** The policies that come with the engine, by name. */
import { UsageError } from '../../base/errors.js';
import { cachePolicy } from './page-cache.js';
import { plainPolicy } from './plain.js';
import type { Policy } from './types.js';
import { historyPolicy } from './write-history.js';

const POLICIES = { plain: plainPolicy, history: historyPolicy, cache: cachePolicy } as const;

export type BuiltInPolicyName = keyof typeof POLICIES;

/** @throws UsageError when there is no policy of that name. */
export function createPolicy(name: string): Policy {
  if (Object.hasOwn(POLICIES, name)) return POLICIES[name as BuiltInPolicyName];
  throw new UsageError(`There is no policy called '${name}'.`, {
    hint: `Use one of ${Object.keys(POLICIES).join(', ')}.`,
  });
}
