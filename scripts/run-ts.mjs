// Bundles a TypeScript program and runs it:  node scripts/run-ts.mjs FILE.ts [ARGUMENT …]
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { basename } from 'node:path';
import { build } from 'esbuild';

const [source, ...args] = process.argv.slice(2);
// In dist/, where the lab finds what was built for the guest.
const bundle = `dist/${basename(source, '.ts')}-${process.pid}.mjs`;
mkdirSync('dist', { recursive: true });
await build({
  entryPoints: [source],
  outfile: bundle,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  // What jsonc-parser calls `main` requires its parts in a way that can't be bundled.
  mainFields: ['module', 'main'],
  logLevel: 'warning',
  // They look for files beside their own.
  external: ['esbuild', 'playwright-core'],
  banner: {
    js: "import { createRequire as migrascopeRequire } from 'node:module'; const require = migrascopeRequire(import.meta.url);",
  },
});
try {
  const { status } = spawnSync(process.execPath, ['--enable-source-maps', bundle, ...args], {
    stdio: 'inherit',
  });
  process.exitCode = status ?? 1;
} finally {
  rmSync(bundle, { force: true });
}
