/** The guest's kernel: Debian's cloud kernel, from the machine's own package sources, kept in the cache. */
import { access, mkdir, mkdtemp, readdir, rename, rm, writeFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LabError } from '../base/errors.js';
import { runTool } from './command.js';
import type { KernelVersion } from './types.js';

/** An unpacked kernel package. */
export interface Kernel {
  /** As `uname -r` says in the guest. */
  readonly release: string;
  readonly image: string;
  /** The folder of its modules. */
  readonly modules: string;
}

const HINT =
  'Give --kernel FILE and --initrd FILE, or use a Debian system with its package sources set up.';

/**
 * The newest kernel of that line: from the cache, else downloaded.
 * @param progress is told what takes long.
 * @throws LabError when it can't be had, CancelledError.
 */
export async function findKernel(
  version: KernelVersion,
  cache: string,
  progress: (message: string) => void,
  signal?: AbortSignal,
): Promise<Kernel> {
  const folder = join(cache, `debian-${version}`);
  if (!(await exists(folder))) await downloadKernel(version, cache, folder, progress, signal);
  const [release] = await readdir(join(folder, 'lib/modules'));
  if (!release)
    throw new LabError(`The kernel in ${folder} has no modules.`, {
      hint: `Delete ${folder} and try again.`,
    });
  return {
    release,
    image: join(folder, 'boot', `vmlinuz-${release}`),
    modules: join(folder, 'lib/modules', release, 'kernel'),
  };
}

/** Unpacks into a folder of its own and moves it into place, so that two can do it at once. */
async function downloadKernel(
  version: KernelVersion,
  cache: string,
  folder: string,
  progress: (message: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, `.debian-${version}-`));
  const options = { cwd: work, package: 'apt', ...(signal ? { signal } : {}) };
  try {
    progress(`Looking for Debian's cloud kernel ${version} …`);
    const apt = await packageSources(version, work, options);
    progress(`Downloading ${apt.name} …`);
    await runTool('apt-get', [...apt.options, 'download', apt.name], options);
    const file = (await readdir(work)).find((name) => name.endsWith('.deb'));
    if (!file) throw new LabError(`apt-get downloaded no ${apt.name}.`, { hint: HINT });
    await runTool('dpkg', ['-x', file, 'kernel'], { ...options, package: 'dpkg' });
    await rename(join(work, 'kernel'), folder).catch(async (error: unknown) => {
      if (!(await exists(folder))) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

interface PackageSource {
  /** Of the package. */
  readonly name: string;
  /** For apt. */
  readonly options: readonly string[];
}

/**
 * Tries what the machine has: its own lists, then lists of our own from its own sources, then the
 * backports of the same mirror; nothing of the machine is changed.
 */
async function packageSources(
  version: KernelVersion,
  work: string,
  options: { readonly cwd: string; readonly signal?: AbortSignal },
): Promise<PackageSource> {
  const own = await newestPackage(version, [], options);
  if (own) return { name: own, options: [] };
  await mkdir(join(work, 'lists/partial'), { recursive: true });
  await mkdir(join(work, 'archives/partial'), { recursive: true });
  const folders = [
    ...['-o', `Dir::State::Lists=${join(work, 'lists')}`],
    ...['-o', `Dir::Cache::archives=${join(work, 'archives')}`],
    ...['-o', 'Dir::Cache::pkgcache=', '-o', 'Dir::Cache::srcpkgcache='],
  ];
  const lists = join(work, 'sources.list');
  await writeFile(lists, await backportsOf(work));
  const withBackports = [
    ...folders,
    '-o',
    `Dir::Etc::sourcelist=${lists}`,
    '-o',
    'Dir::Etc::sourceparts=-',
  ];
  for (const tried of [folders, withBackports]) {
    await runTool('apt-get', [...tried, 'update', '-q'], { ...options, package: 'apt' });
    const name = await newestPackage(version, tried, options);
    if (name) return { name, options: tried };
  }
  throw new LabError(`There is no package of a Debian cloud kernel ${version} to be had.`, {
    hint: HINT,
  });
}

async function newestPackage(
  version: KernelVersion,
  aptOptions: readonly string[],
  options: { readonly cwd: string; readonly signal?: AbortSignal },
): Promise<string | undefined> {
  const escaped = version.replace('.', '\\.');
  const pattern = `^linux-image-${escaped}\\.[0-9].*cloud-amd64-unsigned$`;
  const found = await runTool('apt-cache', [...aptOptions, 'search', '--names-only', pattern], {
    ...options,
    package: 'apt',
  });
  const names = found.split('\n').flatMap((line) => line.split(' ')[0] || []);
  const collator = new Intl.Collator('en', { numeric: true });
  return names.sort((a, b) => collator.compare(a, b)).at(-1);
}

/** A sources list for the backports on the machine's own mirror. */
async function backportsOf(work: string): Promise<string> {
  const found = await runTool('apt-get', ['indextargets', '--format', '$(SITE) $(RELEASE)'], {
    cwd: work,
    package: 'apt',
  });
  const line = found
    .split('\n')
    .find((each) => / [a-z]+$/.test(each) && !each.includes('security'));
  const [site, release] = line?.split(' ') ?? [];
  if (!site || !release) return '';
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  return `deb [signed-by=${keyring}] ${site} ${release}-backports main\n`;
}

/** The bytes of a module, unpacked, and the modules that it needs. */
export async function readModule(
  path: string,
): Promise<{ data: Buffer; needs: readonly string[] }> {
  const data = path.endsWith('.xz')
    ? Buffer.from(await runTool('xz', ['-dc', path], { package: 'xz-utils' }), 'latin1')
    : await readFile(path);
  const text = data.toString('latin1');
  const at = text.indexOf('\0depends=');
  const needs = at < 0 ? '' : text.slice(at + '\0depends='.length, text.indexOf('\0', at + 1));
  return { data, needs: needs.split(',').filter((name) => name !== '') };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
