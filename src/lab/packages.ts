/**
 * Debian packages, unpacked into the cache: from the machine's own package sources, changing nothing
 * of the machine. Needs no root.
 */
import { access, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CancelledError, LabError } from '../base/errors.js';
import { runTool, type CommandOptions } from './command.js';

export interface WantedPackage {
  /** What it is, for people. */
  readonly what: string;
  /** Of its folder in the cache. */
  readonly folder: string;
  /** Regular expression of its name; of several, the newest is taken. */
  readonly pattern: string;
  /** What to do where it can't be had. */
  readonly hint: string;
}

export interface PackageContext {
  /** The folder that packages are kept in. */
  readonly cache: string;
  /** Is told what takes long. */
  readonly progress: (message: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * A package: from the cache, else downloaded.
 * @returns the folder that it is unpacked in.
 * @throws LabError when it can't be had, CancelledError.
 */
export async function unpackedPackage(
  wanted: WantedPackage,
  context: PackageContext,
): Promise<string> {
  const folder = join(context.cache, wanted.folder);
  if (await exists(folder)) return folder;
  await mkdir(context.cache, { recursive: true });
  const work = await mkdtemp(join(context.cache, `.${wanted.folder}-`));
  try {
    const file = await downloadPackage(wanted, work, context);
    const options = { cwd: work, ...signalOf(context), package: 'dpkg' };
    await runTool('dpkg', ['-x', file, 'unpacked'], options);
    // Into place at once, so that two can do it at the same time.
    await rename(join(work, 'unpacked'), folder).catch(async (error: unknown) => {
      if (!(await exists(folder))) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return folder;
}

/** Tries the lists that the machine has, then newer ones of its sources, then its mirror's backports. */
async function downloadPackage(
  wanted: WantedPackage,
  work: string,
  context: PackageContext,
): Promise<string> {
  const options = { cwd: work, ...signalOf(context), package: 'apt' };
  context.progress(`Looking for ${wanted.what} …`);
  let cause: unknown;
  for (const source of [machineLists, newerLists, backports]) {
    try {
      const apt = await source(work, options);
      const name = await newestName(wanted.pattern, apt, options);
      if (name === undefined) continue;
      context.progress(`Downloading ${name} …`);
      await runTool('apt-get', [...apt, 'download', name], options);
      const file = (await readdir(work)).find((each) => each.endsWith('.deb'));
      if (file) return join(work, file);
    } catch (error) {
      if (error instanceof CancelledError) throw error;
      cause = error;
    }
  }
  throw new LabError(`There is no package of ${wanted.what} to be had.`, {
    hint: wanted.hint,
    cause,
  });
}

/** A source of packages: gives options for apt. */
type Source = (work: string, options: CommandOptions) => Promise<readonly string[]>;

const machineLists: Source = async () => Promise.resolve([]);

const newerLists: Source = async (work, options) => {
  const apt = ['-c', await aptConfiguration(work, 'newer', '')];
  await runTool('apt-get', [...apt, 'update', '-q'], options);
  return apt;
};

const backports: Source = async (work, options) => {
  const list = join(work, 'backports.list');
  await writeFile(list, await backportsLine(['-c', configurationFile(work, 'newer')], options));
  const lines = `Dir::Etc::sourcelist "${list}";\nDir::Etc::sourceparts "-";\n`;
  const apt = ['-c', await aptConfiguration(work, 'backports', lines)];
  await runTool('apt-get', [...apt, 'update', '-q'], options);
  return apt;
};

/** A configuration with lists of its own, and without the machine's hooks, which may need root. */
async function aptConfiguration(work: string, name: string, more: string): Promise<string> {
  const folder = join(work, name);
  await mkdir(join(folder, 'lists/partial'), { recursive: true });
  await mkdir(join(folder, 'archives/partial'), { recursive: true });
  const file = configurationFile(work, name);
  await writeFile(
    file,
    `Dir::State::Lists "${join(folder, 'lists')}";
Dir::Cache::archives "${join(folder, 'archives')}";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
${more}`,
  );
  return file;
}

function configurationFile(work: string, name: string): string {
  return join(work, name, 'apt.conf');
}

async function newestName(
  pattern: string,
  apt: readonly string[],
  options: CommandOptions,
): Promise<string | undefined> {
  const found = await runTool('apt-cache', [...apt, 'search', '--names-only', pattern], options);
  const names = found.split('\n').flatMap((line) => line.split(' ')[0] || []);
  return newest(names);
}

/** The name with the highest numbers, compared from the left. */
export function newest(names: readonly string[]): string | undefined {
  const collator = new Intl.Collator('en', { numeric: true });
  return [...names].sort((a, b) => collator.compare(a, b)).at(-1);
}

const DEBIAN_KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg';

/**
 * A line of a sources list for the backports on the machine's own mirror; empty where it has none.
 * @param apt options with lists that are there: without them apt names no mirror.
 */
async function backportsLine(apt: readonly string[], options: CommandOptions): Promise<string> {
  const system = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const release = /^VERSION_CODENAME=(.+)$/m.exec(system)?.[1];
  const indexTargets = [...apt, 'indextargets', '--format', '$(SITE) $(RELEASE)'];
  const found = await runTool('apt-get', indexTargets, options);
  const targets = found.split('\n').map((line) => line.split(' '));
  const [site] =
    targets.find(([address, name]) => name === release && !address?.includes('security')) ?? [];
  if (site === undefined || release === undefined) return '';
  return `deb [signed-by=${DEBIAN_KEYS}] ${site} ${release}-backports main\n`;
}

function signalOf({ signal }: PackageContext): { readonly signal?: AbortSignal } {
  return signal ? { signal } : {};
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
