import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hostsFilePath, readHosts, resolveHost } from '../../../src/hypervisor/index.js';
import { parseHosts } from '../../../src/hypervisor/hosts.js';

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'migrascope-test-'));
  file = join(directory, 'hosts.json');
});

afterEach(() => rm(directory, { recursive: true, force: true }));

describe('hostsFilePath', () => {
  const home = '/home/me';
  test.each([
    ['linux', {}, '/home/me/.config/migrascope/hosts.json'],
    ['linux', { XDG_CONFIG_HOME: '/cfg' }, '/cfg/migrascope/hosts.json'],
    ['darwin', {}, '/home/me/Library/Application Support/migrascope/hosts.json'],
    ['win32', { APPDATA: '/roaming' }, '/roaming/migrascope/hosts.json'],
    ['win32', {}, '/home/me/AppData/Roaming/migrascope/hosts.json'],
  ] as const)('on %s with %o', (platform, environment, path) => {
    expect(hostsFilePath({ platform, environment, home })).toBe(path);
  });
});

describe('resolveHost', () => {
  test('an address needs no file', async () => {
    expect(await resolveHost('tcp:lab:4444', { file })).toEqual({
      name: 'tcp:lab:4444',
      address: { type: 'tcp', host: 'lab', port: 4444 },
      warnings: [expect.stringMatching(/no password/)],
    });
  });

  test('a second monitor for the guardian', async () => {
    const entry = { address: 'unix:/vm.qmp', guardian: 'unix:/vm.second' };
    await writeFile(file, JSON.stringify({ hosts: { web: entry } }));
    expect(await resolveHost('web', { file })).toMatchObject({
      guardian: { type: 'unix', path: '/vm.second' },
    });
    const same = { ...entry, guardian: entry.address };
    await writeFile(file, JSON.stringify({ hosts: { web: same } }));
    await expect(resolveHost('web', { file })).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringContaining(
        '"hosts.web.guardian" has to be another monitor than "address"',
      ) as string,
    });
  });

  test('a name is looked up', async () => {
    const entry = { address: 'ssh://lab/vm', probe: 'unix:/p', nbdDirectory: '/run/nbd' };
    await writeFile(file, JSON.stringify({ hosts: { web: entry } }));
    expect(await resolveHost('web', { file })).toEqual({
      name: 'web',
      address: { type: 'ssh', host: 'lab', path: '/vm' },
      probe: { type: 'unix', path: '/p' },
      nbdDirectory: '/run/nbd',
      warnings: [],
    });
  });

  test('a name that is not there lists those that are', async () => {
    await writeFile(file, JSON.stringify({ hosts: { web: { address: 'unix:/a' } } }));
    await expect(resolveHost('db', { file })).rejects.toMatchObject({
      kind: 'usage',
      message: `No host is called "db" in ${file}.`,
      hint: expect.stringMatching(/^It has: web\./) as string,
    });
  });

  test('without a file a name is unknown, and the forms of addresses are told', async () => {
    expect(await readHosts({ file })).toEqual(new Map());
    await expect(resolveHost('db', { file })).rejects.toMatchObject({
      kind: 'usage',
      hint: expect.stringMatching(/^Give an address: unix:PATH/) as string,
    });
  });

  test('a file that cannot be read is named', async () => {
    await mkdir(file);
    await expect(resolveHost('db', { file })).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringMatching(/^The hosts file \S+ can't be read: /) as string,
    });
  });

  test('a faulty address is refused as such, not looked up', async () => {
    await expect(resolveHost('tcp:lab', { file })).rejects.toThrow(/is no address of a hypervisor/);
  });
});

describe('parseHosts names file and key', () => {
  test.each([
    ['{', /^The hosts file f is not JSON: /],
    ['[]', /^The hosts file f: the file has to be an object\.$/],
    ['{"hots": {}}', /^The hosts file f: the file has the unknown key "hots"; known are hosts\.$/],
    ['{}', /^The hosts file f: "hosts" has to be an object\.$/],
    ['{"hosts": {"a": 1}}', /^The hosts file f: "hosts.a" has to be an object\.$/],
    ['{"hosts": {"a": {}}}', /^The hosts file f: "hosts.a.address" has to be a string/],
    [
      '{"hosts": {"a": {"address": "x"}}}',
      /^The hosts file f: "hosts.a.address": "x" is no address/,
    ],
    [
      '{"hosts": {"a": {"address": "unix:/a", "probe": 3}}}',
      /^The hosts file f: "hosts.a.probe" has to be a string/,
    ],
    [
      '{"hosts": {"a": {"address": "unix:/a", "probe": "ssh://b/c"}}}',
      /^The hosts file f: "hosts.a.probe" has to be unix:PATH or tcp:HOST:PORT\.$/,
    ],
    [
      '{"hosts": {"a": {"address": "unix:/a", "nbdDirectory": "run"}}}',
      /^The hosts file f: "hosts.a.nbdDirectory" has to be an absolute path\.$/,
    ],
    [
      '{"hosts": {"a": {"address": "unix:/a", "qmp": 1}}}',
      /^The hosts file f: "hosts.a" has the unknown key "qmp"/,
    ],
    ['{"hosts": {"unix:x": {"address": "unix:/a"}}}', /^The hosts file f has the name "unix:x"/],
  ])('%s', (text, message) => {
    expect(() => parseHosts(text, 'f')).toThrow(
      expect.objectContaining({
        kind: 'usage',
        message: expect.stringMatching(message) as string,
      }),
    );
  });
});
