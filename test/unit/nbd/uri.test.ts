import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/base/errors.js';
import { formatNbdUri, parseNbdUri, type NbdAddress } from '../../../src/nbd/index.js';

const tcp = (host: string, port: number, exportName: string): NbdAddress => ({
  type: 'tcp',
  host,
  port,
  exportName,
});
const unix = (path: string, exportName: string): NbdAddress => ({ type: 'unix', path, exportName });

describe('NBD URIs that are read', () => {
  it.each<[string, NbdAddress]>([
    ['nbd://example.com/disk', tcp('example.com', 10_809, 'disk')],
    ['nbd+unix:///disk?socket=sock', unix('sock', 'disk')],
    ['nbd://example.com/', tcp('example.com', 10_809, '')],
    ['nbd://example.com', tcp('example.com', 10_809, '')],
    ['nbd://example.com//disk', tcp('example.com', 10_809, '/disk')],
    ['nbd://example.com/hello%20world', tcp('example.com', 10_809, 'hello world')],
    ['nbd+unix:///?socket=%00/abstract', unix('\0/abstract', '')],
    ['NBD://example.com:10810/disk', tcp('example.com', 10_810, 'disk')],
    ['nbd://example.com:/disk', tcp('example.com', 10_809, 'disk')],
    ['nbd://[::1]:1234/a/b', tcp('::1', 1234, 'a/b')],
    ['nbd://[fe80::1%25eth0]/', tcp('fe80::1%eth0', 10_809, '')],
    ['nbd+unix:///a?x-extra=1&socket=/tmp/a%20b', unix('/tmp/a b', 'a')],
  ])('%s', (uri, address) => {
    expect(parseNbdUri(uri)).toEqual(address);
  });
});

describe('NBD URIs that are refused', () => {
  it.each([
    ['/tmp/socket', 'it has no scheme'],
    ['http://example.com/', "its scheme is 'http'"],
    ['nbd+unix:?socket=/s', "'//' must follow 'nbd+unix:'"],
    ['nbd:unix:/tmp/socket', "'//' must follow 'nbd:'"],
    ['nbds://example.com/', 'asks for TLS'],
    ['nbds+unix:///?socket=s', 'asks for TLS'],
    ['nbd+vsock://2:1/', 'asks for a transport that Migrascope lacks'],
    ['nbd+ssh://host/', 'asks for a transport that Migrascope lacks'],
    ['nbd:///disk', 'the host is missing'],
    ['nbd://host:0/', '0 is not a port'],
    ['nbd://host:65536/', '65536 is not a port'],
    ['nbd://host:port/', 'is not a host with an optional port'],
    ['nbd://[fe80::zz]/', 'is not an IPv6 address'],
    ['nbd://::1/', 'is not a host with an optional port'],
    ['nbd://user@host/', 'a user name has a meaning only with TLS'],
    ['nbd://host/?socket=s', "'socket' belongs to nbd+unix"],
    ['nbd://host/?tls-type=psk', "the parameter 'tls-type' is not known"],
    ['nbd+unix:///disk', "'?socket=PATH' is missing"],
    ['nbd+unix:///disk?socket=', "'?socket=PATH' is missing"],
    ['nbd+unix:///disk?socket=a&socket=b', "'socket' is given twice"],
    ['nbd+unix:///disk?socket=a%00b', 'a path has no NUL character'],
    ['nbd+unix://host/disk?socket=s', 'nbd+unix has no host'],
    ['nbd://host/%zz', 'is not percent-encoded UTF-8'],
    ['nbd://host/%ff', 'is not percent-encoded UTF-8'],
    ['nbd://host/a%00b', 'an export name has no NUL character'],
    [`nbd://host/${'a'.repeat(4097)}`, 'an export name has at most 4096 bytes'],
    ['nbd://host/a#b', "a '#' must be written as %23"],
    ['nbd://a%3Aname/', "'a:name' is not an IPv6 address"],
  ])('%s', (uri, offence) => {
    const read = (): NbdAddress => parseNbdUri(uri);
    expect(read).toThrow(UsageError);
    expect(read).toThrow(offence);
    expect(read).toThrow(/^The NBD URI /);
  });

  it.each([
    [tcp('', 1, ''), "can't be"],
    [tcp('host', 0, ''), "can't be"],
    [tcp('a:name', 1, ''), "can't be"],
    [tcp('host', 1.5, ''), "can't be"],
    [unix('', ''), 'has an empty socket path'],
    [unix('/s', 'a\0'), 'an export name has no NUL character'],
    [unix('/s', '\ud800'), 'is not well-formed Unicode'],
  ])('address %o', (address, offence) => {
    expect(() => formatNbdUri(address)).toThrow(UsageError);
    expect(() => formatNbdUri(address)).toThrow(offence);
  });
});

describe('addresses', () => {
  const name = fc
    .string({ unit: 'grapheme', maxLength: 40 })
    .filter((text) => !text.includes('\0'));
  const address = fc.oneof(
    fc.record({
      type: fc.constant('unix' as const),
      path: name.filter((text) => text !== ''),
      exportName: name,
    }),
    fc.record({
      type: fc.constant('tcp' as const),
      host: fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6()),
      port: fc.integer({ min: 1, max: 65_535 }),
      exportName: name,
    }),
  );

  it('come back from their URI', () => {
    fc.assert(
      fc.property(address, (given) => {
        expect(parseNbdUri(formatNbdUri(given))).toEqual(given);
      }),
    );
  });

  it.each(['::1', 'fe80::1%eth0', 'fe80::1%a]b/c?d#e%f', 'fe80::1%a:b'])(
    'of the host %s come back from their URI',
    (host) => {
      const given = { type: 'tcp', host, port: 10_809, exportName: 'disk' } as const;
      expect(parseNbdUri(formatNbdUri(given))).toEqual(given);
    },
  );

  it('are read from a URI, or it is refused with a UsageError, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `nbd://${text}`),
        ),
        (uri) => {
          try {
            parseNbdUri(uri);
          } catch (error) {
            expect(error).toBeInstanceOf(UsageError);
          }
        },
      ),
    );
  });
});
