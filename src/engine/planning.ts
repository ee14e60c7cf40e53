/** Who makes the plans of a migration, by what was asked and what is at hand. */
import { PluginHost } from '../plugin/index.js';
import type { MigrationOptions, MigrationParts } from './options.js';
import { createPolicy, plannerOf, PluginPlanner, type Planner } from './policy/index.js';

/** @throws UsageError when there is no policy of that name. */
export function createPlanner(options: MigrationOptions, parts: MigrationParts): Planner {
  const { plugin, policy } = options;
  const { plugins, clock, logger } = parts;
  if (parts.policy) return plannerOf(parts.policy);
  if (!plugin || !plugins) return plannerOf(createPolicy(policy));
  const { around, ...world } = plugins;
  const host = new PluginHost(plugin, ['policy'], { clock, ...world, logger });
  return new PluginPlanner(host, createPolicy(policy), around);
}

/** What the policy is called in events. */
export function policyName(options: MigrationOptions, parts: MigrationParts): string {
  if (parts.policy) return parts.policy.name;
  return options.plugin && parts.plugins ? options.plugin.name : options.policy;
}
