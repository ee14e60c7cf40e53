/** Real guests of the lab, from `lab up` to `lab down`. */
import { execFile } from 'node:child_process';
import { access, copyFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labDown, labFolders, labStatus, labUp, type BootedGuest } from '../../src/lab/index.js';
import { bootGuest, checkFileSystem, guestName, withLab, type TestGuest } from './support/lab.js';

const run = promisify(execFile);
const MiB = 1024 ** 2;
const small = { size: 64 * MiB, memory: 256 * MiB };
const workload = resolve(import.meta.dirname, '../../dist/lab/lab-workload');

/** Ends the workload and unmounts the disk, so that its image can be looked at. */
async function unmount(lab: TestGuest): Promise<void> {
  await lab.run(
    'kill $(cat /run/workload.pid); for i in $(seq 50); do umount /mnt && break; sleep 0.2; done; ! mountpoint -q /mnt',
  );
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function waitFor(what: () => Promise<boolean>): Promise<void> {
  while (!(await what())) await delay(100);
}

/** What `labUp` left of a guest that did not come up. */
async function remains(name: string): Promise<string[]> {
  const { guests, images } = labFolders();
  const all = [...(await readdir(guests)), ...(await readdir(images))];
  return all.filter((each) => each === name);
}

describe('a guest with Linux 6.1 and ext4', () => {
  let lab: TestGuest & AsyncDisposable;
  let guest: BootedGuest;
  let folder: string;

  beforeAll(async () => {
    lab = await bootGuest({ ...small, workload: 'database' });
    ({ guest } = lab);
    folder = await mkdtemp(join(tmpdir(), 'migrascope-lab-'));
  });

  afterAll(async () => {
    await lab[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  it('tells what it is, now and later', async () => {
    expect(guest).toMatchObject({
      workload: 'database',
      qmp: expect.stringMatching(/^unix:\//) as string,
    });
    expect(guest.kernel).toMatch(/^6\.1\./);
    expect(guest.disks).toMatchObject([{ name: 'disk0', size: 64 * MiB, fileSystem: 'ext4' }]);
    expect(await labStatus()).toContainEqual(guest);
  });

  it('can’t be booted twice under one name', async () => {
    await expect(labUp({ ...small, name: guest.name })).rejects.toMatchObject({
      kind: 'lab',
      message: `The lab guest ${guest.name} runs already.`,
    });
    expect(await labStatus()).toContainEqual(guest);
  });

  it('runs commands', async () => {
    expect(await lab.run('uname -r; cat /sys/block/vda/serial')).toBe(`${guest.kernel}\nlab-disk0`);
    await expect(lab.run('echo no >&2; exit 3')).rejects.toThrow('ended with 3: no\n');
  });

  it('is busy, and its files are what was written', async () => {
    const written = async () =>
      Number((await lab.run("awk '{ print $7 }' /sys/block/vda/stat")).trim());
    const before = await written();
    await waitFor(async () => (await written()) > before);
    expect(await lab.verify()).toBeGreaterThan(1000);
  });

  it('has the probe in it', async () => {
    const found = await lab.run('ps');
    expect(found).toContain('/bin/migrascope-probe --port org.migrascope.probe.0');
  });

  it('boots from its kernel and initial RAM disk too, given by name', async () => {
    const initrd = join(folder, 'initrd');
    await copyFile(join(dirname(guest.console), 'initrd.gz'), initrd);
    const [release] = await readdir(join(labFolders().kernels, 'debian-6.1/lib/modules'));
    const kernel = join(labFolders().kernels, 'debian-6.1/boot', `vmlinuz-${release ?? ''}`);
    await withLab({ ...small, kernel, initrd, workload: 'idle' }, async (other) => {
      expect(await other.run('uname -r')).toBe(`${guest.kernel}\n`);
      expect((await labStatus()).map(({ name }) => name)).toEqual(
        expect.arrayContaining([guest.name, other.guest.name]),
      );
    });
  });

  it('keeps its files when it reboots', async () => {
    const bootId = 'cat /proc/sys/kernel/random/boot_id';
    const before = await lab.run(`touch /mnt/witness; sync; ${bootId}`);
    await lab.run('(sleep 0.5; echo b > /proc/sysrq-trigger) >/dev/null 2>&1 &');
    await waitFor(
      async () => (await readFile(guest.console, 'latin1')).split('lab: READY').length === 3,
    );
    expect(await lab.run(bootId)).not.toBe(before);
    await lab.run('ls /mnt/witness');
    expect(await lab.verify()).toBeGreaterThan(1000);
  });

  it('leaves a clean file system, with files that can be checked without it', async () => {
    await unmount(lab);
    const [disk] = guest.disks;
    await checkFileSystem(disk!.image, 'ext4');
    const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
    await run('debugfs', ['-R', `rdump / ${folder}`, disk!.image], { env });
    const { stdout } = await run(workload, ['verify', folder, '1']);
    expect(stdout).toMatch(/^ok [1-9]\d*\n$/);
  });

  it('ends when it powers off, and is cleared away by `lab down`', async () => {
    await lab.run('(sleep 0.5; poweroff -f) >/dev/null 2>&1 &');
    await waitFor(async () => !(await labStatus()).some(({ name }) => name === guest.name));
    expect(await labDown(guest.name)).toBe(true);
    expect(await remains(guest.name)).toEqual([]);
    expect(await isThere(guest.disks[0]!.image)).toBe(false);
    expect(await labDown(guest.name)).toBe(false);
  });
});

describe('a guest with Linux 6.12, xfs, qcow2, the agent, and no probe', () => {
  it('is busy, answers to the agent, and leaves a clean file system', async () => {
    const options = {
      kernelVersion: '6.12',
      fileSystem: 'xfs',
      format: 'qcow2',
      agent: true,
      probe: false,
      workload: 'small-files',
      size: 320 * MiB,
      memory: 320 * MiB,
    } as const;
    await withLab(options, async (lab) => {
      expect(lab.guest.kernel).toMatch(/^6\.12\./);
      expect(lab.guest).not.toHaveProperty('probe');
      expect(await askAgent(lab.guest.agent ?? '', 'guest-ping')).toBe('{"return": {}}');
      expect(await lab.run('mount | grep /mnt')).toContain('type xfs');
      expect(await lab.run('ls /dev/virtio-ports; ls /bin/migrascope-probe || true')).not.toContain(
        'probe.0',
      );
      expect(await lab.verify()).toBeGreaterThan(1000);
      await unmount(lab);
      const { image } = lab.guest.disks[0]!;
      const raw = `${image}.check`;
      await run('qemu-img', ['convert', '-U', '-O', 'raw', image, raw]);
      await checkFileSystem(raw, 'xfs');
    });
  });
});

/** One question to qemu-guest-agent, and its answer. */
async function askAgent(address: string, command: string): Promise<string> {
  const socket = connect(address.replace('unix:', ''));
  try {
    socket.write(`{"execute":"${command}"}\n`);
    let answer = '';
    for await (const data of socket as AsyncIterable<Buffer>) {
      answer += data.toString();
      if (answer.includes('\n')) break;
    }
    return answer.trim();
  } finally {
    socket.destroy();
  }
}

describe('a guest that does not come up', () => {
  it('is ended with what QEMU said', async () => {
    const name = guestName();
    await expect(labUp({ ...small, name, extra: ['-device', 'nonsense'] })).rejects.toMatchObject({
      kind: 'lab',
      message: expect.stringMatching(/^QEMU ended while the guest booted: .*nonsense/s) as string,
    });
    expect(await remains(name)).toEqual([]);
  });

  it('is ended with what its console says', async () => {
    const name = guestName();
    const extra = ['-append', 'console=ttyS0 quiet panic=-1 lab.serial=other lab.filesystem=ext4'];
    await expect(labUp({ ...small, name, extra })).rejects.toMatchObject({
      kind: 'lab',
      message: expect.stringMatching(
        /^The lab guest did not come up\. .*FAILED: the disk could not be mounted/s,
      ) as string,
    });
    expect(await remains(name)).toEqual([]);
  });

  it('is ended when that is cancelled while it boots', async () => {
    const name = guestName();
    const cancel = new AbortController();
    const progress = (message: string) => {
      if (message.startsWith('Booting')) cancel.abort();
    };
    const up = labUp({ ...small, name }, { signal: cancel.signal, progress });
    await expect(up).rejects.toMatchObject({ kind: 'cancelled' });
    expect((await labStatus()).map((guest) => guest.name)).not.toContain(name);
    expect(await remains(name)).toEqual([]);
  });
});
