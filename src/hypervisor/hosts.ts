/**
 * The hosts file: names for hypervisors, shared by command and extension; and those that an editor
 * has in its settings, which look alike.
 *
 *   { "hosts": { "NAME": { "address": "unix:…", "guardian": "unix:…", "probe": "unix:…",
 *                          "nbdDirectory": "/run/…" } } }
 */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { UsageError, messageOf } from '../base/errors.js';
import { addressWarnings, formatAddress, looksLikeAddress, parseAddress } from './address.js';
import type { HostAddress } from './address.js';
import type { ProbeAddress } from './types.js';

/** A hypervisor that can be connected to. */
export interface Host {
  /** How people named it: the hosts file's name, or the address. */
  readonly name: string;
  readonly address: HostAddress;
  /** A second monitor of the guest, by which the guardian resumes it while the first one is held. */
  readonly guardian?: HostAddress;
  /** Where the guest's probe is reached, when the hypervisor cannot be asked. */
  readonly probe?: ProbeAddress;
  /** Where sockets for disk data are made, on the hypervisor's machine; its user must be able to write there. */
  readonly nbdDirectory?: string;
  /** Disk data goes over ports of this machine instead; for hosts to which unix sockets mean nothing. */
  readonly nbdPorts?: true;
  /** What a person should know before it is used. */
  readonly warnings: readonly string[];
}

/** The variable in which an editor hands its setting to its processes: an object, as `hosts` of the file. */
export const SETTINGS_HOSTS = 'MIGRASCOPE_HOSTS';

const SETTING = 'The setting migrascope.hosts';

/** What decides where the hosts file is. */
export interface HostsFileOptions {
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly platform?: NodeJS.Platform;
  readonly home?: string;
  /** The file itself, when the person named one. */
  readonly file?: string;
}

/** Path of the hosts file: `migrascope/hosts.json` in the user's configuration folder. */
export function hostsFilePath(options: HostsFileOptions = {}): string {
  if (options.file !== undefined) return options.file;
  const environment = options.environment ?? process.env;
  const home = options.home ?? homedir();
  const platform = options.platform ?? process.platform;
  const xdg = environment['XDG_CONFIG_HOME'];
  if (xdg) return join(xdg, 'migrascope', 'hosts.json');
  if (platform === 'darwin') {
    return join(home, 'Library', 'Application Support', 'migrascope', 'hosts.json');
  }
  if (platform === 'win32') {
    const folder = environment['APPDATA'] ?? join(home, 'AppData', 'Roaming');
    return join(folder, 'migrascope', 'hosts.json');
  }
  return join(home, '.config', 'migrascope', 'hosts.json');
}

/**
 * The host that `text` names: an address, or a name from the hosts file. Of a host at an address, the
 * settings of the editor that started this process may say more.
 * @throws UsageError when it is neither, or the hosts file is faulty (file and key are named).
 */
export async function resolveHost(text: string, options: HostsFileOptions = {}): Promise<Host> {
  if (looksLikeAddress(text)) {
    const address = parseAddress(text);
    const name = formatAddress(address);
    const more = settingsAt(name, options.environment ?? process.env);
    return { ...more, name, address, warnings: addressWarnings(address) };
  }
  const file = hostsFilePath(options);
  const hosts = await readHosts(options);
  const host = hosts.get(text);
  if (host) return host;
  const names = [...hosts.keys()];
  throw new UsageError(`No host is called "${text}" in ${file}.`, {
    hint:
      names.length > 0
        ? `It has: ${names.join(', ')}. An address can be given too: unix:PATH, tcp:HOST:PORT, ssh://HOST/PATH.`
        : 'Give an address: unix:PATH, tcp:HOST:PORT, ssh://HOST/PATH.',
  });
}

/**
 * What an editor's settings say of the host at an address. They are known by it, not by their names: a
 * run that an editor started has to find its host when no editor is there any more.
 * Hosts that are faulty say nothing; whoever reads the settings tells of them.
 */
function settingsAt(
  address: string,
  environment: Readonly<Record<string, string | undefined>>,
): Partial<Host> {
  const text = environment[SETTINGS_HOSTS];
  if (text === undefined || text === '') return {};
  const value = within(SETTING, 'its value', () => JSON.parse(text) as unknown);
  return Object.entries(value ?? {}).reduce<Partial<Host>>((more, [name, entry]) => {
    const host = unlessFaulty(() => parseSettingsHost(name, entry));
    return host && formatAddress(host.address) === address ? { ...more, ...host } : more;
  }, {});
}

