/**
 * What the changes in a journal say was made for a run, where its name does not say it: files, the
 * places of sockets, processes. Pure: whether it is there still has to be looked at.
 */
import type { SocketAddress } from '../qemu/schema.js';
import type { FileStatus, HostChange } from '../types.js';

/** A file, so described that no other one is taken for it. */
export interface FileIdentity {
  readonly path: string;
  readonly device: number;
  readonly inode: number;
  /** When it was made, in milliseconds since 1970, as the file system has it; 0 where it has not. */
  readonly madeMs: number;
}

/** An image that a run had made, or may have. */
export interface MadeImage {
  readonly path: string;
  /** Name of the host whose path it is. */
  readonly host: string;
  /** Absent where the run did not live to write it down. */
  readonly identity?: FileIdentity;
  /** When it was about to be made, wall-clock time, ISO 8601; absent where that is not known. */
  readonly askedAt?: string;
  /** Bytes that it was to have; absent where that is not known. */
  readonly askedSize?: number;
}

/** A change, with when it was written down where that is known: wall-clock time, ISO 8601. */
export type DatedChange = HostChange & { readonly at?: string };

/** A process of this machine that a run started. */
export interface StartedChild {
  readonly command: string;
  /** Where the run had it listen. */
  readonly sockets: readonly string[];
}

/** Folders for sockets are called so; the rest is random. */
const PLACE = /^(.*\/migrascope-nbd-[A-Za-z0-9]+)\/socket$/;

/** The arguments of the action `made-file`. */
export function describeMadeFile(
  path: string,
  { dev, ino, birthtimeMs }: FileStatus,
): FileIdentity {
  return { path, device: dev, inode: ino, madeMs: birthtimeMs };
}

/** Names of the nodes that were added, under whatever name. */
export function addedNodes(changes: readonly HostChange[]): readonly string[] {
  return changes
    .filter(({ action }) => action === 'blockdev-add')
    .map(({ arguments: options }) => textAt(options, 'node-name'))
    .filter((name) => name !== undefined);
}

/** Where the hypervisor's NBD server was told to listen. */
export function serverAddresses(changes: readonly HostChange[]): readonly SocketAddress[] {
  return changes
    .filter(({ action }) => action === 'nbd-server-start')
    .map(({ arguments: options }) => parseSocketAddress(at(options, 'addr')))
    .filter((address) => address !== undefined);
}

/** The image that was made for a run, the newest; nothing where it made none. */
export function madeImage(changes: readonly DatedChange[]): MadeImage | undefined {
  let found: MadeImage | undefined;
  for (const change of changes) {
    const identity = change.action === 'made-file' ? parseIdentity(change.arguments) : undefined;
    found = askedImage(change) ?? found;
    if (identity) found = { host: change.host, ...found, path: identity.path, identity };
  }
  return found;
}

function askedImage({ action, host, at: askedAt, arguments: options }: DatedChange) {
  const image = action === 'blockdev-create' ? at(options, 'options') : undefined;
  const path =
    action === 'create-file'
      ? textAt(options, 'path')
      : textAt(image, 'driver') === 'file'
        ? textAt(image, 'filename')
        : undefined;
  if (path === undefined) return undefined;
  const askedSize = at(image, 'size');
  return {
    path,
    host,
    ...(askedAt === undefined ? {} : { askedAt }),
    ...(typeof askedSize === 'number' ? { askedSize } : {}),
  };
}

/** Folders for sockets that were made, on whichever machine. */
export function socketFolders(changes: readonly HostChange[]): readonly string[] {
  return socketPaths(changes)
    .map((path) => PLACE.exec(path)?.[1])
    .filter((folder) => folder !== undefined);
}

/** The processes that were started on this machine, each with its own sockets. */
export function startedChildren(changes: readonly HostChange[]): readonly StartedChild[] {
  return changes
    .filter(({ action }) => action === 'start-child')
    .map(({ arguments: line }) => {
      const command = wordsOf(line)[0] ?? '';
      const own = socketOptions(line);
      const steered = socketPaths(changes.filter(({ host }) => host === command));
      return { command, sockets: [...own, ...steered].filter((path) => PLACE.test(path)) };
    })
    .filter(({ sockets }) => sockets.length > 0);
}

/** Paths of the unix sockets at which something was told to listen. */
function socketPaths(changes: readonly HostChange[]): readonly string[] {
  const addresses = [
    ...serverAddresses(changes),
    ...changes
      .filter(({ action }) => action === 'chardev-add')
      .map(({ arguments: options }) => at(at(at(options, 'backend'), 'data'), 'addr'))
      .map(parseSocketAddress)
      .filter((address) => address !== undefined),
  ];
  return [
    ...addresses.filter((address) => address.type === 'unix').map(({ data }) => data.path),
    ...changes
      .filter(({ action }) => action === 'start-child')
      .flatMap(({ arguments: line }) => socketOptions(line)),
  ];
}

/** Of a command line the sockets that it names, as qemu-nbd takes them. */
function socketOptions(line: unknown): readonly string[] {
  const option = '--socket=';
  const options = wordsOf(line).filter((word) => word.startsWith(option));
  return options.map((word) => word.slice(option.length));
}

function wordsOf(line: unknown): readonly string[] {
  if (!Array.isArray(line)) return [];
  return line.filter((word): word is string => typeof word === 'string');
}

function parseSocketAddress(value: unknown): SocketAddress | undefined {
  const type = textAt(value, 'type');
  const data = at(value, 'data');
  if (type === 'unix') {
    const path = textAt(data, 'path');
    return path === undefined ? undefined : { type, data: { path } };
  }
  const [host, port] = [textAt(data, 'host'), textAt(data, 'port')];
  if (type !== 'inet' || host === undefined || port === undefined) return undefined;
  return { type, data: { host, port } };
}

function parseIdentity(value: unknown): FileIdentity | undefined {
  const path = textAt(value, 'path');
  const [device, inode, madeMs] = ['device', 'inode', 'madeMs'].map((name) => at(value, name));
  const known =
    path !== undefined &&
    typeof device === 'number' &&
    typeof inode === 'number' &&
    typeof madeMs === 'number';
  return known ? { path, device, inode, madeMs } : undefined;
}

function at(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}

function textAt(value: unknown, name: string): string | undefined {
  const found = at(value, name);
  return typeof found === 'string' ? found : undefined;
}
