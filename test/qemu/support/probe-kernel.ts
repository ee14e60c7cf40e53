/**
 * Kernel and initial file system of the guests in which the probe is tested: a Debian cloud kernel,
 * fetched once into a cache folder, and busybox with the modules that it needs.
 */
import { execFile } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export type KernelVersion = '6.1' | '6.12';

/** In the order in which they are loaded; what a kernel has built in is not among its files. */
const modules = [
  'virtio',
  'virtio_ring',
  'virtio_pci_modern_dev',
  'virtio_pci_legacy_dev',
  'virtio_pci',
  'virtio_blk',
  'virtio_console',
  'xfs',
  'btrfs',
  'dm-mod',
];

const cache = path.join(
  process.env['XDG_CACHE_HOME'] ?? path.join(os.homedir(), '.cache'),
  'migrascope',
  'probe-tests',
);

async function packageName(version: KernelVersion): Promise<string> {
  const pattern = `^linux-image-${version.replace('.', '\\.')}\\..*cloud-amd64-unsigned`;
  const { stdout } = await run('apt-cache', ['search', '--names-only', pattern]);
  const names = stdout
    .split('\n')
    .map((line) => line.split(' ')[0]!)
    .filter((name) => name !== '')
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const newest = names.at(-1);
  if (newest === undefined) throw new Error(`apt knows no cloud kernel ${version}.`);
  return newest;
}

/** The folder into which the kernel's package was unpacked; fetched on first use. */
async function kernelFolder(version: KernelVersion): Promise<string> {
  const folder = path.join(cache, `linux-${version}`);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(path.join(cache, 'fetch-'));
  try {
    await run('apt-get', ['download', await packageName(version)], { cwd: work });
    const archive = readdirSync(work).find((name) => name.endsWith('.deb'))!;
    await run('dpkg', ['-x', path.join(work, archive), path.join(work, 'unpacked')]);
    renameSync(path.join(work, 'unpacked'), folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return folder;
}

function findModules(folder: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const match = /^(.+)\.ko(\.xz)?$/.exec(entry.name);
    if (match) found.set(match[1]!.replaceAll('_', '-'), path.join(entry.parentPath, entry.name));
  }
  return found;
}

async function readModule(file: string): Promise<Buffer> {
  if (!file.endsWith('.xz')) return readFileSync(file);
  const { stdout } = await run('xz', ['-dc', file], { encoding: 'buffer', maxBuffer: 64 << 20 });
  return stdout;
}

/** Copies a module and what it depends on, and gives their names in the order of loading. */
async function copyModule(
  name: string,
  files: Map<string, string>,
  target: string,
  loaded: string[],
): Promise<void> {
  const key = name.replaceAll('_', '-');
  const file = files.get(key);
  if (file === undefined || loaded.includes(key)) return;
  const bytes = await readModule(file);
  const at = bytes.indexOf('\0depends=');
  const depends = at < 0 ? '' : bytes.toString('latin1', at + 9, bytes.indexOf(0, at + 9));
  for (const other of depends.split(',').filter((text) => text !== ''))
    await copyModule(other, files, target, loaded);
  writeFileSync(path.join(target, `${key}.ko`), bytes);
  loaded.push(key);
}

const init = `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs run /run
mkdir -p /mnt /mnt2 /dev/mapper /tmp
for module in $(cat /modules/order); do insmod /modules/$module.ko; done
for i in 1 2 3 4 5 6 7 8 9 10; do
  for port in /sys/class/virtio-ports/*; do
    [ "$(cat $port/name 2>/dev/null)" = org.migrascope.shell.0 ] && shell=/dev/\${port##*/}
  done
  [ -n "$shell" ] && break
  sleep 0.2
done
exec 0<>$shell 1>&0 2>&0
echo READY
while read -r line; do
  sh -c "$line" </dev/null 2>&1
  echo "END $?"
done
poweroff -f
`;

/** Copies a program of this machine with the libraries that it is linked to. */
async function copyProgram(program: string, root: string): Promise<void> {
  const { stdout } = await run('ldd', [program]).catch(() => ({ stdout: '' }));
  const libraries = [...stdout.matchAll(/(\/\S+)\s+\(0x/g)].map((match) => match[1]!);
  for (const file of libraries) {
    mkdirSync(path.join(root, path.dirname(file)), { recursive: true });
    cpSync(realpathSync(file), path.join(root, file));
  }
  cpSync(realpathSync(program), path.join(root, 'bin', path.basename(program)));
}

/** Builds the initial file system; `probe` is the program under test. */
async function buildInitrd(folder: string, probe: string, file: string): Promise<void> {
  const root = mkdtempSync(path.join(os.tmpdir(), 'migrascope-initrd-'));
  try {
    for (const name of ['bin', 'proc', 'sys', 'dev', 'run', 'modules'])
      mkdirSync(path.join(root, name));
    cpSync('/bin/busybox', path.join(root, 'bin/busybox'));
    cpSync(probe, path.join(root, 'bin/migrascope-probe'));
    await copyProgram('/sbin/dmsetup', root);
    const files = findModules(path.join(folder, 'lib/modules'));
    const loaded: string[] = [];
    for (const name of modules) await copyModule(name, files, path.join(root, 'modules'), loaded);
    writeFileSync(path.join(root, 'modules/order'), loaded.join('\n'));
    writeFileSync(path.join(root, 'init'), init);
    chmodSync(path.join(root, 'init'), 0o755);
    await run('sh', ['-c', 'find . | cpio --quiet -o -H newc | gzip -1 > "$0"', file], {
      cwd: root,
    });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** Fetches the kernel and builds the initial file system into `folder`. */
export async function prepareKernel(
  version: KernelVersion,
  probe: string,
  folder: string,
): Promise<{ readonly kernel: string; readonly initrd: string }> {
  const unpacked = await kernelFolder(version);
  const image = readdirSync(path.join(unpacked, 'boot')).find((name) =>
    name.startsWith('vmlinuz'),
  )!;
  const initrd = path.join(folder, 'initrd.gz');
  await buildInitrd(unpacked, probe, initrd);
  return { kernel: path.join(unpacked, 'boot', image), initrd };
}
