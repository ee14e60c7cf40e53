/**
 * Addresses of hypervisors, as people write them:
 *
 *   unix:PATH                          a QMP socket on this machine
 *   tcp:HOST:PORT                      a QMP port; whoever reaches it is root on that machine
 *   ssh://[USER@]HOST[:PORT]/PATH      a QMP socket on another machine, through the system's ssh
 */
import { UsageError } from '../base/errors.js';

export type HostAddress =
  | { readonly type: 'unix'; readonly path: string }
  | { readonly type: 'tcp'; readonly host: string; readonly port: number }
  | {
      readonly type: 'ssh';
      readonly user?: string;
      readonly host: string;
      readonly port?: number;
      /** Absolute, on the other machine. */
      readonly path: string;
    };

const hint =
  'Write unix:PATH, tcp:HOST:PORT, ssh://[USER@]HOST[:PORT]/PATH, or a name from the hosts file.';

/** Whether `text` is meant as an address, not as a name from the hosts file. */
export function looksLikeAddress(text: string): boolean {
  return /^(unix:|tcp:|ssh:)/.test(text);
}

/** @throws UsageError when `text` is none of the three forms. */
export function parseAddress(text: string): HostAddress {
  if (text.startsWith('unix:')) return parseUnix(text);
  if (text.startsWith('tcp:')) return parseTcp(text, text.slice('tcp:'.length));
  if (text.startsWith('ssh:')) return parseSsh(text);
  throw refuse(text, 'it begins with none of unix:, tcp:, ssh://');
}

/** The address as {@link parseAddress} reads it. */
export function formatAddress(address: HostAddress): string {
  if (address.type === 'unix') return `unix:${address.path}`;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  if (address.type === 'tcp') return `tcp:${host}:${address.port}`;
  const user = address.user === undefined ? '' : `${address.user}@`;
  const port = address.port === undefined ? '' : `:${address.port}`;
  return `ssh://${user}${host}${port}${address.path}`;
}

/** Whether a TCP host is this machine, as far as its name tells. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}

/** What a person should know before this address is used. */
export function addressWarnings(address: HostAddress): readonly string[] {
  if (address.type !== 'tcp') return [];
  const where = formatAddress(address);
  return [
    `${where}: a QEMU monitor on TCP has no password and no encryption; whoever reaches it has full power over the guest and, as QEMU's user, over that machine. Prefer ssh://.`,
  ];
}

function parseUnix(text: string): HostAddress {
  const path = text.slice('unix:'.length);
  if (path === '') throw refuse(text, 'the path is missing');
  return { type: 'unix', path };
}

function parseTcp(text: string, rest: string): HostAddress {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):([0-9]+)$/.exec(rest);
  const host = match?.[1] ?? match?.[2];
  if (!match || host === undefined) throw refuse(text, 'HOST:PORT is missing');
  return { type: 'tcp', host, port: parsePort(text, match[3]!) };
}

function parseSsh(text: string): HostAddress {
  const pattern = /^ssh:\/\/(?:([^@/]*)@)?(?:\[([^\]/]+)\]|([^:/@[\]]+))(?::([0-9]+))?(\/.*)$/;
  const match = pattern.exec(text);
  const host = match?.[2] ?? match?.[3];
  if (!match || host === undefined) throw refuse(text, '//HOST/PATH is missing');
  const [, user, , , port] = match;
  const path = match[5]!;
  if (user === '') throw refuse(text, 'the user is empty');
  if (path === '/') throw refuse(text, 'the path of the QMP socket is missing');
  if (host.startsWith('-') || user?.startsWith('-')) throw refuse(text, 'a name begins with -');
  if (/[:%$\s'"\\]/.test(path)) {
    throw refuse(
      text,
      "the path has a character that ssh can't forward (: % $ quote, backslash, space)",
    );
  }
  return {
    type: 'ssh',
    host,
    path,
    ...(user === undefined ? {} : { user }),
    ...(port === undefined ? {} : { port: parsePort(text, port) }),
  };
}

function parsePort(text: string, digits: string): number {
  const port = Number(digits);
  if (port < 1 || port > 65535) throw refuse(text, 'the port is not from 1 to 65535');
  return port;
}

function refuse(text: string, reason: string): UsageError {
  return new UsageError(`"${text}" is no address of a hypervisor: ${reason}.`, { hint });
}
