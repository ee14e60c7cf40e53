/** The guest's initial RAM disk: busybox, modules, the lab's own programs and the probe. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { builtPath } from '../base/built-files.js';
import { LabError, messageOf } from '../base/errors.js';
import { cpioArchive, type ArchiveEntry } from './cpio.js';
import { agentEntries } from './agent.js';
import { readModule, type Kernel } from './kernel.js';
import { unpackedPackage, type PackageContext } from './packages.js';
import type { LabOptions } from './types.js';

/** Modules that every guest wants; what is built into a kernel is not among its modules. */
const MODULES = ['virtio_pci', 'virtio_blk', 'virtio_console'];

const FOLDER = 0o040755;
const PROGRAM = 0o100755;
const DEVICE = 0o020600;

/**
 * Writes the initial RAM disk of a guest to `path`.
 * @throws LabError when a part of it is missing, CancelledError.
 */
export async function writeInitramfs(
  options: LabOptions,
  kernel: Kernel,
  path: string,
  context: PackageContext,
): Promise<void> {
  const programs = ['lab/lab-workload', 'lab/lab-control'];
  if (options.probe) programs.push('probe/x86_64/migrascope-probe');
  const entries: ArchiveEntry[] = [
    ...['bin', 'dev', 'modules'].map((name) => ({ name, mode: FOLDER })),
    { name: 'dev/console', mode: DEVICE, device: { major: 5, minor: 1 } },
    { name: 'bin/busybox', mode: PROGRAM, data: await readBusybox(context) },
    { name: 'init', mode: PROGRAM, data: await readBuilt('lab/init') },
    ...(await Promise.all(programs.map(programEntry))),
    ...(await moduleEntries(kernel, [...MODULES, options.fileSystem])),
    ...(options.agent ? await agentEntries(context) : []),
  ];
  await writeFile(path, gzipSync(cpioArchive(entries), { level: 1 }));
}

async function programEntry(program: string): Promise<ArchiveEntry> {
  return { name: `bin/${basename(program)}`, mode: PROGRAM, data: await readBuilt(program) };
}

/**
 * The modules and what they need, and `modules/list`, their file names in the order of loading. What is
 * built into the kernel is left out.
 */
export async function moduleEntries(
  kernel: Kernel,
  wanted: readonly string[],
): Promise<ArchiveEntry[]> {
  const files = new Map<string, string>();
  for (const name of await readdir(kernel.modules, { recursive: true })) {
    const module = /([^/]+)\.ko(\.xz)?$/.exec(name)?.[1];
    if (module) files.set(module.replaceAll('-', '_'), join(kernel.modules, name));
  }
  const loaded = new Map<string, Buffer>();
  const load = async (name: string): Promise<void> => {
    const file = files.get(name.replaceAll('-', '_'));
    if (file === undefined || loaded.has(name)) return;
    const { data, needs } = await readModule(file);
    for (const needed of needs) await load(needed.replaceAll('-', '_'));
    loaded.set(name, data);
  };
  for (const name of wanted) await load(name);
  const list = [...loaded.keys()].map((name) => `${name}.ko\n`).join('');
  return [
    { name: 'modules/list', mode: 0o100644, data: Buffer.from(list) },
    ...[...loaded].map(([name, data]) => ({ name: `modules/${name}.ko`, mode: 0o100644, data })),
  ];
}

/**
 * From the machine, where it is static: the guest has no dynamic loader. Else from its package.
 * @throws LabError when it can't be had, CancelledError.
 */
export async function readBusybox(context: PackageContext): Promise<Buffer> {
  for (const path of ['/bin/busybox', '/usr/bin/busybox']) {
    const data = await readFile(path).catch(() => undefined);
    if (data && !data.includes('/ld-linux')) return data;
  }
  const folder = await unpackedPackage(
    {
      what: 'a static busybox',
      folder: 'busybox-static',
      pattern: '^busybox-static$',
      hint: 'Install a busybox that is linked statically. On Debian and Ubuntu: apt-get install busybox-static',
    },
    context,
  );
  return readFile(join(folder, 'bin/busybox')).catch(() =>
    readFile(join(folder, 'usr/bin/busybox')),
  );
}

/** Something that the build put into dist/. */
async function readBuilt(name: string): Promise<Buffer> {
  const path = await builtPath(name);
  return readFile(path).catch((error: unknown) => {
    throw new LabError(`The lab needs ${path}: ${messageOf(error)}`, {
      cause: error,
      hint: 'Build it: npm run build:guest',
    });
  });
}
