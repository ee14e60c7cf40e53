import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  chooseAccelerator,
  LAB_DEFAULTS,
  labDown,
  labFolders,
  labStatus,
  labUp,
} from '../../../src/lab/index.js';
import { makePrivateFolder, placesOf } from '../../../src/lab/folders.js';
import { startQemu } from '../../../src/lab/process.js';
import { kernelCommandLine, qemuArguments } from '../../../src/lab/qemu-arguments.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'migrascope-lab-'));
  vi.stubEnv('XDG_RUNTIME_DIR', join(folder, 'run'));
  vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'));
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

describe('a guest that can’t be', () => {
  it.each([
    [{ name: '../x' }, "A lab guest can't be called ../x."],
    [{ name: '' }, "A lab guest can't be called ."],
    [{ size: 32 * 1024 ** 2 }, 'A lab disk of 33554432 bytes with ext4'],
    [{ size: 1024 ** 3 + 1 }, 'A lab disk of 1073741825 bytes with ext4'],
    [
      { size: 256 * 1024 ** 2, fileSystem: 'xfs' as const },
      'A lab disk of 268435456 bytes with xfs',
    ],
    [{ kernel: '/boot/vmlinuz' }, '--kernel and --initrd go together.'],
    [{ initrd: '/boot/initrd' }, '--kernel and --initrd go together.'],
  ])('is refused: %j', async (options, start) => {
    await expect(labUp(options)).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringContaining(start) as string,
    });
  });

  it('is not ended either, and nothing outside the lab is deleted', async () => {
    const precious = join(folder, 'run/precious');
    mkdirSync(precious, { recursive: true });
    await expect(labDown('../precious')).rejects.toMatchObject({ kind: 'usage' });
    expect(readdirSync(join(folder, 'run'))).toEqual(['precious']);
  });

  it('is refused when QEMU is not on the machine', async () => {
    await expect(startQemu([], join(folder, 'log'), 'migrascope-no-qemu')).rejects.toMatchObject({
      kind: 'lab',
      message: 'QEMU could not be started: migrascope-no-qemu is not to be found.',
      hint: 'On Debian and Ubuntu: apt-get install qemu-system-x86 qemu-utils',
    });
  });

  it('is cancelled before it is begun, and leaves nothing behind', async () => {
    const signal = AbortSignal.abort();
    const files = { kernel: '/nowhere', initrd: '/nowhere' };
    await expect(labUp(files, { signal })).rejects.toMatchObject({ kind: 'cancelled' });
    expect(readdirSync(labFolders().guests)).toEqual([]);
    expect(readdirSync(labFolders().images)).toEqual([]);
  });
});

describe('the guests that run', () => {
  it('are none where there are no folders', async () => {
    expect(await labStatus()).toEqual([]);
    expect(await labDown('lab')).toBe(false);
  });

  it('are not those whose process is now another, and that one is left alone', async () => {
    const places = placesOf('lab');
    mkdirSync(places.folder, { recursive: true });
    writeFileSync(places.state, JSON.stringify({ name: 'lab', pid: process.pid }));
    expect(await labStatus()).toEqual([]);
    expect(await labDown('lab')).toBe(true);
    expect(readdirSync(labFolders().guests)).toEqual([]);
  });
});

describe('the folders', () => {
  it('follow the XDG base directories', () => {
    const home = labFolders({ XDG_RUNTIME_DIR: '/r', XDG_CACHE_HOME: '/c' });
    expect(home).toEqual({
      guests: '/r/migrascope-lab',
      kernels: '/c/migrascope/kernels',
      images: '/c/migrascope/images',
    });
    expect(labFolders({}).guests.startsWith(tmpdir())).toBe(true);
  });

  it('are made for this user alone', async () => {
    const path = join(folder, 'a/b');
    await makePrivateFolder(path);
    await makePrivateFolder(path);
    expect(readdirSync(join(folder, 'a'))).toEqual(['b']);
  });

  it('are refused when others can write there, or when they are a link', async () => {
    const open = join(folder, 'open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    const link = join(folder, 'link');
    symlinkSync(tmpdir(), link);
    for (const path of [open, link])
      await expect(makePrivateFolder(path)).rejects.toMatchObject({
        kind: 'lab',
        message: `The lab can't use ${path}: others can write there.`,
      });
  });
});

describe('the command lines', () => {
  const boot = { kernel: '/k', initrd: '/i', release: '6.1' };
  const args = (options: object) =>
    qemuArguments(
      { ...LAB_DEFAULTS, ...options },
      placesOf('lab'),
      boot,
      chooseAccelerator('tcg'),
    ).join(' ');

  it('name nothing as a run would', () => {
    const ids = [...args({ agent: true }).matchAll(/(?:id|node-name|chardev)"?[=:]"?([^,"} ]+)/g)];
    expect(ids.length).toBeGreaterThan(6);
    expect(ids.map((match) => match[1]).filter((id) => id?.startsWith('migrascope-'))).toEqual([]);
  });

  it('give the guest the ports that it is to have', () => {
    const ports = (text: string) =>
      [...text.matchAll(/name=(org\.[^ ]+)/g)].map((match) => match[1]);
    const [probe, control] = ['org.migrascope.probe.0', 'org.migrascope.control.0'];
    expect(ports(args({}))).toEqual([probe, control]);
    expect(ports(args({ probe: false, agent: true }))).toEqual([control, 'org.qemu.guest_agent.0']);
  });

  it('tell the guest what to do', () => {
    expect(kernelCommandLine({ ...LAB_DEFAULTS, workload: 'database', seed: 7 })).toBe(
      'console=ttyS0 quiet panic=-1 lab.serial=lab-disk0 lab.filesystem=ext4 lab.workload=database ' +
        'lab.seed=7 lab.size=1073741824 lab.rate=0 lab.probe=yes',
    );
  });
});
