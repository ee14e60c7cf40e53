import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CancelledError } from '../../../src/base/errors.js';
import { librariesOf } from '../../../src/lab/agent.js';
import { neededModules } from '../../../src/lab/kernel.js';
import { newest, unpackedPackage } from '../../../src/lab/packages.js';

const wanted = {
  what: 'a thing',
  folder: 'thing',
  pattern: '^thing$',
  hint: 'Do without.',
};

describe('a package', () => {
  let folder: string;
  let cache: string;
  const said: string[] = [];

  /** Puts a shell script in the place of a tool. */
  const tool = (name: string, script: string) =>
    writeFileSync(join(folder, 'bin', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const fetch = () =>
    unpackedPackage(wanted, { cache, progress: (message) => void said.push(message) });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'migrascope-packages-'));
    cache = join(folder, 'cache');
    said.length = 0;
    mkdirSync(join(folder, 'bin'));
    vi.stubEnv('PATH', `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`);
    tool('apt-cache', 'echo "thing - what it is"');
    tool('apt-get', `echo "$*" >> ${folder}/log; case "$*" in *download*) : > thing.deb;; esac`);
    tool('dpkg', 'mkdir "$3"; echo unpacked > "$3/file"');
  });

  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is downloaded once, and nothing else is left in the cache', async () => {
    const unpacked = await fetch();
    expect(readFileSync(join(unpacked, 'file'), 'utf8')).toBe('unpacked\n');
    expect(await fetch()).toBe(unpacked);
    expect(readdirSync(cache)).toEqual(['thing']);
    expect(readFileSync(join(folder, 'log'), 'utf8')).toBe('download thing\n');
    expect(said).toEqual(['Looking for a thing …', 'Downloading thing …']);
  });

  it('is the same for two that fetch it at once', async () => {
    const [first, second] = await Promise.all([fetch(), fetch()]);
    expect(first).toBe(second);
    expect(readdirSync(cache)).toEqual(['thing']);
    expect(readdirSync(first)).toEqual(['file']);
  });

  it('is looked for in newer lists when those of the machine have none', async () => {
    tool('apt-cache', 'case "$*" in *newer*) echo "thing - what it is";; esac');
    await fetch();
    const log = readFileSync(join(folder, 'log'), 'utf8').split('\n');
    expect(log[0]).toMatch(/^-c .*newer\/apt\.conf update -q$/);
    expect(log[1]).toMatch(/^-c .*newer\/apt\.conf download thing$/);
  });

  it('is looked for in newer lists when those of the machine are stale', async () => {
    tool('apt-get', 'case "$*" in *newer*download*) : > thing.deb;; download*) exit 100;; esac');
    expect(existsSync(await fetch())).toBe(true);
  });

  it('is looked for in the backports at last', async () => {
    tool('apt-cache', 'case "$*" in *backports*) echo "thing - what it is";; esac');
    tool(
      'apt-get',
      `case "$*" in
        *newer*indextargets*) . /etc/os-release; echo "http://mirror.example/debian $VERSION_CODENAME";;
        *download*) : > thing.deb;;
      esac
      cp backports.list ${folder}/list 2>/dev/null || true`,
    );
    await fetch();
    const line = readFileSync(join(folder, 'list'), 'utf8');
    const release = /^VERSION_CODENAME=(.+)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
    const from = release ? `http://mirror.example/debian ${release}-backports main\n` : '';
    expect(line.endsWith(from)).toBe(true);
  });

  it('that is nowhere is an error with its hint, and leaves nothing in the cache', async () => {
    tool('apt-cache', '');
    await expect(fetch()).rejects.toMatchObject({
      kind: 'lab',
      message: 'There is no package of a thing to be had.',
      hint: 'Do without.',
    });
    expect(readdirSync(cache)).toEqual([]);
  });

  it('can be cancelled', async () => {
    const cancelled = unpackedPackage(wanted, {
      cache,
      progress: () => undefined,
      signal: AbortSignal.abort(),
    });
    await expect(cancelled).rejects.toBeInstanceOf(CancelledError);
    expect(readdirSync(cache)).toEqual([]);
  });
});

describe('names and listings', () => {
  it('takes the name with the highest numbers', () => {
    expect(newest(['linux-6.1.0-9', 'linux-6.1.0-56', 'linux-6.1.0-100'])).toBe('linux-6.1.0-100');
    expect(newest([])).toBeUndefined();
  });

  it('reads what a module needs', () => {
    const module = (text: string) => Buffer.from(`ELF\0license=GPL\0${text}\0name=x\0`, 'latin1');
    expect(neededModules(module('depends=virtio,virtio_ring'))).toEqual(['virtio', 'virtio_ring']);
    expect(neededModules(module('depends='))).toEqual([]);
    expect(neededModules(module('alias=y'))).toEqual([]);
  });

  it('reads the libraries of a program, and says which is missing', () => {
    const listing = `\tlinux-vdso.so.1 (0x00007ffd)
\tlibglib-2.0.so.0 => /lib/x86_64-linux-gnu/libglib-2.0.so.0 (0x00007f00)
\t/lib64/ld-linux-x86-64.so.2 (0x00007f01)\n`;
    expect(librariesOf(listing)).toEqual([
      '/lib/x86_64-linux-gnu/libglib-2.0.so.0',
      '/lib64/ld-linux-x86-64.so.2',
    ]);
    expect(() => librariesOf('\tliburing.so.2 => not found\n')).toThrow(
      'qemu-guest-agent needs the library liburing.so.2, which is not here.',
    );
  });
});
