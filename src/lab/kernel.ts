/** The guest's kernel: Debian's cloud kernel, from the machine's own package sources, kept in the cache. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LabError } from '../base/errors.js';
import { runTool } from './command.js';
import { unpackedPackage, type PackageContext } from './packages.js';
import type { KernelVersion } from './types.js';

/** An unpacked kernel package. */
export interface Kernel {
  /** As `uname -r` says in the guest. */
  readonly release: string;
  readonly image: string;
  /** The folder of its modules. */
  readonly modules: string;
}

/**
 * The newest kernel of that line: from the cache, else downloaded.
 * @throws LabError when it can't be had, CancelledError.
 */
export async function findKernel(version: KernelVersion, context: PackageContext): Promise<Kernel> {
  const folder = await unpackedPackage(
    {
      what: `Debian's cloud kernel ${version}`,
      folder: `debian-${version}`,
      pattern: `^linux-image-${version.replace('.', '\\.')}\\.[0-9].*cloud-amd64-unsigned$`,
      hint: 'Give --kernel FILE and --initrd FILE of a lab guest that was built on Debian, or set up the package sources of a Debian system.',
    },
    context,
  );
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

/** The bytes of a module, unpacked, and the modules that it needs. */
export async function readModule(
  path: string,
): Promise<{ data: Buffer; needs: readonly string[] }> {
  const data = path.endsWith('.xz')
    ? Buffer.from(await runTool('xz', ['-dc', path], { package: 'xz-utils' }), 'latin1')
    : await readFile(path);
  return { data, needs: neededModules(data) };
}

/** The modules that a module names as needed (its section `.modinfo`, field `depends`). */
export function neededModules(module: Buffer): readonly string[] {
  const text = module.toString('latin1');
  const field = '\0depends=';
  const at = text.indexOf(field);
  const needs = at < 0 ? '' : text.slice(at + field.length, text.indexOf('\0', at + 1));
  return needs.split(',').filter((name) => name !== '');
}
