/**
 * The hosts file: names for hypervisors, shared by command and extension.
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
 * The host that `text` names: an address, or a name from the hosts file.
 * @throws UsageError when it is neither, or the hosts file is faulty (file and key are named).
 */
export async function resolveHost(text: string, options: HostsFileOptions = {}): Promise<Host> {
  if (looksLikeAddress(text)) {
    const address = parseAddress(text);
    return { name: formatAddress(address), address, warnings: addressWarnings(address) };
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
  const root = members(value, file, 'the file', ['hosts']);
  const hosts = members(root['hosts'], file, '"hosts"');
  return new Map(
    Object.entries(hosts).map(([name, entry]) => [name, parseHost(name, entry, file)]),
  );
}

function parseHost(name: string, value: unknown, file: string): Host {
  const key = `"hosts.${name}`;
  if (name === '' || looksLikeAddress(name)) {
    throw new UsageError(`The hosts file ${file} has the name "${name}": it reads as an address.`);
  }
  const entry = members(value, file, `${key}"`, ['address', 'guardian', 'probe', 'nbdDirectory']);
  const addressText = string(entry['address'], file, `${key}.address"`);
  const address = within(file, `${key}.address"`, () => parseAddress(addressText));
  const probeText = entry['probe'];
  const directory = entry['nbdDirectory'];
  const guardian = parseGuardian(entry['guardian'], addressText, file, `${key}.guardian"`);
  return {
    name,
    address,
    warnings: addressWarnings(address),
    ...(guardian === undefined ? {} : { guardian }),
    ...(probeText === undefined
      ? {}
      : { probe: parseProbe(string(probeText, file, `${key}.probe"`), file, `${key}.probe"`) }),
    ...(directory === undefined
      ? {}
      : { nbdDirectory: absolute(string(directory, file, `${key}.nbdDirectory"`), file, key) }),
  };
}

/** A second monitor; the same one would be held by the migration itself. */
function parseGuardian(
  value: unknown,
  first: string,
  file: string,
  key: string,
): HostAddress | undefined {
  if (value === undefined) return undefined;
  const text = string(value, file, key);
  if (text === first) throw faulty(file, key, 'has to be another monitor than "address"');
  return within(file, key, () => parseAddress(text));
}

function parseProbe(text: string, file: string, key: string): ProbeAddress {
  const address = within(file, key, () => parseAddress(text));
  if (address.type === 'ssh') throw faulty(file, key, 'has to be unix:PATH or tcp:HOST:PORT');
  return address;
}

function absolute(path: string, file: string, key: string): string {
  if (!path.startsWith('/'))
    throw faulty(file, `${key}.nbdDirectory"`, 'has to be an absolute path');
  return path;
}

function members(
  value: unknown,
  file: string,
  key: string,
  known?: readonly string[],
): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw faulty(file, key, 'has to be an object');
  }
  const unknownKey = known && Object.keys(value).find((name) => !known.includes(name));
  if (unknownKey !== undefined) {
    throw faulty(file, key, `has the unknown key "${unknownKey}"; known are ${known!.join(', ')}`);
  }
  return value as Readonly<Record<string, unknown>>;
}

function string(value: unknown, file: string, key: string): string {
  if (typeof value !== 'string' || value === '') {
    throw faulty(file, key, 'has to be a string that is not empty');
  }
  return value;
}

function within<T>(file: string, key: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new UsageError(`The hosts file ${file}: ${key}: ${messageOf(error)}`, { cause: error });
  }
}

function faulty(file: string, key: string, fault: string): UsageError {
  return new UsageError(`The hosts file ${file}: ${key} ${fault}.`);
}