function unlessFaulty<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}

/** @throws UsageError that names host and field. */
export function parseSettingsHost(name: string, value: unknown): Host {
  const entry = typeof value === 'string' ? { address: value } : value;
  return parseHost(name, entry, SETTING);
}

/**
 * All hosts of the hosts file by name; none when there is no file.
 * @throws UsageError when the file can't be read or is faulty.
 */
export async function readHosts(
  options: HostsFileOptions = {},
): Promise<ReadonlyMap<string, Host>> {
  const file = hostsFilePath(options);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return new Map();
    throw new UsageError(`The hosts file ${file} can't be read: ${messageOf(error)}.`, {
      cause: error,
    });
  }
  return parseHosts(text, file);
}

/**
 * Reads a hosts file's text.
 * @throws UsageError that names `file` and the faulty key.
 */
export function parseHosts(text: string, file: string): ReadonlyMap<string, Host> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`The hosts file ${file} is not JSON: ${messageOf(error)}.`, {
      cause: error,
    });
  }
  const where = `The hosts file ${file}`;
  const root = members(value, where, 'the file', ['hosts']);
  const hosts = members(root['hosts'], where, '"hosts"');
  return new Map(
    Object.entries(hosts).map(([name, entry]) => [
      name,
      parseHost(name, entry, where, `hosts.${name}`),
    ]),
  );
}

/**
 * Reads what stands for one host.
 * @param where it stands, for errors: a sentence begins with it.
 * @param path of it there.
 * @throws UsageError that names `where` and the faulty key.
 */
export function parseHost(name: string, value: unknown, where: string, path = name): Host {
  const key = `"${path}`;
  if (name === '' || looksLikeAddress(name)) {
    throw new UsageError(`${where} has the name "${name}": it reads as an address.`);
  }
  const entry = members(value, where, `${key}"`, ['address', 'guardian', 'probe', 'nbdDirectory']);
  const addressText = string(entry['address'], where, `${key}.address"`);
  const address = within(where, `${key}.address"`, () => parseAddress(addressText));
  const probeText = entry['probe'];
  const directory = entry['nbdDirectory'];
  const guardian = parseGuardian(entry['guardian'], addressText, where, `${key}.guardian"`);
  return {
    name,
    address,
    warnings: addressWarnings(address),
    ...(guardian === undefined ? {} : { guardian }),
    ...(probeText === undefined
      ? {}
      : { probe: parseProbe(string(probeText, where, `${key}.probe"`), where, `${key}.probe"`) }),
    ...(directory === undefined
      ? {}
      : { nbdDirectory: absolute(string(directory, where, `${key}.nbdDirectory"`), where, key) }),
  };
}

/** A second monitor; the same one would be held by the migration itself. */
function parseGuardian(
  value: unknown,
  first: string,
  where: string,
  key: string,
): HostAddress | undefined {
  if (value === undefined) return undefined;
  const text = string(value, where, key);
  if (text === first) throw faulty(where, key, 'has to be another monitor than "address"');
  return within(where, key, () => parseAddress(text));
}

function parseProbe(text: string, where: string, key: string): ProbeAddress {
  const address = within(where, key, () => parseAddress(text));
  if (address.type === 'ssh') throw faulty(where, key, 'has to be unix:PATH or tcp:HOST:PORT');
  return address;
}

function absolute(path: string, where: string, key: string): string {
  if (!path.startsWith('/'))
    throw faulty(where, `${key}.nbdDirectory"`, 'has to be an absolute path');
  return path;
}

function members(
  value: unknown,
  where: string,
  key: string,
  known?: readonly string[],
): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw faulty(where, key, 'has to be an object');
  }
  const unknownKey = known && Object.keys(value).find((name) => !known.includes(name));
  if (unknownKey !== undefined) {
    throw faulty(where, key, `has the unknown key "${unknownKey}"; known are ${known!.join(', ')}`);
  }
  return value as Readonly<Record<string, unknown>>;
}

function string(value: unknown, where: string, key: string): string {
  if (typeof value !== 'string' || value === '') {
    throw faulty(where, key, 'has to be a string that is not empty');
  }
  return value;
}

function within<T>(where: string, key: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new UsageError(`${where}: ${key}: ${messageOf(error)}`, { cause: error });
  }
}

function faulty(where: string, key: string, fault: string): UsageError {
  return new UsageError(`${where}: ${key} ${fault}.`);
}
