/**
 * Initial RAM disk of the guests in which the probe is tested: the lab's kernels and building blocks,
 * with more file systems, dmsetup, and a shell on a port in place of a workload.
 */
import { readFile, realpath, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import {
  cpioArchive,
  findKernel,
  labFolders,
  moduleEntries,
  readBusybox,
  type ArchiveEntry,
  type KernelVersion,
} from '../../../src/lab/index.js';
import { run } from './qemu-process.js';

const FOLDER = 0o040755;
const PROGRAM = 0o100755;

/** What a kernel has built in is not among its files. */
const MODULES = ['virtio_pci', 'virtio_blk', 'virtio_console', 'xfs', 'btrfs', 'dm_mod'];

const INIT = `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs run /run
mkdir -p /mnt /mnt2 /dev/mapper /tmp
while read -r module; do insmod /modules/$module; done </modules/list
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

/** Writes the initial RAM disk into `folder`; `probe` is the program under test. */
export async function prepareKernel(
  version: KernelVersion,
  probe: string,
  folder: string,
): Promise<{ readonly kernel: string; readonly initrd: string }> {
  const context = { cache: labFolders().kernels, progress: () => undefined };
  const kernel = await findKernel(version, context);
  const entries: ArchiveEntry[] = [
    ...['bin', 'proc', 'sys', 'dev', 'run', 'modules'].map(folderEntry),
    { name: 'bin/busybox', mode: PROGRAM, data: await readBusybox(context) },
    { name: 'bin/migrascope-probe', mode: PROGRAM, data: await readFile(probe) },
    { name: 'init', mode: PROGRAM, data: Buffer.from(INIT) },
    ...(await programEntries('/sbin/dmsetup')),
    ...(await moduleEntries(kernel, MODULES)),
  ];
  const initrd = path.join(folder, 'initrd.gz');
  await writeFile(initrd, gzipSync(cpioArchive(entries), { level: 1 }));
  return { kernel: kernel.image, initrd };
}

function folderEntry(name: string): ArchiveEntry {
  return { name, mode: FOLDER };
}

/** A program of this machine and the libraries that it is linked to, with their folders. */
async function programEntries(program: string): Promise<ArchiveEntry[]> {
  const { stdout } = await run('ldd', [program]);
  const libraries = [...stdout.matchAll(/(\/\S+)\s+\(0x/g)].map((match) => match[1]!);
  const folders = new Set<string>();
  for (const library of libraries)
    for (let at = path.dirname(library); at !== '/'; at = path.dirname(at)) folders.add(at);
  const files = [[program, `/bin/${path.basename(program)}`], ...libraries.map((at) => [at, at])];
  return [
    ...[...folders].sort().map((at) => folderEntry(at.slice(1))),
    ...(await Promise.all(
      files.map(async ([from, to]) => ({
        name: to!.slice(1),
        mode: PROGRAM,
        data: await readFile(await realpath(from!)),
      })),
    )),
  ];
}
