import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addressWarnings, formatAddress, parseAddress } from '../../../src/hypervisor/index.js';
import type { HostAddress } from '../../../src/hypervisor/index.js';

describe('parseAddress', () => {
  test.each<[string, HostAddress]>([
    ['unix:/tmp/vm.qmp', { type: 'unix', path: '/tmp/vm.qmp' }],
    ['unix:vm.qmp', { type: 'unix', path: 'vm.qmp' }],
    ['tcp:lab:4444', { type: 'tcp', host: 'lab', port: 4444 }],
    ['tcp:[::1]:4444', { type: 'tcp', host: '::1', port: 4444 }],
    ['ssh://lab/run/vm.qmp', { type: 'ssh', host: 'lab', path: '/run/vm.qmp' }],
    [
      'ssh://me@lab:2222/run/vm.qmp',
      { type: 'ssh', user: 'me', host: 'lab', port: 2222, path: '/run/vm.qmp' },
    ],
    ['ssh://[fe80::1]/vm.qmp', { type: 'ssh', host: 'fe80::1', path: '/vm.qmp' }],
  ])('reads %s', (text, address) => {
    expect(parseAddress(text)).toEqual(address);
    expect(formatAddress(address)).toBe(text);
  });

  test.each([
    ['lab', 'it begins with none of unix:, tcp:, ssh://'],
    ['unix:', 'the path is missing'],
    ['tcp:lab', 'HOST:PORT is missing'],
    ['tcp::4444', 'HOST:PORT is missing'],
    ['tcp:lab:70000', 'the port is not from 1 to 65535'],
    ['tcp:lab:0', 'the port is not from 1 to 65535'],
    ['ssh:lab/vm.qmp', '//HOST/PATH is missing'],
    ['ssh://lab', '//HOST/PATH is missing'],
    ['ssh://lab/', 'the path of the QMP socket is missing'],
    ['ssh://@lab/vm.qmp', 'the user is empty'],
    ['ssh://-oProxyCommand=x/vm.qmp', 'a name begins with -'],
    ['ssh://-l@lab/vm.qmp', 'a name begins with -'],
    ["ssh://lab/a'b", "the path has a character that ssh can't forward"],
    ['ssh://lab/a:b', "the path has a character that ssh can't forward"],
    ['ssh://lab/%h', "the path has a character that ssh can't forward"],
    ['ssh://lab:99999/vm.qmp', 'the port is not from 1 to 65535'],
  ])('refuses %s', (text, reason) => {
    expect(() => parseAddress(text)).toThrow(
      expect.objectContaining({
        kind: 'usage',
        message: expect.stringContaining(
          `"${text}" is no address of a hypervisor: ${reason}`,
        ) as string,
        hint: expect.stringMatching(/^Write unix:PATH/) as string,
      }),
    );
  });

  test('what it reads is written as it was, or it is refused', () => {
    const prefix = fc.constantFrom('unix:', 'tcp:', 'ssh://');
    fc.assert(
      fc.property(prefix, fc.string(), (start, rest) => {
        let address: HostAddress;
        try {
          address = parseAddress(start + rest);
        } catch (error) {
          expect(error).toMatchObject({ kind: 'usage' });
          return;
        }
        expect(parseAddress(formatAddress(address))).toEqual(address);
      }),
    );
  });
});

test('only TCP is warned of', () => {
  expect(addressWarnings(parseAddress('tcp:lab:4444'))).toEqual([
    expect.stringMatching(/^tcp:lab:4444: a QEMU monitor on TCP has no password/),
  ]);
  expect(addressWarnings(parseAddress('unix:/vm'))).toEqual([]);
  expect(addressWarnings(parseAddress('ssh://lab/vm'))).toEqual([]);
});
