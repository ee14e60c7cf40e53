/** The manifest `migrascope.plugin.json`, and the folders in which it is looked for (protocol/SPEC.md). */
import { readdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { messageOf, UsageError } from '../base/errors.js';
import type { Role } from './messages.generated.js';
import type { PluginDescription } from './types.js';

export const MANIFEST = 'migrascope.plugin.json';
const LONGEST_MANIFEST = 64 * 1024;
const NAME = /^[a-z][a-z0-9-]{0,63}$/;
const ROLES: readonly Role[] = ['policy', 'probe', 'hypervisor', 'observer', 'workload'];

/** Where plugins are looked for. */
export interface PluginPlaces {
  /** Folders that a person named, each of one plugin. */
  readonly named: readonly string[];
  readonly workingFolder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** What was found in a folder: a plugin, or why it is none. */
export type FoundPlugin =
  | { readonly folder: string; readonly plugin: PluginDescription }
  | { readonly folder: string; readonly error: UsageError };

/** @throws UsageError when there is no manifest in the folder, or a wrong one. */
export async function readManifest(folder: string): Promise<PluginDescription> {
  const path = join(resolve(folder), MANIFEST);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new UsageError(`There is no plugin in ${folder}: ${messageOf(error)}`, {
      cause: error,
      hint: `A plugin is a folder with a ${MANIFEST}; protocol/SPEC.md says what is in it.`,
    });
  }
  return parseManifest(text, resolve(folder));
}

/** @throws UsageError when it is none; the message names the field. */
export function parseManifest(text: string, folder: string): PluginDescription {
  const wrong = (what: string) =>
    new UsageError(`The manifest ${join(folder, MANIFEST)} is wrong: ${what}.`, {
      hint: 'protocol/SPEC.md, "Starting and ending", says what is in a manifest.',
    });
  if (text.length > LONGEST_MANIFEST) throw wrong(`it is longer than ${LONGEST_MANIFEST} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw wrong(`it is not JSON: ${messageOf(error)}`);
  }
  if (typeof value !== 'object' || value === null) throw wrong('it is not an object');
  const { name, description, roles, command, environment, watch } = value as Record<
    string,
    unknown
  >;
  if (typeof name !== 'string' || !NAME.test(name))
    throw wrong("'name' must be a-z, 0-9 and -, beginning with a letter");
  const known = texts(roles)?.filter((role): role is Role => ROLES.some((each) => each === role));
  if (!known || known.length === 0) throw wrong(`'roles' must name some of ${ROLES.join(', ')}`);
  const program = texts(command);
  if (!program?.[0]) throw wrong("'command' must be a list of a program and its arguments");
  const variables = texts(environment ?? []);
  if (!variables) throw wrong("'environment' must be a list of names");
  const files = texts(watch ?? []);
  if (!files) throw wrong("'watch' must be a list of files");
  return {
    name,
    ...(typeof description === 'string' ? { description } : {}),
    roles: known,
    command: program,
    environment: variables,
    watch: files,
    folder,
  };
}

function texts(value: unknown): readonly string[] | undefined {
  const sound = Array.isArray(value) && value.every((each) => typeof each === 'string');
  return sound ? value : undefined;
}

/** Every plugin and every wrong manifest, those first that win. */
export async function findPlugins(places: PluginPlaces): Promise<readonly FoundPlugin[]> {
  const { named, workingFolder, environment } = places;
  const configuration =
    environment['XDG_CONFIG_HOME'] ?? join(environment['HOME'] ?? homedir(), '.config');
  const folders = [
    ...named.map((folder) => resolve(workingFolder, folder)),
    ...(await foldersIn(join(workingFolder, '.migrascope', 'plugins'))),
    ...(await foldersIn(join(configuration, 'migrascope', 'plugins'))),
  ];
  return Promise.all(folders.map(look));
}

/**
 * The plugin of that name with that role.
 * @throws UsageError when there is none, or its manifest is wrong.
 */
export async function pluginCalled(
  name: string,
  role: Role,
  places: PluginPlaces,
): Promise<PluginDescription> {
  const found = await findPlugins(places);
  const namedWrong = found.find(
    (each) =>
      'error' in each &&
      places.named.some((folder) => resolve(places.workingFolder, folder) === each.folder),
  );
  if (namedWrong && 'error' in namedWrong) throw namedWrong.error;
  const plugins = found.flatMap((each) => ('plugin' in each ? [each.plugin] : []));
  const plugin = plugins.find((each) => each.name === name);
  if (plugin?.roles.includes(role)) return plugin;
  if (plugin)
    throw new UsageError(`The plugin ${name} is no ${role}.`, {
      hint: `Its manifest says: ${plugin.roles.join(', ')}.`,
    });
  const names = plugins.filter(({ roles }) => roles.includes(role)).map((each) => each.name);
  throw new UsageError(`There is no ${role} called '${name}'.`, {
    hint:
      names.length > 0
        ? `Plugins that were found: ${names.join(', ')}.`
        : 'Name a plugin’s folder with --plugin; `migrascope plugin list` says where else is looked.',
  });
}

async function look(folder: string): Promise<FoundPlugin> {
  try {
    return { folder, plugin: await readManifest(folder) };
  } catch (error) {
    if (error instanceof UsageError) return { folder, error };
    throw error;
  }
}

async function foldersIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((each) => each.isDirectory() || each.isSymbolicLink())
    .map(({ name }) => join(folder, name))
    .sort();
}
