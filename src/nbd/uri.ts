/**
 * NBD URIs (NBD URI specification, doc/uri.md beside the protocol's): `nbd://HOST[:PORT]/EXPORT`
 * and `nbd+unix:///EXPORT?socket=PATH`.
 */
import { UsageError } from '../base/errors.js';
import { MAXIMUM_STRING, NBD_DEFAULT_PORT } from './protocol.js';

/** Where an NBD server listens, and which of its exports is meant. */
export type NbdAddress =
  | {
      readonly type: 'tcp';
      /** A name or an address; IPv6 without brackets. */
      readonly host: string;
      /** 1 to 65,535. */
      readonly port: number;
      /** The empty string is the default export. */
      readonly exportName: string;
    }
  | {
      readonly type: 'unix';
      /** The socket's path; a first character NUL names an abstract socket (Linux). */
      readonly path: string;
      readonly exportName: string;
    };

/** An IPv6 address as far as its letters go, perhaps with a zone. */
const IP_LITERAL = /^[0-9a-f:.]+(%[^\0]+)?$/i;

const FORMS = 'Use nbd://HOST[:PORT]/EXPORT or nbd+unix:///EXPORT?socket=PATH.';

/**
 * Reads an NBD URI.
 * @throws UsageError when it is not one, or asks for what is not spoken here (TLS, vsock, ssh).
 */
export function parseNbdUri(uri: string): NbdAddress {
  const match = /^([a-z][a-z0-9+.-]*):(\/\/([^/?#]*))?([^?#]*)(\?([^#]*))?(#.*)?$/is.exec(uri);
  if (!match) throw malformed(uri, 'it has no scheme');
  const scheme = match[1]!.toLowerCase();
  checkScheme(uri, scheme);
  if (match[7] !== undefined) throw malformed(uri, "a '#' must be written as %23");
  if (match[2] === undefined) throw malformed(uri, `'//' must follow '${scheme}:'`);
  const authority = match[3] ?? '';
  const exportName = decode(uri, (match[4] ?? '').replace(/^\//, ''));
  checkExportName(uri, exportName);
  const socket = socketParameter(uri, match[6]);
  if (scheme === 'nbd+unix') return unixAddress(uri, authority, socket, exportName);
  if (socket !== undefined) throw malformed(uri, "'socket' belongs to nbd+unix");
  return { type: 'tcp', ...hostAndPort(uri, authority), exportName };
}

/**
 * Writes an address as an NBD URI; `parseNbdUri` reads the same address from it.
 * @throws UsageError when no URI can say it: a path without name, a port out of range.
 */
export function formatNbdUri(address: NbdAddress): string {
  checkExportName('', address.exportName);
  const path = `/${encodePath(address.exportName)}`;
  if (address.type === 'unix') {
    if (address.path === '') throw new UsageError('An NBD address has an empty socket path.');
    return `nbd+unix://${path}?socket=${encodePath(address.path)}`;
  }
  const { host, port } = address;
  const isLiteral = host.includes(':');
  const isHost = isLiteral ? IP_LITERAL.test(host) : host !== '';
  if (!isHost || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new UsageError(`The NBD address ${JSON.stringify(host)} port ${port} can't be.`);
  }
  const literal = isLiteral ? `[${encode(host).replaceAll('%3A', ':')}]` : encode(host);
  return `nbd://${literal}${port === NBD_DEFAULT_PORT ? '' : `:${port}`}${path}`;
}

function checkScheme(uri: string, scheme: string): void {
  if (scheme === 'nbd' || scheme === 'nbd+unix') return;
  if (scheme.startsWith('nbds')) {
    throw new UsageError(`The NBD URI ${uri} asks for TLS, which Migrascope does not speak.`, {
      hint: 'Let the server listen on a unix socket without TLS, and reach it through ssh.',
    });
  }
  if (scheme.startsWith('nbd+')) {
    throw new UsageError(`The NBD URI ${uri} asks for a transport that Migrascope lacks.`, {
      hint: FORMS,
    });
  }
  throw malformed(uri, `its scheme is '${scheme}'`);
}

function checkExportName(uri: string, name: string): void {
  if (name.includes('\0')) throw malformed(uri, 'an export name has no NUL character');
  if (Buffer.byteLength(name) > MAXIMUM_STRING) {
    throw malformed(uri, `an export name has at most ${MAXIMUM_STRING} bytes`);
  }
}

function socketParameter(uri: string, query: string | undefined): string | undefined {
  let socket: string | undefined;
  for (const parameter of (query ?? '').split('&')) {
    if (parameter === '') continue;
    const equals = parameter.indexOf('=');
    const key = decode(uri, equals < 0 ? parameter : parameter.slice(0, equals));
    if (key.startsWith('x-')) continue;
    if (key !== 'socket') throw malformed(uri, `the parameter '${key}' is not known`);
    if (socket !== undefined) throw malformed(uri, "'socket' is given twice");
    socket = equals < 0 ? '' : decode(uri, parameter.slice(equals + 1));
  }
  return socket;
}

function unixAddress(
  uri: string,
  authority: string,
  socket: string | undefined,
  exportName: string,
): NbdAddress {
  if (authority !== '') {
    throw malformed(uri, `nbd+unix has no host, but here it is '${authority}'`);
  }
  if (!socket) throw malformed(uri, "'?socket=PATH' is missing");
  if (socket.lastIndexOf('\0') > 0) throw malformed(uri, 'a path has no NUL character');
  return { type: 'unix', path: socket, exportName };
}

function hostAndPort(uri: string, authority: string): { host: string; port: number } {
  if (authority.includes('@')) throw malformed(uri, 'a user name has a meaning only with TLS');
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d*))?$/.exec(authority);
  if (!match) throw malformed(uri, `'${authority}' is not a host with an optional port`);
  const host = decode(uri, match[1] ?? match[2] ?? '');
  if ((match[1] !== undefined || host.includes(':')) && !IP_LITERAL.test(host)) {
    throw malformed(uri, `'${host}' is not an IPv6 address`);
  }
  if (host === '') throw malformed(uri, 'the host is missing');
  if (host.includes('\0')) throw malformed(uri, 'a host has no NUL character');
  const port = match[3] ? Number(match[3]) : NBD_DEFAULT_PORT;
  if (port < 1 || port > 65_535) throw malformed(uri, `${port} is not a port`);
  return { host, port };
}

function decode(uri: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw malformed(uri, `'${text}' is not percent-encoded UTF-8`);
  }
}

/** Percent-encodes all that may not stand in a path or in a parameter's value, but leaves '/'. */
function encodePath(text: string): string {
  return encode(text).replaceAll('%2F', '/');
}

function encode(text: string): string {
  try {
    return encodeURIComponent(text);
  } catch (error) {
    throw new UsageError(`${JSON.stringify(text)} is not well-formed Unicode.`, { cause: error });
  }
}

function malformed(uri: string, offence: string): UsageError {
  return new UsageError(`The NBD URI ${JSON.stringify(uri)} can't be read: ${offence}.`, {
    hint: FORMS,
  });
}
