/** Finds what the build puts into dist/ for the guest, from the bundle in it or from the sources. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The path of a file in dist/, e.g. `probe/x86_64/migrascope-probe`; whether it is there is not said. */
export async function builtPath(name: string): Promise<string> {
  const here = fileURLToPath(new URL('.', import.meta.url));
  const bundled = await stat(join(here, name)).then(
    () => true,
    () => false,
  );
  return bundled ? join(here, name) : join(here, '../../dist', name);
}

/** The probe for a machine as `uname -m` names it; undefined where none was built for it. */
export async function readBuiltProbe(machine: string): Promise<Buffer | undefined> {
  if (!/^[a-z0-9_]+$/.test(machine)) return undefined;
  return readFile(await builtPath(`probe/${machine}/migrascope-probe`)).catch(() => undefined);
}
