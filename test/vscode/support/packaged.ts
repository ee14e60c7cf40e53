/** The packaged extension, made once for a run of the tests. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../../..');
/** Younger than this, in milliseconds, the package is that of this run. */
const FRESH_MS = 10 * 60_000;

/** Path of the VSIX; packages what was built where there is no fresh one. */
export function packagedExtension(): string {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    readonly version: string;
  };
  const path = join(ROOT, `migrascope-${version}.vsix`);
  const built = statSync(join(ROOT, 'dist/extension.cjs')).mtimeMs;
  const fresh = existsSync(path) && statSync(path).mtimeMs > built;
  if (!fresh || Date.now() - statSync(path).mtimeMs > FRESH_MS)
    execFileSync(process.execPath, ['scripts/package.mjs'], { cwd: ROOT, stdio: 'ignore' });
  return path;
}
