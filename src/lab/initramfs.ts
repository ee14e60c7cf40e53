/** The guest's initial RAM disk: busybox, modules, the lab's own programs and the probe. */
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { LabError, messageOf } from '../base/errors.js';
import { cpioArchive, type ArchiveEntry } from './cpio.js';
import { readModule, type Kernel } from './kernel.js';

/** Modules that a guest may want; what is built into a kernel is not among its modules. */
const MODULES = [
  'virtio_pci',
  'virtio_blk',
  'virtio_console',
  'ext4',
  'xfs',
  'btrfs',
  'dm_mod',
  'loop',
];

const FOLDER = 0o040755;
const PROGRAM = 0o100755;
const DEVICE = 0o020600;

/**
 * Writes the initial RAM disk for `kernel` to `path`.
 * @throws LabError when a part of it is missing.
 */
export async function writeInitramfs(kernel: Kernel, path: string): Promise<void> {
  const entries: ArchiveEntry[] = [
    ...['bin', 'dev', 'modules'].map((name) => ({ name, mode: FOLDER })),
    { name: 'dev/console', mode: DEVICE, device: { major: 5, minor: 1 } },
    { name: 'bin/busybox', mode: PROGRAM, data: await readBusybox() },
    { name: 'init', mode: PROGRAM, data: await readBuilt('lab/init') },
    ...(await programEntries()),
    ...(await moduleEntries(kernel)),
  ];
  await writeFile(path, gzipSync(cpioArchive(entries), { level: 1 }));
}

/** The lab's programs, and the probe. */
async function programEntries(): Promise<ArchiveEntry[]> {
  const programs = ['lab/lab-workload', 'lab/lab-control', 'probe/x86_64/migrascope-probe'];
  return Promise.all(
    programs.map(async (program) => ({
      name: `bin/${basename(program)}`,
      mode: PROGRAM,
      data: await readBuilt(program),
    })),
  );
}

/** The modules and what they need, and the list in the order of loading. */
async function moduleEntries(kernel: Kernel): Promise<ArchiveEntry[]> {
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
  for (const name of MODULES) await load(name);
  const list = [...loaded.keys()].map((name) => `${name}.ko\n`).join('');
  return [
    { name: 'modules/list', mode: 0o100644, data: Buffer.from(list) },
    ...[...loaded].map(([name, data]) => ({ name: `modules/${name}.ko`, mode: 0o100644, data })),
  ];
}

async function readBusybox(): Promise<Buffer> {
  for (const path of ['/bin/busybox', '/usr/bin/busybox']) {
    const data = await readFile(path).catch(() => undefined);
    // A program that needs a dynamic loader names it; the guest has none.
    if (data && !data.includes('/ld-linux')) return data;
  }
  throw new LabError('The lab needs a static busybox, and there is none on this machine.', {
    hint: 'On Debian and Ubuntu: apt-get install busybox-static',
  });
}

/** Something that the build put into dist/. */
async function readBuilt(name: string): Promise<Buffer> {
  const path = await distFolder().then((folder) => join(folder, name));
  return readFile(path).catch((error: unknown) => {
    throw new LabError(`The lab needs ${path}: ${messageOf(error)}`, {
      cause: error,
      hint: 'Build it: npm run build:guest',
    });
  });
}

/** dist/, from the bundle in it or from the sources. */
async function distFolder(): Promise<string> {
  const here = fileURLToPath(new URL('.', import.meta.url));
  const bundled = await stat(join(here, 'lab/init')).then(
    () => true,
    () => false,
  );
  return bundled ? here : join(here, '../../dist');
}
