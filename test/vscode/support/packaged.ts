/** The packaged extension. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../../..');

/** Path of the VSIX of what was built; packages it where that was not done since. */
export function packagedExtension(): string {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    readonly version: string;
  };
  const path = join(ROOT, `migrascope-${version}.vsix`);
  const built = statSync(join(ROOT, 'dist/extension.cjs')).mtimeMs;
  if (!existsSync(path) || statSync(path).mtimeMs < built)
    execFileSync(process.execPath, ['scripts/package.mjs'], { cwd: ROOT, stdio: 'ignore' });
  return path;
}
