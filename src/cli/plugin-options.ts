/** How plugins are named on the command line; that a person names one is the consent to run it. */
import { UsageError } from '../base/errors.js';
import type { PolicyName } from '../engine/index.js';
import { pluginCalled, type PluginDescription, type PluginPlaces } from '../plugin/index.js';
import type { World } from './world.js';

export const PLUGIN_HELP = 'a folder with a plugin; may be given several times';

const POLICIES: readonly PolicyName[] = ['plain', 'history', 'cache'];

/** For an option that may be given several times. */
export function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

/** The built-in policy of that name; undefined where there is none. */
export function builtInPolicy(name: string): PolicyName | undefined {
  return POLICIES.find((known) => known === name);
}

/** Where plugins are looked for, from here. */
export function placesOf(named: readonly string[], env: World['env']): PluginPlaces {
  return { named, workingFolder: process.cwd(), environment: env };
}

/**
 * The plugin that is the policy of that name; nothing for a built-in one.
 * @throws UsageError when there is no policy of that name.
 */
export async function pluginPolicy(
  name: string,
  named: readonly string[],
  env: World['env'],
): Promise<{ readonly plugin?: PluginDescription }> {
  if (builtInPolicy(name)) return {};
  try {
    return { plugin: await pluginCalled(name, 'policy', placesOf(named, env)) };
  } catch (error) {
    if (!(error instanceof UsageError) || !error.message.startsWith('There is no policy'))
      throw error;
    throw new UsageError(`--policy: there is no policy '${name}'.`, {
      hint: `There are ${POLICIES.join(', ')}. ${error.hint ?? ''}`,
    });
  }
}

/** @throws UsageError when there is no observer of one of the names. */
export function observersCalled(
  names: readonly string[],
  named: readonly string[],
  env: World['env'],
): Promise<readonly PluginDescription[]> {
  return Promise.all(names.map((name) => pluginCalled(name, 'observer', placesOf(named, env))));
}
